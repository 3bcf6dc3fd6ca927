"""The station's colours: three themes, and the verdicts' fills, which differ in lightness as well as in hue."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

VARIABLES: Final = {
    "verdict-pass": "#14773a",
    "verdict-pass-ink": "#ffffff",
    "verdict-pass-text": "#5fd38a",
    "verdict-fail": "#b3201d",
    "verdict-fail-ink": "#ffffff",
    "verdict-fail-text": "#ff8a80",
    "verdict-error": "#f0b429",
    "verdict-error-ink": "#000000",
    "verdict-error-text": "#f0b429",
    "verdict-aborted": "#59626e",
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

THEMES: Final = (DARK, LIGHT)
