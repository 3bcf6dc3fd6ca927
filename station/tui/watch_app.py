"""`station watch`: the overview as an app of its own. It has no line and nothing to stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType

from station.tui.help_screen import WATCH_PARTS, HelpScreen
from station.tui.overview import Overview
from station.tui.screen_app import ScreenApp
from station.tui.settings import DEFAULTS, Settings
from station.tui.wall_clock import local_now
from station.tui.watch_screen import WatchScreen

CLOSING_S = 5.0
"""How long the end may take once the terminal is gone."""


class WatchApp(ScreenApp):
    """Shows what `read` gives; it may raise CodedError and is called in a thread."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f10", "leave", "key.close"),
        Binding("ctrl+c,ctrl+q", "leave", "key.close", show=False, priority=True, key_display="Ctrl+C"),
    ]

    def __init__(
        self,
        read: Callable[[], Overview],
        *,
        training: bool = False,
        settings: Settings = DEFAULTS,
        now: Callable[[], datetime] = local_now,
        is_periodic: bool = True,
    ) -> None:
        """`settings` are not kept: whoever only looks changes nothing. `now` is the clock; a test gives a fixed time."""
        super().__init__(training=training, settings=settings)
        self._read = read
        self._now = now
        self._is_periodic = is_periodic

    def on_mount(self) -> None:
        self.dress(CLOSING_S)
        self.push_screen(
            WatchScreen(
                self._read,
                self.texts,
                training=self.training,
                now=self._now,
                few=self.settings.few_certificates,
                is_periodic=self._is_periodic,
            )
        )

    def action_explain(self) -> None:
        """F1."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.texts, training=self.training, explained=None, parts=WATCH_PARTS))

    def action_leave(self) -> None:
        """F10, Ctrl+C, a closed window."""
        self.exit(None)
