"""The station's colours: three themes. A test simulates colour blindness: the verdicts' fills stay apart in every kind."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

from station.tui.settings import Colours

VARIABLES: Final = {
    "verdict-pass": "#0a7f5c",
    "verdict-pass-ink": "#ffffff",
    "verdict-pass-text": "#5fd38a",
    "verdict-fail": "#961013",
    "verdict-fail-ink": "#ffffff",
    "verdict-fail-text": "#ff8a80",
    "verdict-error": "#f2b632",
    "verdict-error-ink": "#000000",
    "verdict-error-text": "#f0b429",
    "verdict-aborted": "#4a5563",
    "verdict-aborted-ink": "#ffffff",
    "lane-accent": "#6cb6ff",
    "lane-bar": "#2b3544",
    "quiet": "#8b98a9",
    "training": "#7a4fd0",
    "training-text": "#ffffff",
}
"""Also there under any theme of Textual's own."""

DARK: Final = Theme(
    name="station-dark",
    primary="#6cb6ff",
    secondary="#8b98a9",
    accent="#6cb6ff",
    background="#0f141b",
    surface="#161d27",
    panel="#1f2835",
    foreground="#e6ebf2",
    warning="#f0b429",
    error="#ff8a80",
    success="#5fd38a",
    dark=True,
    variables={**VARIABLES, "footer-key-foreground": "#6cb6ff"},
)

LIGHT: Final = Theme(
    name="station-light",
    primary="#0b57a4",
    secondary="#52606d",
    accent="#0b57a4",
    background="#f4f6f8",
    surface="#ffffff",
    panel="#dde3ea",
    foreground="#101820",
    warning="#8a5a00",
    error="#a31512",
    success="#0d6b33",
    dark=False,
    variables={
        **VARIABLES,
        "verdict-pass-text": "#0d6b33",
        "verdict-fail-text": "#a31512",
        "verdict-error-text": "#8a5a00",
        "lane-accent": "#0b57a4",
        "lane-bar": "#c9d2dc",
        "quiet": "#52606d",
        "footer-key-foreground": "#0b57a4",
    },
)

CONTRAST: Final = Theme(
    name="station-contrast",
    primary="#ffffff",
    secondary="#ffffff",
    accent="#ffe14d",
    background="#000000",
    surface="#000000",
    panel="#000000",
    foreground="#ffffff",
    warning="#ffd000",
    error="#ff9b94",
    success="#7dffb2",
    dark=True,
    variables={
        **VARIABLES,
        "verdict-pass": "#006040",
        "verdict-pass-text": "#7dffb2",
        "verdict-fail": "#8a0000",
        "verdict-fail-text": "#ff9b94",
        "verdict-error": "#ffd000",
        "verdict-error-text": "#ffd000",
        "verdict-aborted": "#333b4d",
        "lane-accent": "#ffe14d",
        "lane-bar": "#404040",
        "quiet": "#d0d0d0",
        "footer-key-foreground": "#ffe14d",
    },
)

THEMES: Final = {Colours.DARK: DARK, Colours.LIGHT: LIGHT, Colours.CONTRAST: CONTRAST}
