"""A list to choose from, whose cursor the screen moves."""

from __future__ import annotations

from textual.widgets import OptionList


class ChoiceList(OptionList, can_focus=False):
    """Takes no focus: every key belongs to the screen. A click chooses."""
