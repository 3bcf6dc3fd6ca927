"""The screen of the shift: the numbers, one tile per lane, the last units."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive

from station.events import Event, LaneAppeared
from station.serial_number import EntryWay, lane_named
from station.texts import Texts
from station.tui.decision_screen import DecisionScreen
from station.tui.decision_view import Subject
from station.tui.key_bar import KeyBar
from station.tui.label_printing import lane_to_print, print_again
from station.tui.label_screen import LabelScreen
from station.tui.lane_pane import LanePane
from station.tui.lane_view import LaneView, Phase
from station.tui.last_units import LastUnits, unit_line
from station.tui.lesson import Hand, Lessons
from station.tui.lesson_bar import LessonBar
from station.tui.lesson_screen import LessonScreen
from station.tui.line_layout import grid_size, last_units_rows
from station.tui.line_port import LinePort
from station.tui.look_back_screen import LookBackScreen
from station.tui.scan_queue import ScanQueue
from station.tui.shift_header import ShiftHeader
from station.tui.station_screen import StationScreen
from station.tui.unit_screen import UnitScreen
from station.unit import Mac

_HEADER_ROWS = 2
_FOOTER_ROWS = 1


class LineScreen(StationScreen):
    """Routes events to the tiles and keys to the line; what a lane may do is asked of its view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "look_back", "key.look_back"),
        Binding("f3", "choose_lesson", "key.lessons"),
        Binding("f4", "lend_hand", "key.hand"),
        Binding("f5", "retry", "key.retry"),
        Binding("f6", "decide", "key.decide"),
        Binding("f7", "label", "key.label"),
        Binding("f8", "abort", "key.abort"),
        Binding("f12", "print", "key.print"),
        Binding("enter", "zoom", "key.zoom"),
        Binding("escape", "unzoom", "key.unzoom", show=False),
        Binding("left", "step(-1, 0)", show=False),
        Binding("right", "step(1, 0)", show=False),
        Binding("up", "step(0, -1)", show=False),
        Binding("down", "step(0, 1)", show=False),
        *[Binding(str(number % 10), f"choose({number})", show=False) for number in range(1, 11)],
    ]

    chosen: reactive[int] = reactive(0, init=False, repaint=False)
    """The chosen lane's number; the keys act on it."""
    zoomed: reactive[bool] = reactive(False, init=False, repaint=False)
    scans: reactive[ScanQueue] = reactive(ScanQueue(), init=False, repaint=False)
    """Who waits for a scan; the tile that gets the next one is marked."""
    printing: reactive[bool] = reactive(False, init=False, repaint=False, bindings=True)
    columns: reactive[int] = reactive(1, init=False, repaint=False)

    class Reported(Message, bubble=False):
        """A lane that was not there at the start said something; posted from its thread."""

        def __init__(self, event: Event) -> None:
            super().__init__()
            self.event = event

    class Checked(Message, bubble=False):
        """A scan for a lane was looked up."""

        def __init__(self, lane: int, *, taken: bool) -> None:
            super().__init__()
            self.lane = lane
            self.taken = taken

    class Printed(Message, bubble=False):
        """The printer has had its time with a label."""

    def __init__(
        self,
        line: LinePort,
        texts: Texts,
        *,
        training: bool,
        now: Callable[[], datetime],
        tick_s: float | None,
        few_certificates: int,
        lessons: Lessons | None = None,
    ) -> None:
        super().__init__(texts, training=training)
        self._lesson_bar = None if lessons is None else LessonBar(lessons, texts)
        self._lessons = lessons
        self._line = line
        self._now = now
        self._tick_s = tick_s
        self._few = few_certificates
        self._panes = {lane.number: LanePane(lane.number, lane.port, texts, tick_s=tick_s) for lane in line.places}
        self._own_tile = frozenset(self._panes)
        """Lanes whose events go to their tile directly; a later one's go through the screen, which makes the tile."""
        there = [lane.number for lane in line.places if lane.port]
        self.set_reactive(LineScreen.scans, ScanQueue(opening=frozenset(there)))
        self.set_reactive(LineScreen.chosen, min(there or self._panes, default=0))

    def compose(self) -> ComposeResult:
        yield ShiftHeader(self._line, self.texts, self._now, periodic=self._tick_s is not None, few=self._few)
        with Container(id="lanes"):
            yield from self._panes.values()
        yield LastUnits(self.texts)
        if self._lesson_bar is not None:
            yield self._lesson_bar
        yield KeyBar()

    def on_mount(self) -> None:
        self._mark_chosen()
        self._line.subscribe(self._deliver)
        self.run_worker(self._line.start, thread=True, group="line")

    def _deliver(self, event: Event) -> None:
        """Called in a lane's thread: to that lane's own tile, and nowhere else; what is at no lane (0) to all."""
        if not self.is_running:
            return
        panes = [pane for number, pane in self._panes.items() if event.lane in (number, 0)]
        try:
            if event.lane != 0 and event.lane not in self._own_tile:
                self.post_message(self.Reported(event))
                return
            for pane in panes:
                pane.post_message(LanePane.Reported(event))
        except RuntimeError:
            # The screen may end between the question and the post; the ledger has the fact anyway.
            if self.is_running:
                raise

    async def on_line_screen_reported(self, message: LineScreen.Reported) -> None:
        event = message.event
        if isinstance(event, LaneAppeared) and event.lane not in self._panes:
            await self._add_tile(event)
        if event.lane in self._panes:
            self._panes[event.lane].post_message(LanePane.Reported(event))

    async def _add_tile(self, lane: LaneAppeared) -> None:
        """Put a tile behind all others, where the number of a place met for the first time belongs; the choice stays."""
        pane = LanePane(lane.lane, lane.port, self.texts, tick_s=self._tick_s)
        self._panes = {**self._panes, lane.lane: pane}
        await self.query_one("#lanes").mount(pane)
        self.chosen = self.chosen or lane.lane
        self._arrange()
        self.refresh_bindings()

    def view(self, lane: int) -> LaneView:
        """What this lane's tile shows now."""
        return self._panes[lane].view

    @property
    def working_lanes(self) -> list[int]:
        return [number for number, pane in self._panes.items() if pane.view.phase is Phase.WORKING]

    @property
    def explained_view(self) -> LaneView | None:
        """The chosen lane's view, when it has a failure to explain."""
        pane = self._panes.get(self.chosen)
        return pane.view if pane is not None and pane.view.code else None

    def on_resize(self) -> None:
        self._arrange()

    def watch_chosen(self) -> None:
        self._mark_chosen()
        self.refresh_bindings()

    def watch_zoomed(self) -> None:
        self._arrange()
        self.refresh_bindings()

    def _mark_chosen(self) -> None:
        for number, pane in self._panes.items():
            pane.chosen = number == self.chosen and len(self._panes) > 1
            pane.set_class(self.zoomed and number != self.chosen, "-hidden")

    def _arrange(self) -> None:
        """Lay the tiles out for the space there is."""
        width, height = self.app.size
        count = 1 if self.zoomed else len(self._panes)
        rows_below = last_units_rows(count, height)
        self.query_one(LastUnits).styles.height = rows_below
        if self._lesson_bar is not None:
            rows_below += self._lesson_bar.rows
        lanes_height = height - _HEADER_ROWS - _FOOTER_ROWS - rows_below
        self.columns, rows = grid_size(count, width, lanes_height)
        lanes = self.query_one("#lanes")
        lanes.styles.grid_size_columns = self.columns
        lanes.styles.grid_size_rows = rows
        self._mark_chosen()

    def on_lane_pane_unit_finished(self, message: LanePane.UnitFinished) -> None:
        self.query_one(LastUnits).add(unit_line(message.event, self._now()))
        self.query_one(ShiftHeader).ask()

    def on_lane_pane_unit_decided(self, message: LanePane.UnitDecided) -> None:
        event = message.event
        self.query_one(LastUnits).decide(event.lane, event.mac, event.disposition)

    def on_lane_pane_label_told(self, message: LanePane.LabelTold) -> None:
        event = message.event
        self.query_one(LastUnits).tell_label(event.lane, event.mac, event.code)

    def on_lane_pane_state_changed(self, message: LanePane.StateChanged) -> None:
        self.scans = self.scans.told(message.lane, wants_label=self.view(message.lane).wants_label)
        if (header := self.query_one(ShiftHeader)).fault is not None:
            header.ask()  # a lane goes on: the ledger may answer again
        if message.lane == self.chosen:
            self.refresh_bindings()

    def watch_scans(self) -> None:
        for number, pane in self._panes.items():
            pane.mark(takes_scan=number == self.scans.next_lane)
        self.refresh_bindings()

    def on_lesson_bar_changed(self) -> None:
        self._arrange()
        self.refresh_bindings()

    def on_lane_pane_picked(self, message: LanePane.Picked) -> None:
        self.action_choose(message.lane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that does nothing now is shown dim."""
        pane = self._panes.get(self.chosen)
        if action == "retry":
            return True if pane and pane.view.can_start else None
        if action == "abort":
            return True if pane and pane.view.can_abort else None
        if action == "decide":
            return True if pane and pane.view.can_decide else None
        if action == "label":
            return False if self._line.labels is None else True if self._label_lane is not None else None
        if action == "print":
            return False if self._line.record.prints is None else True if self._print_lane is not None else None
        if action in {"choose_lesson", "lend_hand"}:
            if self._lesson_bar is None:
                return False
            return True if action == "choose_lesson" or self._hand is not Hand.NOTHING else None
        if action in {"zoom", "unzoom"}:
            return len(self._panes) > 1 and (action == "zoom" or self.zoomed)
        return super().check_action(action, parameters)

    @property
    def _hand(self) -> Hand:
        view = self._lesson_bar.view if self._lesson_bar is not None else None
        return Hand.NOTHING if view is None else view.hand

    def key_text(self, description: str) -> str:
        pane = self._panes.get(self.chosen)
        if description == "key.hand":
            description = f"hand.{self._hand}"
        if description == "key.retry" and pane and pane.view.phase is not Phase.FINISHED:
            description = "key.start"
        if description == "key.zoom" and self.zoomed:
            description = "key.unzoom"
        return super().key_text(description)

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        for number in self._panes:
            say = self.texts.say
            yield SystemCommand(say("key.lane", lane=number), say("action.lane"), partial(self.action_choose, number))

    def action_retry(self) -> None:
        self._line.retry(self.chosen)

    def begin_anew(self) -> None:
        """Another shift: its operator and its numbers."""
        self.query_one(ShiftHeader).refresh()
        self.query_one(ShiftHeader).ask()

    def take_scan(self, code: str) -> None:
        """A label; where nobody wants labels, a unit's name: its story."""
        if self._line.labels is not None:
            self.take_label(code)
        else:
            record, training = self._line.record, self.training
            self.app.push_screen(UnitScreen(record, self.texts, code, training=training, now=self._now))

    def take_label(self, code: str) -> None:
        """A label for the marked lane, or the barcode at a lane, which marks it; nothing where nobody wants labels."""
        labels = self._line.labels
        if labels is None:
            return
        if (named := lane_named(code)) is not None:
            self.action_choose(named)
            if named in self._panes and named not in self.scans.waiting and self.view(named).can_label:
                self.action_label()
            return
        lane = self.scans.next_lane or self.chosen
        self.scans = self.scans.begun(lane)

        def give() -> None:
            refused = labels.give(lane, code, EntryWay.SCANNED)
            self.post_message(self.Checked(lane, taken=refused is None))

        self.run_worker(give, thread=True, group="labels")

    def on_line_screen_checked(self, message: LineScreen.Checked) -> None:
        self.scans = self.scans.ended(message.lane, taken=message.taken)

    @property
    def _label_lane(self) -> int | None:
        """The lane whose label F7 is about: the chosen one if it has or wants one, else the marked one."""
        pane = self._panes.get(self.chosen)
        return self.chosen if pane is not None and pane.view.can_label else self.scans.next_lane

    def action_label(self) -> None:
        lane, labels = self._label_lane, self._line.labels
        if lane is not None and labels is not None:
            held = self.view(lane).label
            self.app.push_screen(LabelScreen(labels, self.texts, lane, held, training=self.training))

    @property
    def _print_lane(self) -> int | None:
        if self.printing:
            return None
        return lane_to_print({number: pane.view for number, pane in self._panes.items()}, self.chosen)

    def action_print(self) -> None:
        prints, lane = self._line.record.prints, self._print_lane
        unit = None if lane is None else self.view(lane).good_unit
        if prints is None or unit is None:
            return
        self.printing = True

        def print_label() -> None:
            self._deliver(print_again(prints, unit))
            self.post_message(self.Printed())

        self.run_worker(print_label, thread=True, group="print")

    def on_line_screen_printed(self) -> None:
        self.printing = False

    def action_look_back(self) -> None:
        self.app.push_screen(LookBackScreen(self._line.record, self.texts, training=self.training, now=self._now))

    def action_decide(self) -> None:
        view = self.view(self.chosen)
        if view.mac is not None:
            subject = Subject(Mac(view.mac), view.device_name or "", view.code, view.lane)
            self.app.push_screen(DecisionScreen(self._line.record, self.texts, subject, training=self.training))

    def action_choose_lesson(self) -> None:
        if self._lessons is not None:
            self.app.push_screen(LessonScreen(self._lessons, self.texts, training=self.training))

    def action_lend_hand(self) -> None:
        if self._lessons is not None:
            self._lessons.act()

    def retell(self) -> None:
        if self._lesson_bar is not None:
            self._lesson_bar.retell()
        super().retell()

    def action_abort(self) -> None:
        self._line.abort(self.chosen)

    def action_zoom(self) -> None:
        self.zoomed = not self.zoomed

    def action_unzoom(self) -> None:
        self.zoomed = False

    def action_choose(self, lane: int) -> None:
        if lane in self._panes:
            self.chosen = lane
            self.scans = self.scans.named(lane)

    def action_step(self, right: int, down: int) -> None:
        """Choose the next lane in that direction; at an edge nothing happens."""
        numbers = list(self._panes)
        place = numbers.index(self.chosen)
        if self.zoomed:
            target = place + right + down
        else:
            column = place % self.columns + right
            target = place + right + down * self.columns if 0 <= column < self.columns else -1
        if 0 <= target < len(numbers):
            self.action_choose(numbers[target])
