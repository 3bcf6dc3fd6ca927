"""A shift at the keyboard of `station run`, with 4 lanes, labels, failures, another language and other windows in its middle.

`python -m tests.end_to_end.shift --units 50 --terminal tmux` works it and says how it went.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from station.ledger import Ledger
from station.unit import Disposition, Mac
from station.verdict import Step, Verdict
from station.virtual.chip_model import ChipModel
from station.virtual.fixture import Fixture, Unit
from station.virtual.flash_memory import FlashMemory
from tests.end_to_end.conftest import Desk
from tests.end_to_end.quick_units import (
    PRODUCT_KEY,
    MuteApplication,
    QuickApplication,
    quick_fixture,
    unit_number,
    write_profile,
)
from tests.end_to_end.sight import Sight
from tests.end_to_end.technician import Technician
from tests.end_to_end.terminals import END_LIMIT_S, TERMINALS, Size, Terminal, environment_in_terminal, lacking
from tests.end_to_end.watched_station import desk_in
from tests.waiting import wait_until

LANES: Final = (1, 2, 3, 4)
OPERATOR: Final = "Li"
FIRST_SIZE: Final = (100, 30)
OTHER_SIZE: Final = (80, 24)
LAST_SIZE: Final = (120, 40)
IN_BETWEEN: Final = ((140, 50), (96, 28), (132, 24), (83, 37))
"""Sizes that a window has for a moment while somebody drags its corner."""
BOOT_WITHIN: Final = "3s"
LABEL: Final = {"scan": "before", "separator": ";", "fields": {"serial_number": "SP[0-9]{8}", "hardware": "R[0-9]{2}"}}


class Story(Enum):
    """What happens to a unit."""

    GOOD = "it passes"
    MISREAD = "its label is misread first"
    RETRIED = "it says nothing, is mended in the fixture, and F5 walks it again"
    WRONG_CHIP = "it is another chip"
    TYPED = "its label is typed"
    ABORTED = "it says nothing, and F8 does not wait"
    TAKEN_BACK = "another label was scanned, and F8 in F7 takes it back"
    OTHERS_LABEL = "another unit bears its label"
    PUT_ASIDE = "it says nothing, and F6 puts it to rework"
    SMALL_FLASH = "its flash is too small"
    ALSO_GOOD = "it passes too"


MUTE: Final = (Story.RETRIED, Story.ABORTED, Story.PUT_ASIDE)
STORIES: Final = tuple(Story)
"""One after the other; they and the lanes have no common divisor, so that each comes to each lane."""


@dataclass(frozen=True)
class Piece:
    """The n-th unit of the shift, at its lane."""

    number: int
    lane: int
    story: Story
    unit: Unit

    @property
    def mac(self) -> str:
        return self.unit.model.mac

    @property
    def serial_number(self) -> str:
        return f"SP{self.number:08}"

    @property
    def label(self) -> str:
        return f"{self.serial_number};R02"


@dataclass(frozen=True)
class Told:
    """What a run must be in the ledger."""

    lane: int
    mac: str
    verdict: Verdict
    code: str | None
    serial_number: str | None


def make_piece(number: int) -> Piece:
    story = STORIES[(number - 1) % len(STORIES)]
    chip = "esp32c3" if story is Story.WRONG_CHIP else "esp32"
    flash_size = "2MB" if story is Story.SMALL_FLASH else "4MB"
    unit = unit_number(number, chip=chip, flash_size=flash_size)
    return Piece(number, LANES[(number - 1) % len(LANES)], story, unit)


class Bench:
    """Four fixtures; units whose MAC is in `mute` start and say nothing."""

    def __init__(self) -> None:
        self.mute: set[str] = set()
        self.fixtures = {lane: quick_fixture(boot=self._boot) for lane in LANES}

    def _boot(self, flash: FlashMemory, model: ChipModel, console: Callable[[bytes], None]) -> QuickApplication:
        return (MuteApplication if model.mac in self.mute else QuickApplication)(flash, model, console)

    @contextmanager
    def serving(self) -> Iterator[dict[int, Fixture]]:
        with ExitStack() as ends:
            yield {lane: ends.enter_context(fixture) for lane, fixture in self.fixtures.items()}


class Shift:
    """Works the units in rounds of one a lane; `told` is what the ledger must say of them."""

    def __init__(self, technician: Technician, bench: Bench, units: int) -> None:
        self.technician = technician
        self.told: list[Told] = []
        self.put_aside: list[str] = []
        self._bench = bench
        pieces = [make_piece(number) for number in range(1, units + 1)]
        self._rounds = [pieces[first : first + len(LANES)] for first in range(0, units, len(LANES))]

    def work(self) -> None:
        """Sign in, work all units, end the shift."""
        self._begin()
        for number, pieces in enumerate(self._rounds):
            for piece in pieces:
                self._give_label(piece)
                if piece.story in MUTE:
                    self._bench.mute.add(piece.mac)
                self._bench.fixtures[piece.lane].insert(piece.unit)
            for quarter, meanwhile in enumerate((self._look_around, self._change_language_and_window, self._drag), 1):
                if number == len(self._rounds) * quarter // 4:
                    meanwhile()
            for piece in pieces:
                self._finish(piece)
            self._see_numbers()
            self.technician.find_no_leftovers()
            for piece in pieces:
                self._bench.fixtures[piece.lane].remove()
            for piece in pieces:
                self._see_at(piece.lane, "wait.scan_label", "wait.scan_label_later")
        self._end()

    def _begin(self) -> None:
        person = self.technician
        person.see(lambda sight: sight.answer == "", "the sign-in")
        # Too short for a scan: it is taken for typing, and no key of it is lost.
        person.scan(OPERATOR, lambda sight: sight.says(person.say("choice.all_ready")) or _warned(sight, person))
        person.press("Enter", person.is_line)
        for lane in LANES:
            self._see_at(lane, "wait.scan_label", "wait.scan_label_later")

    def _give_label(self, piece: Piece) -> None:
        """Choose the lane by its barcode, and give it the unit's label as its story wants it."""
        person, lane = self.technician, piece.lane
        self._mark(lane)
        if piece.story is Story.MISREAD:
            person.scan(f"SP{piece.number};R02", lambda sight: self._at(sight, lane, f"SP{piece.number} "))
        if piece.story is Story.TAKEN_BACK:
            self._scan(lane, "SP99999999")
            self._choose(lane)
            person.press("F7", lambda sight: sight.answer == "" and sight.says("SP99999999"))
            person.press("F8", lambda sight: person.is_line(sight) and "SP99999999" not in sight.tiles[lane].text)
            self._mark(lane)
        if piece.story is Story.TYPED:
            self._choose(lane)
            person.press("F7", lambda sight: sight.answer == "")
            person.type(piece.label)
            person.press("Enter", lambda sight: self._at(sight, lane, piece.serial_number))
        else:
            self._scan(lane, self._label_of(piece))

    def _mark(self, lane: int) -> None:
        """Have this lane take the next scan."""
        seen = self.technician.see(lambda sight: self._marked(sight) is not None, "a lane that takes the next scan")
        if self._marked(seen) != lane:
            self.technician.scan(f"LANE {lane}", lambda sight: self._marked(sight) == lane, may_be_so=True)

    def _label_of(self, piece: Piece) -> str:
        """The first unit's label for one whose story is that another bears it."""
        return make_piece(1).serial_number if piece.story is Story.OTHERS_LABEL else piece.serial_number

    def _scan(self, lane: int, serial_number: str) -> None:
        self.technician.scan(f"{serial_number};R02", lambda sight: self._at(sight, lane, serial_number))

    def _finish(self, piece: Piece) -> None:
        """See the verdict, and do what the story wants."""
        match piece.story:
            case Story.RETRIED:
                self._verdict(piece, Verdict.FAIL, "F31")
                self._bench.mute.discard(piece.mac)
                self._choose(piece.lane)
                self.technician.press("F5", lambda sight: not self._at(sight, piece.lane, "F31"))
                self._verdict(piece, Verdict.PASS, None)
            case Story.ABORTED:
                self._see_at(piece.lane, f"doing.{Step.START}")
                self._choose(piece.lane)
                self.technician.press("F8", lambda sight: self._at(sight, piece.lane, "A01"))
                self._verdict(piece, Verdict.ABORTED, "A01")
            case Story.PUT_ASIDE:
                self._verdict(piece, Verdict.FAIL, "F31")
                self._put_aside(piece)
            case Story.WRONG_CHIP:
                self._verdict(piece, Verdict.FAIL, "F12")
            case Story.SMALL_FLASH:
                self._verdict(piece, Verdict.FAIL, "F13")
            case Story.OTHERS_LABEL:
                self._verdict(piece, Verdict.FAIL, "F53")
            case _:
                self._verdict(piece, Verdict.PASS, None)

    def _see_numbers(self) -> None:
        """See above the lanes how many units were good so far: the screen rests then."""
        good = sum(told.verdict is Verdict.PASS for told in self.told)
        words = self.technician.say("header.passed", count=good)
        self.technician.see(lambda sight: f" {words} " in sight.rows[1], words)

    def _verdict(self, piece: Piece, verdict: Verdict, code: str | None) -> None:
        """See it on the tile; once the ledger must have it too."""
        self.technician.see(
            lambda sight: self._at(sight, piece.lane, code or self.technician.say("verdict.PASS")),
            f"{verdict} {code} of unit {piece.number}, {piece.story.value}, at lane {piece.lane}",
        )
        bears = None if code in ("F12", "F13", "F53") else piece.serial_number
        self.told.append(Told(piece.lane, piece.mac, verdict, code, bears))

    def _put_aside(self, piece: Piece) -> None:
        person = self.technician
        self._choose(piece.lane)
        person.press("F6", lambda sight: sight.says(person.say("decide.ask_where")))
        person.press("Enter", lambda sight: sight.says(person.say("decide.ask_reason")))
        person.press("Enter", person.is_line)
        person.see(lambda sight: sight.says(person.say("disposition.rework")), "the unit put to rework")
        self.put_aside.append(piece.mac)

    def _choose(self, lane: int) -> None:
        person = self.technician
        if not person.look().tiles[lane].is_chosen:
            person.terminal.send(str(lane))
            person.keys += 1
            person.see(lambda sight: lane in sight.tiles and sight.tiles[lane].is_chosen, f"lane {lane} chosen")

    def _look_around(self) -> None:
        """Other screens come and go while the lanes work; each key of them does something."""
        person = self.technician
        self._choose(1)
        person.press_fast(("Right", "Down"), lambda sight: person.is_line(sight) and sight.tiles[4].is_chosen)
        person.press("F1", lambda sight: sight.bar_says("Esc "))
        person.press("Escape", person.is_line)
        person.press("F2", lambda sight: sight.says(person.say("look.ask_units")))
        for page in ("failures", "shift", "audit"):
            person.press("Tab", lambda sight, page=page: sight.says(person.say(f"look.ask_{page}")))  # type: ignore[misc]  # mypy does not infer a lambda with a default
        person.press("Escape", person.is_line)
        person.press("Enter", lambda sight: len(sight.tiles) == 1)
        person.press("Escape", person.is_line)
        person.press("C-p", lambda sight: sight.says(person.say("palette.search")))
        person.press("Escape", person.is_line)

    def _change_language_and_window(self) -> None:
        self.technician.speak_next_language()
        self.technician.resize(OTHER_SIZE)

    def _drag(self) -> None:
        """Drag the window's corner, and speak the first language again."""
        for size in IN_BETWEEN:
            self.technician.terminal.resize(size)
        self.technician.resize(LAST_SIZE)
        self.technician.speak_next_language()

    def _end(self) -> None:
        person = self.technician
        person.press("F10", lambda sight: sight.says(person.say("end.ask_asking")))
        person.press("Enter", lambda sight: sight.says(person.say("end.ask_ended")))
        person.terminal.press("Enter")
        person.keys += 1
        wait_until(lambda: person.terminal.exit_code() is not None, END_LIMIT_S)
        assert person.terminal.exit_code() == 0, "\n".join(person.look().rows)

    def _marked(self, sight: Sight) -> int | None:
        """Which lane takes the next scan; None while no tile says so."""
        if not self.technician.is_line(sight):
            return None
        for lane, tile in sight.tiles.items():
            if tile.is_double:
                return lane
        wanted = self.technician.say("wait.scan_label")
        return next((lane for lane, tile in sight.tiles.items() if tile.is_chosen and wanted in tile.text), None)

    def _at(self, sight: Sight, lane: int, words: str) -> bool:
        return lane in sight.tiles and words in sight.tiles[lane].text

    def _see_at(self, lane: int, *keys: str) -> None:
        """See one of these sentences on a lane's tile."""
        sentences = [self.technician.say(key) for key in keys]
        self.technician.see(
            lambda sight: any(self._at(sight, lane, words) for words in sentences), f"{sentences} at lane {lane}"
        )


def _warned(sight: Sight, person: Technician) -> bool:
    return sight.says(person.say("choice.with_warnings"))


@dataclass(frozen=True)
class Worked:
    """How a shift went: its desk with the record, what the record must say, and the figures."""

    desk: Desk
    told: tuple[Told, ...]
    put_aside: tuple[str, ...]
    keys: int
    seconds: float


def work_shift(kind: type[Terminal], folder: Path, units: int, size: Size = FIRST_SIZE) -> Worked:
    """Work a shift in a terminal, from the sign-in to the exit code."""
    desk = desk_in(folder)
    profile = write_profile(desk.profiles / "quick.yaml", boot_within=BOOT_WITHIN, serial_number=LABEL)
    secrets = [secret for _, secret in desk.import_certificates(PRODUCT_KEY, units + 5)]
    with Ledger.open(desk.data) as ledger:
        ledger.operators.add(OPERATOR, by="root")
        ledger.operators.decline_first_lead(by="root")
    bench = Bench()
    with bench.serving() as fixtures:
        ports = [word for fixture in fixtures.values() for word in ("--port", fixture.url)]
        arguments = desk.arguments("run", profile, *ports, "--lang", "en")
        began = time.monotonic()
        with kind(arguments, environment_in_terminal(), size, folder) as terminal:
            technician = Technician(terminal, ("Traceback", *secrets))
            shift = Shift(technician, bench, units)
            shift.work()
        seconds = time.monotonic() - began
    return Worked(desk, tuple(shift.told), tuple(shift.put_aside), technician.keys, seconds)


def judge(worked: Worked) -> None:
    """Compare the record with what was seen; have the log verified; look for what nobody should have to read."""
    with Ledger.open(worked.desk.data) as ledger:
        runs = ledger.runs(limit=10 * len(worked.told))
        assert Counter(
            Told(run.lane, run.mac or "", run.verdict, run.code, run.serial_number) for run in runs if run.verdict
        ) == (Counter(worked.told))
        assert ledger.unfinished_runs() == []
        (batch,) = ledger.batches()
        holders = {row.mac: row.identity.device_name for row in ledger.certificates(batch.name, batch.total) if row.mac}
        assert set(holders) == {told.mac for told in worked.told if told.serial_number}
        assert len(set(holders.values())) == len(holders)
        for mac in worked.put_aside:
            assert ledger.dispositions.standing(Mac(mac)).disposition is Disposition.REWORK
    export = worked.desk.data.parent / "audit.jsonl"
    assert worked.desk.here("audit", "export", "--out", export).code == 0
    verified = worked.desk.here("audit", "verify", export)
    assert verified.code == 0, verified.err
    for log in worked.desk.data.rglob("*.log*"):
        assert "Traceback" not in log.read_text(encoding="utf-8"), log


def main() -> None:
    parser = argparse.ArgumentParser(description="Work a shift in a terminal.")
    parser.add_argument("--units", type=int, default=50)
    parser.add_argument("--terminal", choices=TERMINALS, default="tmux")
    asked = parser.parse_args()
    if (reason := lacking(asked.terminal)) is not None:
        parser.error(reason)
    with tempfile.TemporaryDirectory() as folder:
        worked = work_shift(TERMINALS[asked.terminal], Path(folder), asked.units)
        judge(worked)
    verdicts = Counter(f"{told.verdict} {told.code or ''}".strip() for told in worked.told)
    print(f"{asked.units} units, {len(worked.told)} runs, {worked.keys} keys, {worked.seconds:.1f} s: {dict(verdicts)}")  # noqa: T201  this is a command's output


if __name__ == "__main__":
    main()
