"""A scanner's burst goes where it belongs, whatever has the focus; typing stays typing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.events import Key

from station.certificate import Secret
from station.tui.app import StationApp
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen
from station.tui.help_screen import HelpScreen
from station.tui.line_screen import LineScreen
from station.tui.scan_reader import LETTERS_MAX, ScanReader
from station.tui.settings import Scanner
from station.tui.unit_screen import UnitScreen
from station.unit import Disposition
from tests.tui.driving import keys, on_line, opened, press, scan, settle
from tests.tui.fake_line import CHOICE, failed, fake_app, fake_line
from tests.tui.made_shift import fill
from tests.tui.pictures import screen_text

MAC = "240ac45e0013"


def read(scanner: Scanner, *bursts: Sequence[Key]) -> tuple[str, list[str]]:
    """Give what counts as typed (keys that are no letters as <name>), and the scans."""
    reader = ScanReader(scanner)
    typed, scans = "", []
    for burst in bursts:
        for key in burst:
            released, code = reader.take(key)
            typed += "".join(one.character or f"<{one.key}>" for one in released)
            scans += [code] if code is not None else []
        typed += "".join(one.character or "" for one in reader.release())
    return typed, scans


@pytest.mark.parametrize("suffix", [("enter",), ("tab",), ("ctrl+j",), ("enter", "ctrl+j")], ids="+".join)
def test_a_quick_burst_with_any_suffix_is_a_scan_and_nothing_is_left_of_it(suffix: tuple[str, ...]) -> None:
    assert read(Scanner(), keys(MAC, *suffix)) == ("", [MAC])


def test_slow_keys_a_short_burst_and_one_without_suffix_are_typed() -> None:
    assert read(Scanner(), keys("plug", "enter", apart_s=0.12)) == ("plug<enter>", [])
    assert read(Scanner(), keys("312", "enter")) == ("312<enter>", [])
    assert read(Scanner(), keys("plug-1")) == ("plug-1", [])
    assert read(Scanner(), keys("plug-1", "f5")) == ("plug-1<f5>", [])


def test_a_burst_that_the_pc_hands_over_late_stays_one_scan_when_four_letters_of_it_came_in_time() -> None:
    def late_after(letters: int) -> list[Key]:
        return keys(MAC[:letters]) + keys(MAC[letters:], "enter", start_s=10.14)

    assert read(Scanner(), late_after(4)) == ("", [MAC])
    assert read(Scanner(), late_after(len(MAC))) == ("", [MAC])
    assert read(Scanner(), keys(MAC) + keys("", "enter", start_s=10.5)) == (f"{MAC}<enter>", [])


@pytest.mark.parametrize("letters", [1, 3])
def test_a_scan_keeps_its_first_letters_when_the_pc_hands_the_others_over_late(letters: int) -> None:
    first, rest = keys(MAC[:letters]), keys(MAC[letters:], "enter", start_s=10.1)

    assert read(Scanner(), [*first, *rest]) == (MAC[:letters], [MAC])
    assert read(Scanner(), first, rest) == (MAC[:letters], [MAC])
    assert read(Scanner(prefix="2"), first, rest) == (MAC[:letters], [MAC[1:]])


def test_what_was_typed_before_a_scan_is_no_part_of_it() -> None:
    typed = keys("ab", apart_s=0.12)

    assert read(Scanner(), typed, keys(MAC, "enter", start_s=10.4)) == ("ab", [MAC])
    assert read(Scanner(prefix="24"), keys("ab"), keys(MAC, "enter", start_s=10.1)) == ("ab", [MAC[2:]])
    assert read(Scanner(), keys("ab", "f5"), keys(MAC, "enter", start_s=10.1)) == ("ab<f5>", [MAC])


def test_only_the_suffixes_of_the_settings_end_a_scan() -> None:
    assert read(Scanner(suffixes=("tab",)), keys(MAC, "enter")) == (f"{MAC}<enter>", [])


def test_a_prefix_is_taken_off_and_what_has_none_is_typed_at_once() -> None:
    scanner = Scanner(prefix="]C1")

    assert read(scanner, keys("]C1plug-000310", "enter")) == ("", ["plug-000310"])
    assert read(scanner, keys("plug-000310", "enter")) == ("plug-000310<enter>", [])


def test_full_width_letters_become_half_width() -> None:
    assert read(Scanner(), keys("ｐｌｕｇ－０００３", "enter")) == ("", ["plug-0003"])


def test_two_scans_in_a_row_are_two() -> None:
    assert read(Scanner(), keys(MAC, "enter"), keys("plug-2", "enter", start_s=10.1)) == ("", [MAC, "plug-2"])


def test_an_endless_burst_fills_no_memory() -> None:
    typed, scans = read(Scanner(), keys("x" * (LETTERS_MAX * 2), "enter"))

    assert len(scans) <= 1
    assert typed.startswith("x" * LETTERS_MAX)


async def test_a_units_label_opens_its_story_from_the_line_and_chooses_no_lane() -> None:
    line = fake_line(4)
    fill(line.record)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await scan(pilot, "plug-000019")

        assert isinstance(app.screen, UnitScreen)
        assert "BOOT pin stuck" in screen_text(app)
        await press(pilot, "escape")
        assert app.line_screen is not None
        assert app.line_screen.chosen == 1


async def test_a_scan_while_searching_opens_that_unit_whatever_was_typed() -> None:
    line = fake_line(1)
    fill(line.record)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await press(pilot, "f2", "x", "y")
        await scan(pilot, "24:0a:c4:5e:00:13", "tab")
        assert "MAC 24:0a:c4:5e:00:13" in screen_text(app)
        await scan(pilot, "nobody-1")

        assert "Unit  nobody-1" in screen_text(app)
        assert "known by this name" in screen_text(app)


async def test_a_badge_answers_who_allows_it_and_decides_nothing_before_it_is_asked() -> None:
    line = fake_line(1)
    line.record.lead_pin = "273 Garden"
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(1))
        await settle(pilot)
        await press(pilot, "f6")
        await scan(pilot, "1111")
        assert "Press a digit" in screen_text(app)
        await press(pilot, "3", "enter")
        await scan(pilot, "LEAD-7")
        await scan(pilot, "273 Garden")

        (decision,) = line.record.decisions
        assert (decision.disposition, decision.lead) == (Disposition.SCRAP, "LEAD-7")
        assert decision.pin == Secret("273 Garden")


async def test_a_work_orders_barcode_chooses_product_and_batch() -> None:
    other = Choice(Path("bulb.yaml"), "bulb", "2026-10", 1200, "WO-4800")
    app: StationApp = fake_app(fake_line(), choices=(CHOICE, other), start_at_once=False)
    async with opened(app) as pilot:
        await scan(pilot, "WO-9999")
        assert "WO-9999 names no product" in screen_text(app)
        await scan(pilot, "WO-4800")

        assert isinstance(app.screen, ChoiceScreen)
        assert "bulb · WO-4800 · batch 2026-10" in screen_text(app).split("\n")[0]


async def test_a_screen_that_wants_no_scan_lets_it_go() -> None:
    app = fake_app(fake_line())
    async with on_line(app) as pilot:
        await press(pilot, "f1")
        await scan(pilot, MAC)
        assert isinstance(app.screen, HelpScreen)
        await press(pilot, "escape")

        assert isinstance(app.screen, LineScreen)


async def test_a_burst_stays_whole_when_the_wait_for_its_first_keys_ends_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy screen handles keys late: the timer that was set for an earlier key fires in the middle of the burst."""
    line = fake_line(1)
    fill(line.record)
    app = fake_app(line)
    waits: list[Callable[[], object]] = []

    def set_timer(_delay: float, callback: Callable[[], object]) -> SimpleNamespace:
        waits.append(callback)
        return SimpleNamespace(stop=lambda: None)

    async with on_line(app) as pilot:
        monkeypatch.setattr(app, "set_timer", set_timer)
        *letters, end = keys("plug-000019", "enter")
        for key in letters:
            await app.on_event(key)
        late = waits[0]()
        if isinstance(late, Awaitable):
            await late
        await pilot.pause()
        await app.on_event(end)
        await settle(pilot)

        assert isinstance(app.screen, UnitScreen)
        assert "Unit  plug-000019" in screen_text(app)
