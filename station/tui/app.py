"""The technician's app: which screen comes next, and how it ends. It owns the line, so leaving a screen stops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from station.texts import load_texts
from station.tui.action_palette import ActionPalette
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen
from station.tui.colours import DARK, THEMES, VARIABLES
from station.tui.ending import leave_on_signals
from station.tui.help_screen import HelpScreen
from station.tui.leaving_screen import STOP_TIMEOUT_S, LeavingScreen
from station.tui.line_port import LinePort, ReadinessLine
from station.tui.line_screen import LineScreen

TICK_S = 1.0
"""How often a tile counts the seconds of a step that reports nothing while it waits."""

CLOSING_S = 5.0
"""How long the rest may take to end after the lanes have stopped, once the terminal is gone."""


def local_now() -> datetime:
    """The wall clock where the station stands."""
    return datetime.now().astimezone()


class StationApp(App[bool]):
    """Result of `run`: whether every port was closed; None when no line was ever opened."""

    CSS_PATH = "station.tcss"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "explain", show=False),
        Binding("f10", "leave", show=False),
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+p", "command_palette", "key.palette", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        choices: Callable[[], Sequence[Choice]],
        readiness: Callable[[Choice], Sequence[ReadinessLine]],
        open_line: Callable[[Choice], LinePort],
        training: bool = False,
        language: str = "en",
        start_at_once: bool = False,
        now: Callable[[], datetime] = local_now,
        tick_s: float | None = TICK_S,
    ) -> None:
        """`choices`, `readiness` and `open_line` may take their time and may raise CodedError: they run in threads.

        With `start_at_once` the only choice starts by itself unless something blocks it. `now` and `tick_s` are
        the clocks; a test gives a fixed time and None.
        """
        super().__init__()
        self.texts = load_texts(language)
        self.training = training
        self.title = "flashing-station"
        self.animation_level = "none"
        self._choices = choices
        self._readiness = readiness
        self._open_line = open_line
        self._start_at_once = start_at_once
        self._now = now
        self._tick_s = tick_s
        self._line: LinePort | None = None
        self._leaving = False

    def get_key_display(self, binding: Binding) -> str:
        """Keys as they stand on the keyboard: F1, Enter, ^P."""
        names = {"enter": "Enter", "ctrl+p": "^P", "escape": "Esc"}
        return binding.key_display or names.get(binding.key, binding.key.upper())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLES)

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name
        if not self.is_headless:
            leave_on_signals(asyncio.get_running_loop(), self.action_leave, STOP_TIMEOUT_S + CLOSING_S)
        self.push_screen(
            ChoiceScreen(
                self.texts,
                training=self.training,
                choices=self._choices,
                readiness=self._readiness,
                open_line=self._open_line,
                start_at_once=self._start_at_once,
            )
        )

    def on_choice_screen_line_opened(self, message: ChoiceScreen.LineOpened) -> None:
        self._line = message.line
        if not self._leaving:
            self.switch_screen(
                LineScreen(message.line, self.texts, training=self.training, now=self._now, tick_s=self._tick_s)
            )

    @property
    def line_screen(self) -> LineScreen | None:
        """The shift's screen, also while another one stands before it."""
        return next((screen for screen in self.screen_stack if isinstance(screen, LineScreen)), None)

    def action_explain(self) -> None:
        """F1."""
        if not isinstance(self.screen, HelpScreen | LeavingScreen):
            explained = self.line_screen.explained_view if self.line_screen else None
            self.push_screen(HelpScreen(self.texts, training=self.training, explained=explained))

    def action_leave(self) -> None:
        """F10, Ctrl+C, a closed window: stop the lanes, free the ports, go. Nothing is asked."""
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

    def close_line(self) -> bool:
        """Stop the line if there is one; True when every port is closed. Blocks for a bounded time."""
        return self._line.stop(STOP_TIMEOUT_S) if self._line is not None else True

    def action_command_palette(self) -> None:
        """Ctrl+P."""
        if not isinstance(self.screen, ActionPalette | LeavingScreen):
            self.push_screen(ActionPalette(placeholder=self.texts.say("palette.search")))

    async def action_quit(self) -> None:
        """Textual's own way out leads through ours."""
        self.action_leave()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action by name, for Ctrl+P."""
        say = self.texts.say
        yield SystemCommand(say("key.help"), say("action.help"), self.action_explain)
        if isinstance(screen, LineScreen):
            yield SystemCommand(say("key.retry"), say("action.retry"), lambda: self._on_line("retry"))
            yield SystemCommand(say("key.abort"), say("action.abort"), lambda: self._on_line("abort"))
            yield SystemCommand(say("key.zoom"), say("action.zoom"), screen.action_zoom)
        yield SystemCommand(say("key.theme"), say("action.theme"), self.action_change_theme)
        yield SystemCommand(say("key.quit"), say("action.quit"), self.action_leave)

    def _on_line(self, action: str) -> None:
        """Do what the key would, and nothing where the key would do nothing."""
        screen = self.line_screen
        if screen is not None and screen.check_action(action, ()):
            screen.action_retry() if action == "retry" else screen.action_abort()


def run_station_app(app: StationApp) -> bool:
    """Run the app to its end and make sure that the lanes are stopped however it ended.

    Gives whether every port is closed. Blocks; call it from the main thread.
    """
    closed: bool | None = None
    try:
        closed = app.run()
    finally:
        if closed is None:
            closed = app.close_line()
    return closed
