"""Ctrl+P: every action by name. Textual's palette, without its blinking cursor and its emoji."""

from __future__ import annotations

from typing import Final

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.widgets import Input

from station.tui.cell_text import half_width
from station.tui.station_screen import StationScreen

_IN_ITS_WORDS: Final = 0.01
"""Less than any match of a name."""


class ActionPalette(CommandPalette):
    """Finds an action by a few letters of its name, by its key, or by a word of what it does."""

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self.query_one(SearchIcon).icon = "▸"  # no terminal draws the emoji in the cells that another takes for it


class ActionProvider(Provider):
    """Lists the actions in the order in which the app tells them."""

    async def discover(self) -> Hits:
        for name, what, act, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(name, act, help=what)

    async def search(self, query: str) -> Hits:
        """The actions that are meant; when there are none a row that says so, in the language that is spoken."""
        wanted = half_width(query)
        matcher = self.matcher(wanted)
        found = False
        for name, what, act, _ in self.app.get_system_commands(self.screen):
            score = matcher.match(name) or (_IN_ITS_WORDS if wanted.lower() in what.lower() else 0.0)
            if score:
                found = True
                yield Hit(score, matcher.highlight(name), act, help=what)
        if not found and isinstance(self.screen, StationScreen):
            yield Hit(_IN_ITS_WORDS, self.screen.texts.say("palette.none"), lambda: None)
