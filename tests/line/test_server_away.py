"""Lanes while the factory's server is dead: units that hold their certificate finish, the others wait, and nobody has to help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from station.errors import Code, LedgerFault
from station.events import WaitReason
from station.ledger import Ledger, run_recorder
from station.line import lane as lane_module
from station.line.shift import Shift
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.unit import Mac
from station.verdict import Step, StepState, Verdict
from tests.batch_csv import write_batch_csv
from tests.end_to_end.quick_line import LineAtWork, at_work, opened_shift, step, told
from tests.end_to_end.quick_units import make_product, quick_fixture, unit_number
from tests.ledger.postgresql_server import Server, new_database
from tests.ledger.test_server_away import before_secrets_are_read, shut
from tests.line.conftest import Desk
from tests.line.workshop import WAIT_S, Workshop, workshops
from tests.peripherals.tcp_printer import TcpPrinterDouble

A, B = (Mac(f"24:0a:c4:00:30:{number:02x}") for number in (1, 2))
PASS = (Verdict.PASS, None)


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    with closing(Server()) as server:
        yield server


@pytest.fixture
def shift(mortal: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shift]:
    monkeypatch.setattr(lane_module, "SETTLE_AFTER_VERDICT_S", 0.05)
    monkeypatch.setattr(lane_module, "PORT_RETRY_PERIOD_S", 0.1)
    monkeypatch.setattr(run_recorder, "PATIENCE_S", 0.0)
    make_product(tmp_path)
    with opened_shift(prepare_recipe(tmp_path / "quick.yaml"), tmp_path, url=new_database(mortal.url)) as shift:
        yield shift


def test_the_unit_in_the_fixture_passes_and_the_next_one_starts_when_the_server_is_back(
    shift: Shift, mortal: Server
) -> None:
    with quick_fixture() as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(step(Step.WRITE, StepState.DONE), mortal.kill)
        work.wait(WaitReason.INSERT_UNIT)
        fixture.insert(unit_number(1))
        assert told(work.verdict()) == PASS
        assert shift.ledger.recorder.kept == 1

        fixture.remove()
        fixture.insert(unit_number(2))
        waiting = work.wait(WaitReason.STATION_FAULT)
        assert (waiting.code, waiting.facts) == (Code.LEDGER_UNREACHABLE, {"kept": 1})
        with pytest.raises(LedgerFault) as caught:
            work.line.summary()
        assert caught.value.facts == {"kept": 1}
        mortal.start()
        assert told(work.verdict()) == PASS

    assert [row.verdict for row in shift.ledger.runs()] == [Verdict.PASS] * 2
    assert len(work.holders()) == 2
    assert shift.ledger.recorder.kept == 0


def test_a_unit_that_had_no_certificate_yet_is_walked_again_by_itself(shift: Shift, mortal: Server) -> None:
    with quick_fixture() as fixture, at_work(LineAtWork(shift, [fixture.url])) as work:
        work.on(step(Step.WRITE, StepState.BEGUN), mortal.kill)
        work.wait(WaitReason.INSERT_UNIT)
        fixture.insert(unit_number(1))
        assert told(work.verdict()) == (Verdict.ERROR, Code.LEDGER_UNREACHABLE)
        mortal.start()
        assert told(work.verdict()) == PASS

    assert shift.ledger.runs()[0].verdict is Verdict.PASS
    assert len(work.holders()) == 1


def test_a_unit_whose_certificate_was_taken_and_not_read_is_walked_again_and_holds_one(
    shift: Shift, mortal: Server
) -> None:
    with (
        quick_fixture() as fixture,
        at_work(LineAtWork(shift, [fixture.url])) as work,
        before_secrets_are_read(mortal.kill),
    ):
        work.wait(WaitReason.INSERT_UNIT)
        fixture.insert(unit_number(1))
        refused = work.verdict()
        assert (told(refused), "server" in refused.mend) == ((Verdict.ERROR, Code.LEDGER_UNREACHABLE), True)
        mortal.start()
        assert told(work.verdict()) == PASS

    assert len(work.holders()) == 1


def test_without_a_screen_a_server_that_is_away_ends_the_lane(shift: Shift, mortal: Server) -> None:
    mortal.kill()
    try:
        with quick_fixture() as fixture, at_work(LineAtWork(shift, [fixture.url], end_on_error=True)) as work:
            assert told(work.verdict()) == (Verdict.ERROR, Code.LEDGER_UNREACHABLE)
    finally:
        mortal.start()


class TestPrintedLabels:
    """Labels of units that pass while the server is away."""

    @pytest.fixture
    def url(self, mortal: Server) -> str:
        return new_database(mortal.url)

    @pytest.fixture
    def desk(self, recipe: Recipe, url: str, tmp_path: Path) -> Iterator[Desk]:
        write_batch_csv(tmp_path / "batch.csv", recipe.profile.product_key, 3)
        with Ledger.open(tmp_path / "data", url=url) as ledger:
            yield Desk(recipe, ledger, ledger.import_batch(tmp_path / "batch.csv").batch)

    @contextmanager
    def server_lost(self, shop: Workshop, url: str, mac: Mac) -> Iterator[None]:
        """Walk a unit and lose the server when its certificate may leave, for as long as the block lasts."""
        ledger = shop.desk.ledger
        with ExitStack() as away, pytest.MonkeyPatch.context() as patch:
            begin_installing = ledger.begin_installing

            def then_lost(run_id: int) -> None:
                begin_installing(run_id)
                away.enter_context(shut(url))

            patch.setattr(ledger, "begin_installing", then_lost)
            assert shop.walk(mac) is Verdict.PASS
            yield

    @pytest.fixture
    def printer(self) -> Iterator[TcpPrinterDouble]:
        with TcpPrinterDouble() as printer:
            yield printer

    @pytest.fixture
    def shop(self, desk: Desk, printer: TcpPrinterDouble, tmp_path: Path) -> Iterator[Workshop]:
        with workshops(desk, tmp_path) as at:
            yield at(printer.address)

    def test_a_label_waits_until_the_server_has_the_verdict_and_is_printed_by_itself(
        self, shop: Workshop, printer: TcpPrinterDouble, url: str
    ) -> None:
        with self.server_lost(shop, url, A):
            assert shop.wait(1) == [(A, Code.LEDGER_UNREACHABLE)]
            assert "by itself" in shop.told[0].mend
            assert printer.connections == 0
        assert shop.wait(2)[1] == (A, None)
        shop.walk(B)
        assert shop.wait(3)[2] == (B, None)
        assert len(printer.wait(2)) == 2

        kinds = [event.kind for event in shop.desk.ledger.unit(A).events]
        assert kinds.index("run_finished") < kinds.index("label_sent")
        assert kinds.count("label_sent") == 1

    def test_a_shift_that_ends_does_not_wait_and_leaves_the_label_to_be_printed(
        self, shop: Workshop, printer: TcpPrinterDouble, url: str
    ) -> None:
        with self.server_lost(shop, url, A):
            assert shop.wait(1) == [(A, Code.LEDGER_UNREACHABLE)]
            assert shop.prints.close(WAIT_S)
        shop.desk.ledger.recorder.require_server()

        assert printer.connections == 0
        assert shop.desk.ledger.printed_labels.missing(shop.desk.batch) == [A]
