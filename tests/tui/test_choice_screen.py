"""The start of a shift: choose, check, start."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import OptionList

from station.errors import WHY, Code, Fault, LedgerFault, ProfileError, UsageError, Why
from station.line.readiness import Readiness, ReadinessItem, Sentence
from station.tui.app import StationApp
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen, Stage
from station.tui.line_port import LinePort
from station.tui.line_screen import LineScreen
from station.tui.settings import Settings
from tests.tui.driving import opened, scan, settle, until
from tests.tui.fake_line import ALL_READY, CHOICE, NOW, fake_app, fake_line, mac_of
from tests.tui.pictures import screen_text

THREE = (CHOICE, Choice(Path("bulb.yaml"), "bulb", "2026-10", 1200), Choice(Path("fan.yaml"), "fan", "b", 0))
MISSING = ReadinessItem("lanes", Readiness.BLOCKED, Sentence.NO_LANES)


def stage(app: StationApp) -> Stage:
    assert isinstance(app.screen, ChoiceScreen)
    return app.screen.stage


async def test_one_choice_is_checked_at_once_and_enter_starts() -> None:
    app = fake_app(fake_line(), start_at_once=False)
    async with opened(app) as pilot:
        assert stage(app) is Stage.CHECKED
        assert "Press Enter to start" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LineScreen))


async def test_the_bench_starts_without_a_key() -> None:
    line = fake_line(training=True)
    app = fake_app(line)
    async with opened(app) as pilot:
        await until(pilot, lambda: line.calls == ["start"])


async def test_something_blocked_says_what_to_do_and_enter_checks_again() -> None:
    answers = [(*ALL_READY, MISSING), ALL_READY]
    line = fake_line()
    app = fake_app(line, readiness=lambda _choice: answers.pop(0))
    async with opened(app) as pilot:
        assert "✘ lanes" in screen_text(app)
        assert "→ Plug an adapter in" in screen_text(app)
        assert "↵ Check again" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: line.calls == ["start"])


async def test_a_warning_does_not_keep_the_line_from_starting() -> None:
    warning = ReadinessItem("unfinished", Readiness.WARNING, Sentence.UNFINISHED, {"mac": mac_of(2), "lane": 2})
    app = fake_app(fake_line(), start_at_once=False, readiness=lambda _choice: (warning,))
    async with opened(app) as pilot:
        assert "▲ unfinished" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LineScreen))


async def test_arrows_and_enter_choose_and_esc_goes_back() -> None:
    asked: list[str] = []

    def readiness(choice: Choice) -> tuple[ReadinessItem, ...]:
        asked.append(choice.profile_name)
        return ALL_READY

    app = fake_app(fake_line(), choices=THREE, readiness=readiness)
    async with opened(app) as pilot:
        assert stage(app) is Stage.CHOOSING
        await pilot.press("down", "enter")
        await until(pilot, lambda: asked == ["bulb"])


async def test_esc_leads_back_to_the_choice() -> None:
    app = fake_app(fake_line(), choices=THREE, start_at_once=False)
    async with opened(app) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert stage(app) is Stage.CHECKED
        await pilot.press("escape")

        assert stage(app) is Stage.CHOOSING


async def test_the_mouse_chooses_too() -> None:
    app = fake_app(fake_line(), choices=THREE, start_at_once=False)
    async with opened(app) as pilot:
        await pilot.click(OptionList, offset=(3, 1))
        await settle(pilot)

        assert stage(app) is Stage.CHECKED
        assert "bulb" in screen_text(app)


async def test_a_scanned_work_order_names_profile_and_batch() -> None:
    orders = [replace(CHOICE, work_order=f"WO-{number}", passed=3, quantity=500) for number in (1, 2)]
    bulb = Choice(Path("bulb.yaml"), "bulb", "2026-10", 1200, "WO-3", 0, 20)
    app = fake_app(fake_line(), choices=(*orders, bulb), start_at_once=False)
    async with opened(app) as pilot:
        assert "smart-plug   WO-2 3/500   batch 2026-11   188 certificates left\n" in screen_text(app)
        assert "bulb         WO-3 0/20    batch 2026-10   1200 certificates left\n" in screen_text(app)
        await scan(pilot, "WO-3")
        assert stage(app) is Stage.CHECKED
        assert "bulb · WO-3 · batch 2026-10" in screen_text(app)
        await scan(pilot, "WO-2")
        assert "smart-plug · WO-2 · batch 2026-11" in screen_text(app)


async def test_a_work_order_that_is_scanned_while_another_is_looked_at_is_chosen_next() -> None:
    orders = [replace(CHOICE, work_order=f"WO-{number}", passed=3, quantity=500) for number in (1, 2)]
    may_go_on = threading.Event()

    def readiness(choice: Choice) -> tuple[ReadinessItem, ...]:
        if choice.work_order == "WO-1":
            may_go_on.wait(10.0)
        return ALL_READY

    app = fake_app(fake_line(), choices=tuple(orders), readiness=readiness, start_at_once=False)
    async with opened(app) as pilot:
        await pilot.press("enter")
        assert isinstance(app.screen, ChoiceScreen)
        assert app.screen.stage is Stage.CHECKING
        app.screen.take_scan("WO-2")
        may_go_on.set()
        await until(pilot, lambda: "WO-2" in screen_text(app) and "Press Enter to start" in screen_text(app))


async def test_a_work_order_that_is_new_since_the_screen_came_up_is_found_and_an_unknown_one_is_told() -> None:
    known = [CHOICE]
    app = _app(choices=lambda: tuple(known))
    async with opened(app) as pilot:
        known.append(replace(CHOICE, work_order="WO-9"))
        await scan(pilot, "WO-9")
        assert stage(app) is Stage.CHECKED
        assert "WO-9" in screen_text(app)
        await scan(pilot, "WO-10")
        assert "WO-10 names no product, batch or work order here" in screen_text(app)
        assert stage(app) is Stage.CHOOSING


async def test_no_choice_at_all_is_no_dead_end() -> None:
    app = fake_app(fake_line(), choices=())
    async with opened(app) as pilot:
        assert "There is no profile to choose" in screen_text(app)
        await pilot.press("f10")
        await settle(pilot)

    assert app.return_code == 0


async def test_a_fault_while_looking_is_told_and_enter_looks_again() -> None:
    faults = [UsageError("There is no batch 2026-12", "Say 2026-11")]

    def choices() -> tuple[Choice, ...]:
        if faults:
            raise faults.pop()
        return (CHOICE,)

    app = _app(choices=choices)
    async with opened(app) as pilot:
        assert "There is no batch 2026-12" in screen_text(app)
        assert "→ Say 2026-11" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)

        assert stage(app) is Stage.CHECKED
        assert "Press Enter to start" in screen_text(app)


WRONG = Choice(
    Path("lamp.yaml"),
    "lamp",
    "",
    fault=ProfileError(
        "The profile has 2 mistakes",
        "Correct the lines named below",
        "shelf/lamp.yaml",
        [
            Fault(
                "shelf/lamp.yaml",
                15,
                "the file `app.bin` is missing",
                "Put it there",
                {"file": "`app.bin`", WHY: Why.FILE_MISSING},
            ),
            Fault("shelf/lamp.yaml", 22, "the key `onlin` is not known", "Did you mean `online`?"),
        ],
    ),
)


async def test_a_wrong_profile_keeps_no_sound_one_back_and_its_first_mistake_is_named() -> None:
    app = fake_app(fake_line(), choices=(WRONG, CHOICE), start_at_once=False)
    async with opened(app) as pilot:
        assert "lamp\n" in screen_text(app)
        assert "✘ I20 lamp.yaml:15: the file `app.bin` is missing" in screen_text(app)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert "Press Enter to start" in screen_text(app)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            (
                "✘ images   I20 lamp.yaml:15: the file `app.bin` is missing",
                "→ Put it there",
                "✘ profile  I20 lamp.yaml:22: the key `onlin` is not known",
            ),
        ),
        (
            "zh-CN",
            (
                "✘ 映像  I20 lamp.yaml:15：找不到文件 `app.bin`。",
                "→ 告诉产线工程师，由他放回文件。",
                "✘ 配置  I20 lamp.yaml:22：配置文件不对。报告：the key `onlin` is not known",
            ),
        ),
    ],
)
async def test_each_mistake_of_a_wrong_profile_says_what_to_do(language: str, told: tuple[str, ...]) -> None:
    app = fake_app(fake_line(), choices=(WRONG, CHOICE), settings=Settings.model_validate({"language": language}))
    async with opened(app) as pilot:
        await pilot.press("enter")
        await settle(pilot)

        assert [words for words in told if words not in screen_text(app)] == []


async def test_a_profile_that_was_mended_goes_on_with_enter() -> None:
    answers = [(WRONG, CHOICE), (WRONG, CHOICE), (replace(CHOICE, profile_path=WRONG.profile_path), CHOICE)]
    app = _app(choices=lambda: answers.pop(0))
    async with opened(app) as pilot:
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert "the file `app.bin` is missing" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)

        assert "Press Enter to start" in screen_text(app)


async def test_the_only_profile_tells_its_mistakes_at_once() -> None:
    app = fake_app(fake_line(), choices=(WRONG,))
    async with opened(app):
        assert "the file `app.bin` is missing" in screen_text(app)
        assert "↵ Check again" in screen_text(app)


async def test_a_fault_while_opening_is_told() -> None:
    def open_line(_choice: Choice) -> LinePort:
        raise LedgerFault(Code.LEDGER_BUSY, "Another program holds the ledger", "Close it")

    app = _app(open_line=open_line)
    async with opened(app) as pilot:
        await pilot.press("enter")
        await settle(pilot)

        assert "E21 The ledger is busy: Another program holds the ledger" in screen_text(app)
        assert "→ Close it" in screen_text(app)


async def test_a_fault_while_checking_is_told() -> None:
    def readiness(_choice: Choice) -> tuple[ReadinessItem, ...]:
        raise LedgerFault(Code.LEDGER_BUSY, "Another program holds the ledger", "Close it")

    app = fake_app(fake_line(), readiness=readiness)
    async with opened(app):
        assert "E21 The ledger is busy: Another program holds the ledger" in screen_text(app)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_the_choice_speaks_the_language(language: str) -> None:
    app = fake_app(fake_line(), choices=THREE, settings=Settings.model_validate({"language": language}))
    async with opened(app):
        assert ("Choose a product" in screen_text(app)) == (language == "en")


def _app(
    choices: object = lambda: (CHOICE,),
    open_line: object = lambda _choice: fake_line(),
) -> StationApp:
    assert callable(choices)
    assert callable(open_line)
    return StationApp(
        choices=choices, readiness=lambda _choice: ALL_READY, open_line=open_line, now=lambda: NOW, tick_s=None
    )
