"""Sizes, rates and durations in a few cells, in units a technician reads at a glance."""

from __future__ import annotations

from station.texts import Texts


def size_words(size_bytes: float) -> str:
    """`850 B`, `97 kB`, `1.4 MB`: powers of ten, as the line's rate is told."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} B"
    if size_bytes < 999_500:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1e6:.1f} MB"


def rate_words(bytes_per_s: float) -> str:
    """`91.2 kB/s`; one digit after the point below 100 kB/s."""
    if bytes_per_s < 1000:
        return f"{bytes_per_s:.0f} B/s"
    if bytes_per_s < 99_950:
        return f"{bytes_per_s / 1000:.1f} kB/s"
    return f"{size_words(bytes_per_s)}/s"


def seconds_words(seconds: float, texts: Texts) -> str:
    """`14.2 s`; whole seconds from 100 on."""
    return texts.say("pane.seconds", seconds=f"{seconds:.1f}" if seconds < 99.95 else f"{seconds:.0f}")
