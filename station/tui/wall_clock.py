"""The time that people at the station have."""

from __future__ import annotations

from datetime import datetime


def local_now() -> datetime:
    """The wall clock where the station stands."""
    return datetime.now().astimezone()
