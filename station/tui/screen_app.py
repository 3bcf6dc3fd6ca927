"""What our apps share: language, colours and keys that are the same everywhere, every action by name, and the end by a signal."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from station.texts import LANGUAGES, Texts
from station.tui.action_palette import ActionPalette, ActionProvider
from station.tui.colours import THEMES, VARIABLES
from station.tui.ending import leave_on_signals
from station.tui.settings import DEFAULTS, Colours, Settings
from station.tui.station_screen import StationScreen
from station.tui.window_size import tell_window_size


class ScreenApp(App[bool]):
    """One of the station's apps. A subclass calls `dress` when it is mounted and says what F1 and leaving do."""

    CSS_PATH = "station.tcss"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionProvider}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "explain", "key.help"),
        Binding("f9", "change_language", "key.language"),
        Binding("ctrl+c,ctrl+q", "leave", "key.quit", show=False, priority=True, key_display="Ctrl+C"),
        Binding("ctrl+p", "command_palette", "key.palette", priority=True),
    ]

    def __init__(
        self,
        *,
        training: bool = False,
        settings: Settings = DEFAULTS,
        keep_settings: Callable[[Settings], None] = lambda _settings: None,
    ) -> None:
        """`keep_settings` hears each change of language or colours, in a thread."""
        super().__init__()
        self.settings = settings
        self.texts = Texts(settings.language or LANGUAGES[0])
        self.training = training
        self.title = "flashing-station"
        self.animation_level = "none"
        self._keep_settings = keep_settings
        self.ended_by: int | None = None
        """The signal that ended it, None while there was none."""

    def get_key_display(self, binding: Binding) -> str:
        """Keys as they stand on the keyboard: F1, Enter, ^P."""
        names = {"enter": "↵", "ctrl+p": "^P", "escape": "Esc"}
        return binding.key_display or names.get(binding.key, binding.key.upper())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLES)

    def dress(self, give_up_after_s: float) -> None:
        """Put on the station's colours, and leave on signals: within this time, also when the terminal is gone."""
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES[self.settings.colours].name
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            leave_on_signals(loop, self._leave_on_signal, give_up_after_s)
            tell_window_size(loop, self.post_message)

    @abstractmethod
    def action_explain(self) -> None:
        """F1."""

    @abstractmethod
    def action_leave(self) -> None:
        """Ctrl+C, a closed window."""

    def _leave_on_signal(self, number: int) -> None:
        if self.ended_by is None:
            self.ended_by = number
        self.action_leave()

    def action_change_language(self) -> None:
        """F9: the next language, on every screen at once."""
        self.texts.speak(self.texts.next_language)
        for screen in self.screen_stack:
            if isinstance(screen, StationScreen):
                screen.retell()
        self._set(language=self.texts.language)

    def action_change_colours(self) -> None:
        """The next theme: dark, light, high contrast."""
        names = list(Colours)
        colours = names[(names.index(self.settings.colours) + 1) % len(names)]
        self.theme = THEMES[colours].name
        self._set(colours=colours)

    def _set(self, **changed: object) -> None:
        self.settings = self.settings.model_copy(update=changed)
        settings = self.settings
        self.run_worker(lambda: self._keep_settings(settings), thread=True, group="settings")

    def action_command_palette(self) -> None:
        """Ctrl+P."""
        if not isinstance(self.screen, ActionPalette):
            self.push_screen(ActionPalette(placeholder=self.texts.say("palette.search")))

    async def action_quit(self) -> None:
        """Textual's own way out leads through ours."""
        self.action_leave()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action by name, for Ctrl+P. The colours have no key: they are chosen once for a place, not in a shift."""
        if isinstance(screen, StationScreen):
            yield from screen.commands()
        yield SystemCommand(self.texts.say("key.theme"), self.texts.say("action.theme"), self.action_change_colours)
