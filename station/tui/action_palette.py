"""Ctrl+P: every action by name. Textual's palette, without its blinking cursor and its emoji."""

from __future__ import annotations

from textual.command import CommandPalette, DiscoveryHit, Hits, SearchIcon
from textual.system_commands import SystemCommandsProvider
from textual.widgets import Input


class ActionPalette(CommandPalette):
    """Finds an action by a few letters of its name."""

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self.query_one(SearchIcon).icon = "▸"  # no terminal draws the emoji in the cells that another takes for it


class ActionProvider(SystemCommandsProvider):
    """Lists the actions in the order in which the app tells them."""

    async def discover(self) -> Hits:
        for name, what, act, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(name, act, help=what)
