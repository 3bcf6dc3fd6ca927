"""The tile of one lane: it receives its lane's events and paints one frozen view."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from station.events import Event, LabelPrinted, StepReported, UnitDisposed, VerdictReached
from station.texts import Texts
from station.tui.cell_text import fit, plain
from station.tui.lane_picture import ROOMY_ROWS, picture_rows, unit_names
from station.tui.lane_view import LaneView, Phase, apply, tick
from station.verdict import StepState, Verdict

_FILLS: Final = {
    Verdict.PASS: "-pass",
    Verdict.FAIL: "-fail",
    Verdict.ERROR: "-error",
    Verdict.ABORTED: "-aborted",
}
_CLASSES: Final = ("-waiting", "-working", "-closed", *_FILLS.values())
PAINTED_APART_S: Final = 0.2
"""What a lane does is painted no oftener, but for a new phase: nobody reads faster, and the keys need the time."""

_Makings = tuple[LaneView, str, Size]
"""What a picture is made from: the view, the language, the room."""


class LanePane(Widget):
    """One lane. All it knows is `view`."""

    view: reactive[LaneView] = reactive(LaneView(0, ""), init=False, repaint=False)
    chosen: reactive[bool] = reactive(False, init=False, toggle_class="-chosen")

    class Reported(Message, bubble=False):
        """The lane said something; posted from the lane's thread."""

        def __init__(self, event: Event) -> None:
            super().__init__()
            self.event = event

        def can_replace(self, message: Message) -> bool:
            """Progress gives way to newer progress of the same step; facts never do."""
            if not isinstance(message, LanePane.Reported):
                return False
            mine, newer = self.event, message.event
            return (
                isinstance(mine, StepReported)
                and isinstance(newer, StepReported)
                and mine.state is newer.state is StepState.PROGRESS
                and mine.step is newer.step
            )

    class UnitFinished(Message):
        """A verdict stands on this lane."""

        def __init__(self, event: VerdictReached) -> None:
            super().__init__()
            self.event = event

    class UnitDecided(Message):
        """Somebody decided where this lane's unit goes."""

        def __init__(self, event: UnitDisposed) -> None:
            super().__init__()
            self.event = event

    class LabelTold(Message):
        """A good unit's label was printed, or was not."""

        def __init__(self, event: LabelPrinted) -> None:
            super().__init__()
            self.event = event

    class StateChanged(Message):
        """What the keys may do on this lane has changed."""

        def __init__(self, lane: int) -> None:
            super().__init__()
            self.lane = lane

    class Picked(Message):
        """The technician clicked this lane."""

        def __init__(self, lane: int) -> None:
            super().__init__()
            self.lane = lane

    def __init__(self, number: int, port: str, texts: Texts, *, tick_s: float | None) -> None:
        super().__init__(id=f"lane-{number}")
        self._texts = texts
        self._tick_s = tick_s
        self._shown_words = ("", "")
        self._picture: tuple[_Makings | None, list[Content]] = (None, [])
        """What the rows on the screen were made from, and the rows."""
        self._rest: Timer | None = None
        """Runs from one picture to the next."""
        self.set_reactive(LanePane.view, LaneView(number, plain(port)))

    def on_mount(self) -> None:
        self._dress()
        if self._tick_s is not None:
            self.set_interval(self._tick_s, self._grow_older)

    def on_lane_pane_reported(self, message: LanePane.Reported) -> None:
        self.view = apply(self.view, message.event)
        if isinstance(message.event, VerdictReached):
            self.post_message(self.UnitFinished(message.event))
        elif isinstance(message.event, UnitDisposed) and message.event.lane == self.view.lane:
            self.post_message(self.UnitDecided(message.event))
        elif isinstance(message.event, LabelPrinted):
            self.post_message(self.LabelTold(message.event))

    def mark(self, *, takes_scan: bool) -> None:
        """Tell on the tile whether it gets the next scan."""
        if self.view.takes_scan is not takes_scan:
            self.view = replace(self.view, takes_scan=takes_scan)
        self.set_class(takes_scan, "-scan")

    def on_click(self, event: Click) -> None:
        event.stop()
        self.post_message(self.Picked(self.view.lane))

    def on_resize(self) -> None:
        self._dress()

    def watch_view(self, before: LaneView, after: LaneView) -> None:
        self._dress()
        if _what_keys_may_do(before) != _what_keys_may_do(after):
            self.post_message(self.StateChanged(after.lane))
        if self._rest is None or _is_new(before, after):
            self._paint()

    def watch_chosen(self) -> None:
        self._dress()

    def render(self) -> Content:
        """Give the rows that were called for: what came since is painted by the next picture, or a row of it would be missed."""
        if self._picture[0] is None or self._picture[0][1:] != self._makings()[1:]:
            self._draw()
        return Content("\n").join(self._picture[1])

    def _draw(self) -> list[Content]:
        self._picture = self._makings(), picture_rows(self.view, self._texts, self.size.width, self.size.height)
        return self._picture[1]

    def _makings(self) -> _Makings:
        return self.view, self._texts.language, self.size

    def _paint(self) -> None:
        """Have painted anew the rows that differ from those on the screen."""
        if self._tick_s is not None and self._rest is None:
            self._rest = self.set_timer(PAINTED_APART_S, self._end_rest)
        shown, rows = self._picture[1], self._draw()
        if len(rows) != len(shown):
            self.refresh()
            return
        pairs = enumerate(zip(rows, shown, strict=True))
        width = self.size.width
        if changed := [Region(0, y, width, 1) for y, (now, before) in pairs if not now.is_same(before)]:
            self.refresh(*changed)

    def _end_rest(self) -> None:
        """Paint what came meanwhile, if anything did."""
        self._rest = None
        if self._picture[0] != self._makings():
            self._paint()

    def _grow_older(self) -> None:
        if self._tick_s is not None:
            self.view = tick(self.view, self._tick_s)

    def _dress(self) -> None:
        """Set the fill and the border's words by the view; what stays the same is left alone, styling is dear."""
        fill = _fill(self.view)
        if not self.has_class(fill):
            self.remove_class(*_CLASSES, update=False)
            self.add_class(fill)
        words = self._border_words()
        if words != self._shown_words:
            self._shown_words = words
            # Content, not str: names are texts from outside and must never be read as markup.
            self.border_title, self.border_subtitle = (Content(text) for text in words)

    def _border_words(self) -> tuple[str, str]:
        """Number and port above; below, in a low tile, the unit."""
        room = max(0, self.size.width - 6)
        number = f"▶ {self.view.lane}" if self.chosen else str(self.view.lane)
        head = f"{number}  {self.view.port}" if room >= 20 else number
        names = unit_names(self.view) if self.size.height < ROOMY_ROWS else ()
        unit = " · ".join(names)
        if cell_len(unit) > room:
            unit = names[0]
        return fit(head, room), fit(unit, room)


def _is_new(before: LaneView, after: LaneView) -> bool:
    """Whether it is shown at once: another phase, or the answer to somebody who scans."""
    return any(
        getattr(before, name) != getattr(after, name)
        for name in ("phase", "wait", "label", "takes_scan", "refused_scan", "printed")
    )


def _what_keys_may_do(view: LaneView) -> tuple[object, ...]:
    unit = view.good_unit
    may_print = unit is not None, unit is not None and unit.printed
    return view.can_start, view.can_abort, view.can_decide, view.wants_label, view.can_label, view.phase, *may_print


def _fill(view: LaneView) -> str:
    if view.phase is Phase.FINISHED and view.verdict is not None:
        return _FILLS[view.verdict]
    if view.phase is Phase.FAULT:
        return _FILLS[Verdict.ERROR]
    return {Phase.WORKING: "-working", Phase.CLOSED: "-closed"}.get(view.phase, "-waiting")
