"""`station demo`: the training bench."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from station.certificate import CertificateState
from station.cli.asking import system_user_name
from station.cli.bench_operator import BenchOperator
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.flash_command import run_headless
from station.cli.lanes import plan_lanes
from station.cli.lesson_scripts import NEEDS_PLATFORM, SCRIPTS
from station.cli.serving import is_served, serve, serve_options
from station.cli.station_log import log_line, log_to
from station.cli.training import SAMPLE_SIZE, TrainingRoom, set_up_training, stock_certificates
from station.errors import UsageError
from station.ledger import Ledger
from station.line.line import Line
from station.line.shift import Shift, open_shift
from station.peripherals.label_printer import LabelPrinter, open_printer
from station.unit import Mac
from station.virtual.bench import Bench

if TYPE_CHECKING:
    from station.cli.training_cloud import TrainingCloud

CLOUD_PROFILE: Final = "smart-plug"
PROFILE_NAMES: Final = (CLOUD_PROFILE, "training", "esp-aliyun", "micropython", "labelled")
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


@click.command()
@click.option("--lanes", type=click.IntRange(1, 16), default=2, show_default=True, help="Lanes on the bench.")
@click.option("--units", type=click.IntRange(min=1), help="Units to walk in all (default: 2 with --auto, else no end).")
@click.option("--auto", is_flag=True, help="Walk the units without a screen, then end.")
@click.option(
    "--profile",
    "profile_name",
    type=click.Choice(PROFILE_NAMES),
    default=CLOUD_PROFILE,
    show_default=True,
    help="Which product; the first one connects to a virtual platform.",
)
@click.option(
    "--lesson", type=click.Choice(tuple(SCRIPTS)), help="Begin with this lesson (F3 on the screen lists them)."
)
@serve_options
@global_options
@pass_session
def demo(
    session: Session,
    lanes: int,
    units: int | None,
    auto: bool,
    profile_name: str,
    lesson: str | None,
    serve_in_browser: bool,
    host: str,
    serve_port: int,
) -> None:
    """Train on virtual units: the real walk on virtual chips, in a data folder of its own.

    The devices are ordered on a virtual platform, to which the flashed units connect.
    With --auto there is no screen; exit code 0 when every unit passed. With --json one event stands on each line.

    Example: station demo --auto --lanes 2 --units 6
    """
    if lesson is not None and (auto or units is not None):
        raise UsageError("a lesson is given on the screen, without --auto and --units", "Leave them away")
    if lesson == NEEDS_PLATFORM and profile_name != CLOUD_PROFILE:
        raise UsageError(f"the product {profile_name} has no platform", f"Choose --profile {CLOUD_PROFILE}")
    if auto and serve_in_browser:
        raise UsageError("--serve shows the screen, --auto works without one", "Give one of the two")
    if serve_in_browser and not is_served():
        serve(set_up_training(session.data, profile_name).data, host, serve_port)
        return
    if auto and units is None:
        units = 2
    with _stage(session, lanes, units, profile_name) as stage:
        if not auto:
            _show(session, stage, units, lesson)
            return
        line = stage.line(open_shift(stage.room.profile, stage.ledger, stage.batch), stage.bench.ports)
        with BenchOperator(stage.bench, line, units, leave_after_s=0.0, label_of=_label_of):
            code = run_headless(line, session.json)
        proven = stage.cloud is None or _tell_proofs(session, stage, stage.cloud)
    sys.exit(code if code or proven else NOT_PROVEN)


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
    from station.cli.screen import ShiftDesk, show_screen  # noqa: PLC0415  as above

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
