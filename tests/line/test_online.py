"""The `online` step by the platform's own word, against a platform that is scripted and a clock that is not real."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.chip.console import LinePattern
from station.errors import WHY, Code, PlatformFault, Why
from station.events import VerdictReached
from station.ledger import EventKind, Ledger
from station.line.packing import pack_static
from station.line.passage import Passage
from station.line.walk import walk_unit
from station.platform.device_state import DeviceState, DeviceStatus
from station.platform.refusals import PlatformRefused
from station.profile.model import OnlineCheck
from station.profile.recipe import Recipe
from station.verdict import Verdict
from tests.batch_csv import write_batch_csv
from tests.line.fake_chip import FakeChip, FakeConsole, FakeUnit, unit_number

MORNING = datetime(2026, 11, 24, 8, tzinfo=UTC)
UNACTIVE = DeviceStatus(DeviceState.UNACTIVE)
OLD_ONLINE = DeviceStatus(DeviceState.ONLINE, MORNING)
ONLINE = DeviceStatus(DeviceState.ONLINE, MORNING + timedelta(minutes=5))
OFFLINE = DeviceStatus(DeviceState.OFFLINE, MORNING + timedelta(minutes=1))
READY = "station-app ready: station-training 1.0.0 device=unit-000001"
UNREACHABLE = PlatformFault(Code.PLATFORM_UNREACHABLE, "it does not answer", "Look at the network")


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


class PatientConsole(FakeConsole):
    """A console whose silence takes the clock's time."""

    def __init__(self, lines: list[str], clock: Clock) -> None:
        super().__init__(lines)
        self._clock = clock

    def wait_for(self, pattern: LinePattern, within_s: float, /) -> re.Match[str] | None:
        match = super().wait_for(pattern, within_s)
        if match is None:
            self._clock.now_s += within_s
        return match


class PatientChip(FakeChip):
    def __init__(self, unit: FakeUnit, clock: Clock) -> None:
        super().__init__(unit)
        self._clock = clock

    def restart(self) -> FakeConsole:
        return PatientConsole(list(self.unit.says), self._clock)


@dataclass
class ScriptedPlatform:
    """Gives its answers one after the other, the last for ever."""

    answers: list[DeviceStatus | PlatformFault]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def device_status(self, product_key: str, device_name: str, /) -> DeviceStatus:
        self.asked.append((product_key, device_name))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, PlatformFault):
            raise answer
        return answer


@dataclass
class Desk:
    recipe: Recipe
    ledger: Ledger
    clock: Clock = field(default_factory=Clock)
    unit: FakeUnit = field(default_factory=lambda: unit_number(1, says=(READY,)))

    def walk(self, *answers: DeviceStatus | PlatformFault) -> VerdictReached:
        self.platform = ScriptedPlatform(list(answers))
        passage = Passage(
            lane=1,
            port="test",
            chip=PatientChip(self.unit, self.clock),
            recipe=self.recipe,
            static=pack_static(self.recipe),
            batch="batch",
            operator="Li W.",
            ledger=self.ledger,
            report=lambda _event: None,
            clock=self.clock,
            platform=self.platform,
        )
        return walk_unit(passage)

    @property
    def state(self) -> CertificateState:
        return self.ledger.certificates("batch")[0].state


@pytest.fixture
def desk(recipe: Recipe, tmp_path: Path) -> Iterator[Desk]:
    csv = tmp_path / "batch.csv"
    write_batch_csv(csv, recipe.profile.product_key, 3)
    check = OnlineCheck.model_validate({"by": "platform", "refused": r"refused \(.+\)", "within": "30s"})
    checks = recipe.profile.checks.model_copy(update={"online": check})
    profile = recipe.profile.model_copy(update={"checks": checks})
    with Ledger.open(tmp_path / "data") as ledger:
        ledger.import_batch(csv)
        yield Desk(replace(recipe, profile=profile), ledger)


def test_a_unit_that_the_platform_sees_is_activated(desk: Desk) -> None:
    verdict = desk.walk(UNACTIVE, UNACTIVE, OFFLINE, ONLINE)
    assert verdict.verdict is Verdict.PASS
    assert desk.state is CertificateState.ACTIVATED
    assert desk.platform.asked == [("a1Training0", "unit-000001")] * 4
    kinds = [event.kind for event in desk.ledger.unit("unit-000001").events]
    assert kinds.index(EventKind.CERTIFICATE_INSTALLED) + 1 == kinds.index(EventKind.CERTIFICATE_ACTIVATED)


def test_a_unit_that_does_not_say_that_it_is_online_may_as_well_not_have_started(desk: Desk) -> None:
    check = OnlineCheck.model_validate({"by": "console", "expect": "station-app online", "within": "30s"})
    checks = desk.recipe.profile.checks.model_copy(update={"online": check})
    desk.recipe = replace(desk.recipe, profile=desk.recipe.profile.model_copy(update={"checks": checks}))

    verdict = desk.walk()

    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.NOT_ONLINE)
    assert verdict.facts[WHY] is Why.NOT_HEARD
    assert verdict.mend.startswith("Check supply and BOOT pin of the fixture, then antenna and network")


def test_an_online_from_before_the_start_proves_nothing(desk: Desk) -> None:
    assert desk.walk(UNACTIVE, ONLINE).verdict is Verdict.PASS
    again = desk.walk(OLD_ONLINE, OLD_ONLINE)
    assert (again.verdict, again.code) == (Verdict.FAIL, Code.NOT_ONLINE)
    assert "ONLINE" in again.message
    once_more = desk.walk(OLD_ONLINE, OLD_ONLINE, ONLINE)
    assert once_more.verdict is Verdict.PASS
    assert desk.state is CertificateState.ACTIVATED


def test_a_unit_that_never_connects_fails_with_what_the_platform_says(desk: Desk) -> None:
    verdict = desk.walk(UNACTIVE)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.NOT_ONLINE)
    assert "UNACTIVE: it never connected" in verdict.message
    assert verdict.facts[WHY] is Why.NOT_SEEN
    assert verdict.mend.startswith("Check antenna, access point and network, then the credentials")
    assert 25 < len(desk.platform.asked) < 40, "about once a second"
    assert desk.state is CertificateState.INSTALLING
    assert desk.walk(UNACTIVE, ONLINE).device_name == verdict.device_name


def test_a_unit_that_says_that_it_is_refused_fails_at_once(desk: Desk) -> None:
    desk.unit.says = (READY, "station-app: refused (4: the signature is wrong)")
    verdict = desk.walk(UNACTIVE)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.CLOUD_REFUSED)
    assert "refused (4: the signature is wrong)" in verdict.message
    assert str(verdict.facts["said"]) in verdict.message
    assert desk.clock.now_s == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (DeviceStatus(DeviceState.DISABLE), "disabled"),
        (PlatformRefused(Code.PLATFORM_REFUSED, "no", "look", "iot.device.NotExistedDevice"), "does not know"),
    ],
)
def test_a_certificate_that_the_platform_does_not_take_fails(
    desk: Desk, answer: DeviceStatus | PlatformFault, said: str
) -> None:
    verdict = desk.walk(answer)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.CLOUD_REFUSED)
    assert said in verdict.message
    assert str(verdict.facts["said"]).endswith(verdict.device_name or "-")


@pytest.mark.parametrize("answers", [(UNREACHABLE,), (UNACTIVE, UNREACHABLE)])
def test_a_platform_that_is_away_is_the_stations_fault_and_the_unit_resumes(
    desk: Desk, answers: tuple[DeviceStatus | PlatformFault, ...]
) -> None:
    verdict = desk.walk(*answers)
    assert (verdict.verdict, verdict.code) == (Verdict.ERROR, Code.PLATFORM_UNREACHABLE)
    again = desk.walk(UNACTIVE, ONLINE)
    assert (again.verdict, again.device_name) == (Verdict.PASS, "unit-000001")
