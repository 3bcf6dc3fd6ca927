"""A training from its setting-up to its last unit: the real walk on virtual chips, in a data folder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from station.cli.training_products import CLOUD_PROFILE, tell_missing_client
from station.ledger import Ledger
from station.line.line import Line
from station.line.shift import Shift, open_shift
from station.peripherals.label_printer import LabelPrinter, open_printer
from station.unit import Mac
from station.virtual.bench import Bench

if TYPE_CHECKING:
    from station.cli.shift_desk import ShiftDesk
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


def train_headless(session: Session, lanes: int, units: int | None, profile_name: str) -> int:
    """Walk so many units without a screen; give the exit code."""
    units = AUTO_UNITS if units is None else units
    tell_missing_client(session, profile_name)
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
    at_training = replace(session, data=room.data, ledger_url=None)  # it never touches the factory's ledger
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(at_training.open_ledger())
        bench = stack.enter_context(Bench(room.units, lanes))
        if profile_name != CLOUD_PROFILE:
            yield _Stage(room, ledger, bench, stock_certificates(ledger, room, units or lanes), None)
            return
        from station.cli.training_cloud import TrainingCloud  # noqa: PLC0415  the others must not pay for aiohttp

        cloud = stack.enter_context(TrainingCloud(room.profile))
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


@contextlib.contextmanager
def training_desk(
    session: Session, lanes: int, units: int | None, profile_name: str, lesson: str | None
) -> Iterator[ShiftDesk]:
    """Open the bench, with hands at it that change units once there is a line. Without an end there are lessons."""
    from station.cli.lessons import TrainingLessons  # noqa: PLC0415  --auto needs no Textual
    from station.cli.shift_desk import ShiftDesk  # noqa: PLC0415  as above

    with _stage(session, lanes, units, profile_name) as stage, contextlib.ExitStack() as hands:
        lessons = TrainingLessons(stage.cloud, lesson)

        def line_of(shift: Shift, lanes: Mapping[int, str]) -> Line:
            line = stage.line(shift, list(lanes.values()))
            operator = BenchOperator(stage.bench, line, units)
            hands.enter_context(lessons.at(shift, line, stage.bench, operator))
            hands.enter_context(operator)
            return line

        ports = dict(enumerate(stage.bench.ports, start=1))
        yield ShiftDesk(
            [stage.room.profile],
            stage.ledger,
            stage.batch,
            lambda: ports,
            line_of,
            printer=stage.printer,
            training=True,
            lessons=lessons if units is None else None,
        )
