"""DeviceSecrets where a station is made to say all that it can (I4): debug log, esptool's trace, crash reports, the screen."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from esptool.loader import ESPLoader

from station.cli.shift_desk import ShiftDesk
from station.errors import Code
from station.events import Event, LaneClosed, StepReported
from station.ledger import Ledger, LedgerWatch
from station.line import walk
from station.line.passage import Passage
from station.line.shift import Shift
from station.line.shift_record import ShiftRecord
from station.profile.prepare import prepare_recipe
from station.texts import LANGUAGES, Texts
from station.tui.app import StationApp
from station.tui.lane_picture import picture
from station.tui.lane_view import LaneView, apply
from station.tui.overview import overview
from station.tui.watch_app import WatchApp
from station.verdict import StepState, Verdict
from tests.end_to_end.quick_line import LineAtWork, at_work, told
from tests.end_to_end.quick_units import CREDENTIALS_OFFSET, PRODUCT_KEY, make_product, quick_fixture, unit_number
from tests.end_to_end.test_secrets import SECRETS, TellTale, leaks
from tests.tui.every_screen import Looks, all_screens, every_screen, leaving, overview_of
from tests.tui.fake_lessons import FakeLessons
from tests.tui.fake_line import FakeLabels, FakeLane, FakeLine, StandingLine, fake_app

Kind = TypeVar("Kind", bound=FakeLine)


@pytest.fixture
def debug_log(tmp_path: Path) -> Iterator[Path]:
    """Everything that any module says, at the finest level, with the values of its exceptions."""
    path = tmp_path / "debug.log"
    handler = logging.FileHandler(path, encoding="utf-8")
    loggers = [logging.getLogger(), logging.getLogger("station"), logging.getLogger("station.esptool")]
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate = True
    logging.getLogger().addHandler(handler)
    yield path
    logging.getLogger().removeHandler(handler)
    handler.close()
    for logger, level, propagate in before:
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let esptool trace every packet, as `esptool --trace` does."""
    plain = ESPLoader.__init__

    def tracing(self: ESPLoader, *words: object, **more: object) -> None:
        plain(self, *words, **more)
        self._trace_enabled = True

    monkeypatch.setattr(ESPLoader, "__init__", tracing)


@pytest.fixture
def shift(tmp_path: Path) -> Iterator[Shift]:
    work = tmp_path / "product"
    work.mkdir()
    recipe = prepare_recipe(make_product(work))
    rows = [f"marked-{number},{secret},{PRODUCT_KEY}\r\n" for number, secret in enumerate(SECRETS)]
    with Ledger.open(tmp_path / "data") as ledger:
        for name, part in (("marked", rows[:4]), ("spare", rows[4:])):
            csv = tmp_path / f"{name}.csv"
            csv.write_text(f"DeviceName,DeviceSecret,ProductKey\r\n{''.join(part)}", encoding="utf-8")
            ledger.import_batch(csv)
            csv.unlink()
        ledger.operators.add("Li", by="root")
        yield Shift(recipe, ledger, "marked", None, None)


@pytest.fixture
def crash_reports(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the interpreter itself would print about an exception that nobody caught."""
    caught: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: caught.append(repr(what.exc_value)))
    monkeypatch.setattr("threading.excepthook", lambda what: caught.append(repr(what.exc_value)))
    return caught


def on_screen(events: list[Event]) -> str:
    """The tile after each event, as large as it gets, in every language."""
    shown = []
    for language in LANGUAGES:
        view = LaneView(1, "/dev/ttyUSB0")
        for event in events:
            view = apply(view, event)
            shown.append(picture(view, Texts(language), 200, 60).plain)
    return "\n".join(shown)


@pytest.mark.usefixtures("traced")
def test_neither_debug_log_nor_trace_nor_screen_nor_crash_report_tells_a_secret(
    shift: Shift, debug_log: Path, crash_reports: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = [unit_number(number) for number in range(3)]
    heard: list[Event] = []

    def passes() -> None:
        with quick_fixture(units[0]) as fixture, at_work(work := LineAtWork(shift, [fixture.url])):
            work.line.subscribe(heard.append)
            assert told(work.verdict()) == (Verdict.PASS, None)

    def tells_its_secret() -> None:
        with (
            quick_fixture(units[1], boot=TellTale) as fixture,
            at_work(work := LineAtWork(quicker(shift), [fixture.url])),
        ):
            work.line.subscribe(heard.append)
            assert told(work.verdict()) == (Verdict.FAIL, Code.NO_BOOT)

    def meets_a_bug() -> None:
        def bug(passage: Passage) -> None:
            secret = passage.certificate.device_secret.reveal()
            raise RuntimeError(secret, {"DeviceSecret": secret}) from ValueError(secret)

        monkeypatch.setattr(walk, "verify", bug)
        with quick_fixture(units[2]) as fixture, at_work(work := LineAtWork(shift, [fixture.url])):
            work.line.subscribe(heard.append)
            assert told(work.verdict()) == (Verdict.ERROR, Code.INTERNAL)

    passes()
    tells_its_secret()
    meets_a_bug()

    carried = [unit.flash.read(CREDENTIALS_OFFSET, 0x6000) for unit in units]
    assert [bool(leaks(flash)) for flash in carried] == [True] * 3
    log = debug_log.read_bytes()
    assert b"(not shown)" in log, "esptool traced nothing"
    assert b"unexpected RuntimeError" in log
    assert not leaks(log)
    screen = on_screen(heard)
    assert "marked-0" in screen
    assert "secret=***" in screen
    assert not leaks(screen.encode())
    assert not leaks(repr(heard).encode())
    assert not leaks("\n".join(crash_reports).encode())
    events: list[Event] = [event for event in heard if not (is_progress(event) or isinstance(event, LaneClosed))]
    screens = asyncio.run(all_that_is_shown(tmp_path / "data", shift, events))
    assert screens.screens == set(all_screens())
    assert "marked-0" in screens.seen["f2+shift+tab en"]
    assert "F31" in screens.seen["f2 en"]
    assert "marked-2" in screens.seen["f2+enter zh-CN"]
    assert "spare" in screens.seen["choose en"]
    assert "marked" in screens.seen["watch zh-CN"]
    assert [name for name, shown in screens.seen.items() if leaks(shown.encode())] == []


async def all_that_is_shown(data: Path, shift: Shift, heard: list[Event]) -> Looks:
    """Every screen there is, before this shift's own ledger, product and people."""
    line, lessons, ledger = line_on(shift, FakeLine), FakeLessons(), shift.ledger
    desk = ShiftDesk([shift.recipe.path], ledger, None, lambda: {1: "/dev/ttyUSB0"}, lambda *_: NotImplemented)
    app = StationApp(
        choices=desk.choices,
        readiness=desk.readiness,
        open_line=lambda _choice: line,
        sign_in=ledger.operators.sign_in,
        lessons=lambda: lessons,
        tick_s=None,
    )
    standing = line_on(shift, StandingLine)
    shown = await every_screen(app, line, lessons, heard)
    now, period = datetime.now(UTC), timedelta(hours=8)
    with LedgerWatch.open(data, period, url=None) as watched:
        watch = WatchApp(lambda: overview(watched.look(now), now, period), is_periodic=False)
        for more in (await leaving(fake_app(standing), standing), await overview_of(watch)):
            shown.seen |= more.seen
            shown.screens |= more.screens
    return shown


def line_on(shift: Shift, kind: type[Kind]) -> Kind:
    """The screen's line before this shift's own ledger."""
    line = kind((FakeLane(1, "/dev/ttyUSB0"),), operator="Li")
    line.labels = FakeLabels(line)
    record = ShiftRecord(shift.ledger, lambda: line.operator, line.say)
    record.began -= timedelta(hours=1)
    line.record = record  # type: ignore[assignment]  # the real one in the place of the fake
    return line


def is_progress(event: Event) -> bool:
    return isinstance(event, StepReported) and event.state is not StepState.FAILED


def quicker(shift: Shift) -> Shift:
    """The same shift for units that never start."""
    checks = shift.recipe.profile.checks
    assert checks.boot is not None
    hasty = checks.model_copy(update={"boot": checks.boot.model_copy(update={"within_s": 0.3})})
    profile = shift.recipe.profile.model_copy(update={"checks": hasty})
    return replace(shift, recipe=replace(shift.recipe, profile=profile))
