"""The main states of the screens, as kept pictures. The first SVG is the README's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from station.errors import Code, StationFault
from station.events import Event, LaneWaiting, WaitReason
from station.line.readiness import Readiness, ReadinessItem, Sentence
from station.tui.choice import Choice
from station.tui.settings import Settings
from station.verdict import Verdict
from tests.tui.driving import opened, settle
from tests.tui.fake_line import (
    ALL_READY,
    CHOICE,
    NOW,
    failed,
    fake_app,
    fake_line,
    passed,
    station_fault,
    until_write,
    waiting,
    writing,
)
from tests.tui.made_shift import fill
from tests.tui.pictures import expect_picture, screen_svg, screen_text


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
    sizes: tuple[tuple[int, int], ...] = ((80, 24), (120, 40))
    languages: tuple[str, ...] = field(default=("en",))
    made_shift: bool = False
    signs_in: bool = False


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
TWO_LANGUAGES = ("en", "zh-CN")

SCENES = {
    "line-two-lanes": Scene(2, (*EARLIER, [*passed(1, number=3), *writing(2)]), languages=TWO_LANGUAGES),
    "line-waiting": Scene(2, ([waiting(1), LaneWaiting(2, WaitReason.HOLD_BOOT)],), training=True),
    "line-one-passed": Scene(1, (passed(1),)),
    "line-one-failed": Scene(1, (failed(1),), languages=TWO_LANGUAGES),
    "line-one-aborted": Scene(1, (failed(1, "A01", Verdict.ABORTED, message=""),), sizes=((80, 24),)),
    "line-begin-and-fault": Scene(2, ([*until_write(1), *station_fault(2)],), sizes=((80, 24),)),
    "line-four-lanes": Scene(4, (ALL_KINDS,), languages=TWO_LANGUAGES),
    "line-sixteen-lanes": Scene(16, (SIXTEEN,)),
    "line-enlarged": Scene(4, (ALL_KINDS,), ("3", "enter"), sizes=((80, 24),)),
    "line-tried-out": Scene(1, (failed(1, failed_in_row=3, tries_max=3),), sizes=((80, 24),), languages=TWO_LANGUAGES),
    "decision": Scene(1, (failed(1),), ("f6",), sizes=((80, 24),), languages=TWO_LANGUAGES),
    "decision-foreign": Scene(1, (failed(1, "F50"),), ("f6",), sizes=((80, 24),), languages=TWO_LANGUAGES),
    "decision-reason": Scene(1, (failed(1),), ("f6", "2"), sizes=((80, 24),), languages=TWO_LANGUAGES),
    "look-back-units": Scene(keys=("f2",), made_shift=True, languages=TWO_LANGUAGES),
    "look-back-failures": Scene(keys=("f2", "tab"), made_shift=True, languages=TWO_LANGUAGES),
    "look-back-shift": Scene(keys=("f2", "tab", "tab"), made_shift=True, languages=TWO_LANGUAGES),
    "look-back-audit": Scene(keys=("f2", "shift+tab"), made_shift=True, languages=TWO_LANGUAGES),
    "end": Scene(keys=("f10",), made_shift=True, sizes=((80, 24),), languages=TWO_LANGUAGES),
    "ended": Scene(keys=("f10", "enter"), made_shift=True, languages=TWO_LANGUAGES),
    "unit": Scene(keys=("f2", *"00:13", "enter"), made_shift=True, languages=TWO_LANGUAGES),
    "help": Scene(2, (failed(1),), ("f1",), languages=TWO_LANGUAGES, training=True),
    "sign-in": Scene(keys=(*"Lu", "enter"), signs_in=True, sizes=((80, 24),), languages=TWO_LANGUAGES),
    "choice": Scene(
        starts=False,
        choices=(CHOICE, Choice(Path("bulb.yaml"), "bulb", "2026-10", 1200)),
        sizes=((80, 24),),
        languages=TWO_LANGUAGES,
    ),
    "ready": Scene(starts=False, sizes=((80, 24),), languages=TWO_LANGUAGES),
    "ready-blocked": Scene(
        readiness=(
            *ALL_READY[:2],
            ReadinessItem("lanes", Readiness.WARNING, Sentence.LANE_GONE, {"port": "/dev/ttyUSB1"}),
            ReadinessItem("operators", Readiness.WARNING, Sentence.NO_LINE_LEAD),
            ReadinessItem(
                "unfinished", Readiness.WARNING, Sentence.UNFINISHED, {"mac": "24:0a:c4:5e:0f:58", "lane": 2}
            ),
            ReadinessItem.of_fault(
                "platform",
                StationFault(Code.PLATFORM_UNREACHABLE, "No answer from 127.0.0.1 within 5 s", "Look at the network"),
            ),
        ),
        sizes=((80, 24),),
        languages=TWO_LANGUAGES,
        training=True,
    ),
}
SVGS = {"line-two-lanes-80x24", "line-tried-out-80x24", "look-back-failures-80x24"}
"""Pictures kept with their colours too."""


@pytest.mark.parametrize("name", SCENES)
async def test_the_screen_looks_as_kept_in_each_size_and_language(name: str) -> None:
    scene = SCENES[name]
    line = fake_line(scene.lanes, training=scene.training)
    if scene.made_shift:
        fill(line.record)
    app = fake_app(
        line,
        settings=Settings.model_validate({"language": scene.languages[0]}),
        choices=scene.choices,
        readiness=lambda _choice: scene.readiness,
        start_at_once=scene.starts,
        signs_in=scene.signs_in,
    )
    async with opened(app, scene.sizes[0]) as pilot:
        await settle(pilot)
        for number, burst in enumerate(scene.bursts, 1):
            line.now = NOW - timedelta(seconds=7.6) * (len(scene.bursts) - number)
            line.say(*burst)
            await settle(pilot)
        for key in scene.keys:
            await pilot.press(key)
            await settle(pilot)
        for size in scene.sizes:
            await pilot.resize_terminal(*size)
            for language in scene.languages:
                if app.texts.language != language:
                    app.action_change_language()
                await settle(pilot)
                picture = f"{name}-{size[0]}x{size[1]}" + ("" if language == "en" else f"-{language}")
                expect_picture(f"{picture}.txt", screen_text(app))
                if picture in SVGS:
                    expect_picture(f"{picture}.svg", screen_svg(app))
