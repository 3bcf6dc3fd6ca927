"""The main states of the screens, as kept pictures. The first SVG is the README's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from station.errors import WHY, Code, Fault, ProfileError, StationFault, Why
from station.events import (
    Event,
    LabelPrinted,
    LabelRefused,
    LabelTaken,
    LabelWanted,
    LaneWaiting,
    SerialNumberBound,
    WaitReason,
)
from station.line.readiness import Readiness, ReadinessItem, Sentence
from station.serial_number import EntryWay, ScanRefusal
from station.texts import LANGUAGES
from station.tui.choice import Choice
from station.tui.lesson import Hand, Stage
from station.tui.settings import Settings
from station.verdict import Step, Verdict
from tests.tui.driving import opened, settle
from tests.tui.fake_lessons import FakeLessons
from tests.tui.fake_line import (
    ALL_READY,
    CHOICE,
    NOW,
    FakeLabels,
    FakePrinter,
    done,
    failed,
    fake_app,
    fake_line,
    mac_of,
    passed,
    station_fault,
    until_write,
    waiting,
    writing,
)
from tests.tui.made_shift import fill
from tests.tui.pictures import expect_picture, screen_svg, screen_text

SIZES = ((80, 24), (120, 40))


@dataclass(frozen=True)
class Scene:
    """What to show: lanes, what happened (in bursts, each seen before the next), keys."""

    lanes: int = 2
    bursts: tuple[list[Event], ...] = ()
    keys: tuple[str, ...] = ()
    readiness: tuple[ReadinessItem, ...] = ALL_READY
    choices: tuple[Choice, ...] = (CHOICE,)
    training: bool = False
    starts: bool = True
    lesson: tuple[Stage, Hand] | None = None
    told_anew: tuple[str, ...] = ()
    """Keys that open it again in another language."""
    made_shift: bool = False
    signs_in: bool = False
    labels: bool = False
    prints: bool = False


EARLIER: list[list[Event]] = [
    [*failed(2, name="plug-000309"), waiting(2)],
    [*passed(2, "plug-000310", 14.1, number=1), waiting(2)],
    [*passed(1, "plug-000311", 14.3, number=2), waiting(1)],
]
ALL_KINDS: list[Event] = [*passed(1), *writing(2), *failed(3, name="plug-000314"), waiting(4)]
SIXTEEN: list[Event] = [
    event
    for lane in range(1, 17)
    for event in (
        failed(lane, name=f"plug-{lane:06}")
        if lane == 5
        else passed(lane, f"plug-{lane:06}")
        if lane % 4 == 0
        else writing(lane, f"plug-{lane:06}", lane / 17)
    )
]
NO_SERIAL_NUMBER = LabelRefused(
    1,
    "I50",
    "'SP31' is no serial_number",
    "Scan again",
    ScanRefusal.OTHER_TEXT,
    {"scanned": "SP31", "field": "serial_number"},
)
BACK = LabelTaken(1, "SP00000312", EntryWay.SCANNED, "24:0a:c4:5e:03:91 (plug-000312)")
LABEL_1 = LabelTaken(1, "SP00000312", EntryWay.TYPED)


def verified(lane: int) -> list[Event]:
    """All is done but the record."""
    steps = (Step.WRITE, Step.VERIFY, Step.START, Step.ONLINE)
    return [done(lane, step, seconds) for step, seconds in zip(steps, (10.0, 0.6, 1.9, 1.1), strict=True)]


def labelled(lane: int) -> list[Event]:
    """A unit whose label was scanned in time has passed."""
    *walk, verdict, removal = passed(lane, "plug-000313")
    return [*walk, SerialNumberBound(lane, mac_of(lane), "SP00000313", False), verdict, removal]


NOT_PRINTED = LabelPrinted(
    1,
    101,
    mac_of(1),
    "plug-000312",
    "E50",
    "The label printer does not answer (refused)",
    "Switch it on and look at its cable",
)
NO_PAPER = LabelPrinted(2, 102, mac_of(2), "plug-000312", "E51", "The label printer has no paper", "Put a new roll in")
LABEL = LabelTaken(2, "SP00000313", EntryWay.SCANNED)
SCENES = {
    "line-two-lanes": Scene(2, (*EARLIER, [*passed(1, number=3), *writing(2)])),
    "line-waiting": Scene(2, ([waiting(1), LaneWaiting(2, WaitReason.HOLD_BOOT)],), training=True),
    "line-one-passed": Scene(1, (passed(1),)),
    "line-one-failed": Scene(1, (failed(1),)),
    "line-one-aborted": Scene(1, (failed(1, "A01", Verdict.ABORTED, message=""),)),
    "line-begin-and-fault": Scene(2, ([*until_write(1), *station_fault(2)],)),
    "line-four-lanes": Scene(4, (ALL_KINDS,)),
    "line-sixteen-lanes": Scene(16, (SIXTEEN,)),
    "line-enlarged": Scene(4, (ALL_KINDS,), ("3", "enter")),
    "line-scan-label": Scene(
        3,
        (
            [waiting(1, WaitReason.SCAN_LABEL), waiting(2, WaitReason.SCAN_LABEL), waiting(3, WaitReason.SCAN_LABEL)],
            [LABEL, waiting(2), NO_SERIAL_NUMBER],
        ),
        labels=True,
    ),
    "line-label-comes-back": Scene(
        1,
        ([waiting(1, WaitReason.SCAN_LABEL), BACK, waiting(1)],),
        labels=True,
    ),
    "line-label-awaited": Scene(
        2,
        ([*writing(1), LabelWanted(1), *verified(1), LabelWanted(2), *labelled(2)],),
        labels=True,
    ),
    "label": Scene(
        2, ([waiting(1, WaitReason.SCAN_LABEL)], [LABEL_1, waiting(1)]), ("f7", *"SP31", "enter"), labels=True
    ),
    "line-label-not-printed": Scene(2, ([*passed(1), NOT_PRINTED, *passed(2), NO_PAPER, waiting(2)],), prints=True),
    "line-tried-out": Scene(1, (failed(1, failed_in_row=3, tries_max=3),)),
    "decision": Scene(1, (failed(1),), ("f6",)),
    "decision-foreign": Scene(1, (failed(1, "F50"),), ("f6",)),
    "decision-reason": Scene(1, (failed(1),), ("f6", "2")),
    "look-back-units": Scene(keys=("f2",), made_shift=True),
    "look-back-failures": Scene(keys=("f2", "tab"), made_shift=True),
    "look-back-shift": Scene(keys=("f2", "tab", "tab"), made_shift=True),
    "look-back-audit": Scene(keys=("f2", "shift+tab"), made_shift=True),
    "end": Scene(keys=("f10",), made_shift=True),
    "ended": Scene(keys=("f10", "enter"), made_shift=True),
    "unit": Scene(keys=("f2", *"00:13", "enter"), made_shift=True),
    "help": Scene(2, (failed(1),), ("f1",), training=True),
    "help-drawing": Scene(1, (failed(1, "F21"),), ("f1", *["down"] * 2), training=True),
    "lessons": Scene(keys=("f3",), training=True, lesson=(Stage.ACT, Hand.PUT_IN)),
    "line-lesson": Scene(
        2, ([*failed(1, "F21"), waiting(1), waiting(2)],), training=True, lesson=(Stage.ACT, Hand.PUT_IN)
    ),
    "line-lesson-done": Scene(2, ([*passed(1), waiting(2)],), training=True, lesson=(Stage.DONE, Hand.NEXT)),
    "palette": Scene(2, (failed(1),), ("ctrl+p",), told_anew=("escape", "ctrl+p")),
    "sign-in": Scene(keys=(*"Lu", "enter"), signs_in=True),
    "choice": Scene(
        starts=False,
        choices=(CHOICE, Choice(Path("bulb.yaml"), "bulb", "2026-10", 1200)),
    ),
    "choice-wrong-profile": Scene(
        starts=False,
        choices=(
            CHOICE,
            Choice(
                Path("bulb.yaml"),
                "bulb",
                "",
                fault=ProfileError(
                    "The profile has one mistake",
                    "Correct the lines named below",
                    "bulb.yaml",
                    [
                        Fault(
                            "bulb.yaml",
                            19,
                            "`app.bin` has changed: its SHA-256 is deffa82f8cd5…, the profile says 8da05b546e81…",
                            "Put the right file back; if the change is meant, run `station profile lock`",
                            {"file": "`app.bin`", WHY: Why.FILE_CHANGED},
                        )
                    ],
                ),
            ),
        ),
    ),
    "ready": Scene(starts=False),
    "ready-blocked": Scene(
        readiness=(
            *ALL_READY[:2],
            ReadinessItem("lanes", Readiness.WARNING, Sentence.LANE_GONE, {"ports": "2\u00a0/dev/ttyUSB1"}),
            ReadinessItem("operators", Readiness.WARNING, Sentence.NO_LINE_LEAD),
            ReadinessItem(
                "unfinished", Readiness.WARNING, Sentence.UNFINISHED, {"mac": "24:0a:c4:5e:0f:58", "lane": 2}
            ),
            ReadinessItem.of_fault(
                "platform",
                StationFault(Code.PLATFORM_UNREACHABLE, "No answer from 127.0.0.1 within 5 s", "Look at the network"),
            ),
        ),
        training=True,
    ),
}
SVGS = {
    "sign-in",
    "choice",
    "choice-wrong-profile",
    "ready-blocked",
    "line-two-lanes",
    "line-four-lanes",
    "line-sixteen-lanes",
    "line-tried-out",
    "line-lesson",
    "line-label-awaited",
    "line-scan-label",
    "label",
    "lessons",
    "decision",
    "decision-foreign",
    "look-back-units",
    "look-back-failures",
    "look-back-shift",
    "look-back-audit",
    "unit",
    "end",
    "ended",
    "help",
    "help-drawing",
    "palette",
}
"""Scenes kept with their colours too, at least one of each kind of screen; the others are text only."""


@pytest.mark.parametrize("name", SCENES)
async def test_the_screen_looks_as_kept_in_each_size_and_language(name: str) -> None:
    scene = SCENES[name]
    line = fake_line(scene.lanes, training=scene.training)
    lessons = FakeLessons(done=frozenset({"wrong_chip"})) if scene.lesson else None
    if lessons is not None and scene.lesson is not None:
        lessons.say(*scene.lesson)
    if scene.labels:
        line.labels = FakeLabels(line, {"SP31": NO_SERIAL_NUMBER})
    if scene.prints:
        line.record.prints = FakePrinter(line)
    if scene.made_shift:
        fill(line.record)
    app = fake_app(
        line,
        settings=Settings.model_validate({"language": LANGUAGES[0]}),
        choices=scene.choices,
        readiness=lambda _choice: scene.readiness,
        start_at_once=scene.starts,
        signs_in=scene.signs_in,
        lessons=lessons,
    )
    async with opened(app, SIZES[0]) as pilot:
        await settle(pilot)
        for number, burst in enumerate(scene.bursts, 1):
            line.now = NOW - timedelta(seconds=7.6) * (len(scene.bursts) - number)
            line.say(*burst)
            await settle(pilot)
        for key in scene.keys:
            await pilot.press(key)
            await settle(pilot)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for language in LANGUAGES:
                if app.texts.language != language:
                    app.action_change_language()
                    await pilot.press(*scene.told_anew)
                await settle(pilot)
                picture = f"{name}-{size[0]}x{size[1]}" + ("" if language == "en" else f"-{language}")
                expect_picture(f"{picture}.txt", screen_text(app))
                if name in SVGS:
                    expect_picture(f"{picture}.svg", screen_svg(app))
