"""The technician's app: which screen comes next, and how it ends. It owns the line, so leaving a screen stops nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Event, Key
from textual.message import Message
from textual.timer import Timer

from station.line.readiness import ReadinessItem
from station.tui.bell import RING_APART_S, rings
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen
from station.tui.collector import spare_what_came, spared
from station.tui.end_screen import EndScreen
from station.tui.help_screen import HelpScreen
from station.tui.lane_pane import LanePane
from station.tui.leaving_screen import STOP_TIMEOUT_S, LeavingScreen
from station.tui.lesson import Lessons
from station.tui.line_port import LinePort
from station.tui.line_screen import LineScreen
from station.tui.scan_reader import ScanReader
from station.tui.screen_app import ScreenApp
from station.tui.settings import DEFAULTS, Settings
from station.tui.sign_in_screen import SignInScreen
from station.tui.station_screen import StationScreen
from station.tui.wall_clock import local_now

TICK_S = 1.0
"""How often a tile counts the seconds of a step that reports nothing while it waits."""

CLOSING_S = 5.0
"""How long the rest may take to end after the lanes have stopped, once the terminal is gone."""


class StationApp(ScreenApp):
    """Result of `run`: whether every port was closed; None when no line was ever opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f10", "end", "key.finish"),
    ]

    def __init__(
        self,
        *,
        choices: Callable[[], Sequence[Choice]],
        readiness: Callable[[Choice], Sequence[ReadinessItem]],
        open_line: Callable[[Choice], LinePort],
        sign_in: Callable[[str], object] | None = None,
        open_behind: Callable[[], bool] | None = None,
        give_up_behind: Callable[[], None] = lambda: None,
        training: bool = False,
        lessons: Callable[[], Lessons | None] = lambda: None,
        settings: Settings = DEFAULTS,
        keep_settings: Callable[[Settings], None] = lambda _settings: None,
        start_at_once: bool = False,
        now: Callable[[], datetime] = local_now,
        tick_s: float | None = TICK_S,
    ) -> None:
        """`choices`, `readiness` and `open_line` may take their time and may raise CodedError: they run in threads.

        `sign_in` signs a person in by name or badge, in a thread too (CodedError when it does not); None: nobody is asked.
        `open_behind` is called in a thread of its own once the first screen is painted, where what the others need is not open
        yet: they wait for it. False ends the app. `give_up_behind` is called when the app has ended: no thread may wait any more.
        `keep_settings` hears each change of language or colours, in a thread. With `start_at_once` the only choice
        starts by itself unless something blocks it. `lessons` gives those of a training, once there is a line. `now` and
        `tick_s` are the clocks; a test gives a fixed time and None.
        """
        super().__init__(training=training, settings=settings, keep_settings=keep_settings)
        self._lessons = lessons
        self._sign_in = sign_in
        self._open_behind = open_behind
        self._give_up_behind = give_up_behind
        self._choices = choices
        self._readiness = readiness
        self._open_line = open_line
        self._scans = ScanReader(settings.scanner)
        self._release_timer: Timer | None = None
        self._start_at_once = start_at_once
        self._now = now
        self._tick_s = tick_s
        self._line: LinePort | None = None
        self._leaving = False

    def on_mount(self) -> None:
        self.dress(STOP_TIMEOUT_S + CLOSING_S)
        if self._sign_in is None:
            self.push_screen(self._choice_screen())
        else:
            self.push_screen(SignInScreen(self.texts, training=self.training, sign_in=self._sign_in))
        if self._open_behind is not None:
            self.call_after_refresh(self._begin_behind, self._open_behind)

    class NothingBehind(Message):
        """What the screens need could not be opened."""

    def _begin_behind(self, open_behind: Callable[[], bool]) -> None:
        def work() -> None:
            if not open_behind():
                self.post_message(self.NothingBehind())

        # No worker of Textual's: their thread would take the place of one that answers the screen.
        threading.Thread(target=work, name="behind", daemon=True).start()

    def on_station_app_nothing_behind(self) -> None:
        self.action_leave()

    def _choice_screen(self) -> ChoiceScreen:
        return ChoiceScreen(
            self.texts,
            training=self.training,
            choices=self._choices,
            readiness=self._readiness,
            open_line=self._open_line,
            start_at_once=self._start_at_once,
        )

    def on_sign_in_screen_signed_in(self) -> None:
        self.switch_screen(self._choice_screen())

    async def on_event(self, event: Event) -> None:
        """Keys first pass by the scan reader."""
        if not isinstance(event, Key) or event.is_forwarded or self._scan_taker is None:
            await super().on_event(event)
            return
        typed, code = self._scans.take(event)
        for key in typed:
            await super().on_event(key)
        if code is not None:
            self._give_scan(code)
        if self._scans.is_holding:
            if self._release_timer is not None:
                self._release_timer.stop()
            release = partial(self.call_later, self._release_keys, self._scans.keys_taken)  # behind keys that are here
            self._release_timer = self.set_timer(self._scans.patience_s, release)

    @property
    def _scan_taker(self) -> StationScreen | None:
        """The screen that a scan is for: ours that is nearest, as the palette may stand before it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, StationScreen)), None)

    def _give_scan(self, code: str) -> None:
        """Close the palette, where it is open: whoever scans has gone on to the next unit."""
        taker = self._scan_taker
        if taker is None:
            return
        if self.screen is not taker:
            self.screen.dismiss()
        taker.take_scan(code)

    def on_station_screen_scan_left(self, message: StationScreen.ScanLeft) -> None:
        if self.line_screen is not None and not self._leaving:
            self.line_screen.take_label(message.code)

    @property
    def is_holding_keys(self) -> bool:
        """Whether keys wait until it is known whether they are a scan."""
        return self._scans.is_holding

    async def _release_keys(self, keys_taken: int) -> None:
        """Take what is held for typed, unless another key came since: a busy screen hears of the time's end too late."""
        if keys_taken != self._scans.keys_taken:
            return
        for key in self._scans.release():
            await super().on_event(key)

    def on_choice_screen_line_opened(self, message: ChoiceScreen.LineOpened) -> None:
        self._line = message.line
        if not self._leaving:
            self.switch_screen(
                LineScreen(
                    message.line,
                    self.texts,
                    training=self.training,
                    now=self._now,
                    tick_s=self._tick_s,
                    few_certificates=self.settings.few_certificates,
                    lessons=self._lessons(),
                )
            )
            if not self.is_headless:
                self.call_after_refresh(spare_what_came)

    @property
    def line_screen(self) -> LineScreen | None:
        """The shift's screen, also while another one stands before it."""
        return next((screen for screen in self.screen_stack if isinstance(screen, LineScreen)), None)

    def action_explain(self) -> None:
        """F1."""
        if not isinstance(self.screen, HelpScreen | LeavingScreen):
            explained = self.line_screen.explained_view if self.line_screen else None
            self.push_screen(HelpScreen(self.texts, training=self.training, explained=explained))

    def on_lane_pane_unit_finished(self, message: LanePane.UnitFinished) -> None:
        """Ring as the station wants it."""
        for number in range(rings(message.event.verdict, self.settings.bell)):
            self.set_timer(number * RING_APART_S, self.bell) if number else self.bell()

    def action_end(self) -> None:
        """F10: the end of the shift; without a line there is nothing to end."""
        screen = self.line_screen
        if self._line is None or screen is None:
            self.action_leave()
        elif not isinstance(self.screen, EndScreen | LeavingScreen):
            self.push_screen(
                EndScreen(self._line, self.texts, training=self.training, working=screen.working_lanes, now=self._now)
            )

    def on_end_screen_handed_over(self) -> None:
        """The lanes went on meanwhile: back to them, with the new shift's numbers."""
        screen = self.line_screen
        while screen is not None and self.screen is not screen:
            self.pop_screen()
        if screen is not None:
            screen.begin_anew()

    def action_leave(self) -> None:
        """Ctrl+C, a closed window: stop the lanes, free the ports, go. Nothing is asked."""
        if self._leaving:
            return
        self._leaving = True
        if self._line is None:
            self.exit(None)
            return
        working = self.line_screen.working_lanes if self.line_screen else []
        self.push_screen(LeavingScreen(self._line, self.texts, training=self.training, working=working))

    def on_leaving_screen_line_stopped(self, message: LeavingScreen.LineStopped) -> None:
        stuck = None if message.all_closed else self.texts.say("leave.stuck", seconds=round(STOP_TIMEOUT_S))
        self.exit(message.all_closed, message=stuck)

    async def run_and_give_up(self) -> bool | None:
        """Run to the end, and let go the threads that wait for what is behind: the loop's end waits for them."""
        try:
            return await self.run_async()
        finally:
            self._give_up_behind()

    def close_line(self) -> bool:
        """Stop the line if there is one; True when every port is closed. Blocks for a bounded time."""
        return self._line.stop(STOP_TIMEOUT_S) if self._line is not None else True

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, LeavingScreen):
            super().action_command_palette()


def run_station_app(app: StationApp) -> bool:
    """Run the app to its end and make sure that the lanes are stopped however it ended.

    Gives whether every port is closed. Blocks; call it from the main thread.
    """
    closed: bool | None = None
    try:
        with spared():
            closed = asyncio.run(app.run_and_give_up())
    finally:
        if closed is None:
            closed = app.close_line()
    return closed
