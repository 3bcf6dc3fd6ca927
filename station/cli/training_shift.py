"""A training from its setting-up to its last unit: the real walk on virtual chips, in a data folder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from station.certificate import CertificateState
from station.cli.asking import system_user_name
from station.cli.bench_operator import BenchOperator
from station.cli.context import Session, say, say_json
from station.cli.headless import run_headless
from station.cli.lanes import plan_lanes
from station.cli.serving import serve
from station.cli.station_log import log_line, log_to
from station.cli.training import SAMPLE_SIZE, TrainingRoom, set_up_training, stock_certificates
from station.cli.training_products import CLOUD_PROFILE
from station.ledger import Ledger
from station.line.line import Line
from station.line.shift import Shift, open_shift
from station.peripherals.label_printer import LabelPrinter, open_printer
from station.unit import Mac
from station.virtual.bench import Bench

if TYPE_CHECKING:
    from station.cli.training_cloud import TrainingCloud

AUTO_UNITS: Final = 2
NOT_PROVEN: Final = 1
"""Exit code when every unit passed, and one did not do on the platform what it should."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """What a training needs besides its lanes."""

    room: TrainingRoom
    ledger: Ledger
    bench: Bench
    batch: str
    cloud: TrainingCloud | None

    def printer(self, _shift: Shift) -> LabelPrinter:
        """Labels of a training go into a file."""
        return open_printer("file:labels.zpl", self.room.data)

    def line(self, shift: Shift, ports: Sequence[str]) -> Line:
        link = None if self.cloud is None else self.cloud.status_link()
        plans = plan_lanes(shift, dict(enumerate(ports, start=1)))
        line = Line(
            shift, plans, operator=system_user_name(), training=True, platform=link, printer=self.printer(shift)
        )
        log_line(line)
        return line


def train_on_screen(session: Session, lanes: int, units: int | None, profile_name: str, lesson: str | None) -> None:
    """Show the technician's screen on the bench until the training ends."""
    with _stage(session, lanes, units, profile_name) as stage:
        _show(session, stage, units, lesson)


def train_headless(session: Session, lanes: int, units: int | None, profile_name: str) -> int:
    """Walk so many units without a screen; give the exit code."""
    units = AUTO_UNITS if units is None else units
    with _stage(session, lanes, units, profile_name) as stage:
        line = stage.line(open_shift(stage.room.profile, stage.ledger, stage.batch), stage.bench.ports)
        with BenchOperator(stage.bench, line, units, leave_after_s=0.0, label_of=_label_of):
            code = run_headless(line, session.json)
        proven = stage.cloud is None or _tell_proofs(session, stage, stage.cloud)
    return code if code or proven else NOT_PROVEN


def serve_training(session: Session, profile_name: str, host: str, port: int) -> None:
    """Show that screen in a browser."""
    serve(set_up_training(session.data, profile_name).data, host, port)


@contextlib.contextmanager
def _stage(session: Session, lanes: int, units: int | None, profile_name: str) -> Iterator[_Stage]:
    room = set_up_training(session.data, profile_name)
    log_to(room.data)
    session.data, session.ledger_url = room.data, None  # training never touches the factory's ledger
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(session.open_ledger())
        bench = stack.enter_context(Bench(room.units, lanes))
        if profile_name != CLOUD_PROFILE:
            yield _Stage(room, ledger, bench, stock_certificates(ledger, room, units or lanes), None)
            return
        from station.cli.training_cloud import TrainingCloud  # noqa: PLC0415  the others must not pay for aiohttp

        cloud = stack.enter_context(TrainingCloud(room.profile))
        if not cloud.has_client and not session.json:
            say("Without the official client units are believed by their own word: pip install '.[platform]' for more.")
        yield _Stage(room, ledger, bench, cloud.stock(ledger, units or SAMPLE_SIZE), cloud)


def _label_of(mac: Mac) -> str:
    """Give a virtual unit's label, as the profile `labelled` wants it: always the same for the same unit."""
    return f"SP{int(mac.replace(':', ''), 16) % 10**8:08};R02"


def _tell_proofs(session: Session, stage: _Stage, cloud: TrainingCloud) -> bool:
    """Tell what each unit did on the platform; True when nothing is missing."""
    summary = stage.ledger.batch(stage.batch)
    activated = summary.counts[CertificateState.ACTIVATED]
    proofs = sorted(cloud.proofs.values(), key=lambda proof: proof.device_name)
    whole = not cloud.has_client or (activated == len(proofs) and all(proof.is_whole for proof in proofs))
    if session.json:
        for proof in proofs:
            told = {"device_name": proof.device_name, "posted": proof.posted, "answered": proof.answered}
            say_json({"event": "proof", **told})
        numbers = {"ordered": summary.total, "activated": activated, "proven": sum(one.is_whole for one in proofs)}
        say_json({"event": "summary", "product_key": cloud.product_key, **numbers})
    elif cloud.has_client:
        for proof in proofs:
            say(f"{proof.device_name}  posted {proof.posted or 'nothing'}  answered {proof.answered or 'nothing'}")
        say(
            f"{summary.total} devices ordered on the platform, {activated} seen ONLINE there and activated in the ledger."
        )
    return whole


def _show(session: Session, stage: _Stage, units: int | None, lesson: str | None) -> None:
    from station.cli.lessons import TrainingLessons  # noqa: PLC0415  --auto needs no Textual
    from station.cli.screen import show_screen  # noqa: PLC0415  as above
    from station.cli.shift_desk import ShiftDesk  # noqa: PLC0415  as above

    lessons = TrainingLessons(stage.cloud, lesson)
    with contextlib.ExitStack() as hands:

        def open_line(shift: Shift, lanes: Mapping[int, str]) -> Line:
            line = stage.line(shift, list(lanes.values()))
            operator = BenchOperator(stage.bench, line, units)
            hands.enter_context(lessons.at(shift, line, stage.bench, operator))
            hands.enter_context(operator)
            return line

        ports = dict(enumerate(stage.bench.ports, start=1))
        desk = ShiftDesk(
            [stage.room.profile],
            stage.ledger,
            stage.batch,
            lambda: ports,
            open_line,
            training=True,
            printer=stage.printer,
        )
        show_screen(session, desk, training=True, lessons=None if units is not None else lessons)
