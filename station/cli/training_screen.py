"""The technician's screen on the training bench, which is set up behind it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from multiprocessing.resource_tracker import ensure_running
from typing import TYPE_CHECKING

from station.cli.behind import Behind
from station.cli.context import TRAINING_FOLDER, Session
from station.cli.screen import show_screen, tell_closing
from station.cli.training_products import tell_missing_client
from station.ledger.first_look import look_first

if TYPE_CHECKING:
    from station.cli.shift_desk import ShiftDesk


def train_on_screen(session: Session, lanes: int, units: int | None, profile_name: str, lesson: str | None) -> None:
    """Show the screen until the training ends."""
    tell_missing_client(session, profile_name)
    room = replace(session, data=session.data / TRAINING_FOLDER, ledger_url=None)
    opens_by_itself = look_first(room.data) is not None or not room.has_ledger()

    if sys.platform != "win32":
        ensure_running()  # it passes the terminal on to processes, which a screen's stand-in for standard error is not

    def opened() -> AbstractContextManager[ShiftDesk]:
        from station.cli.training_shift import training_desk  # noqa: PLC0415  what the first paint needs not to wait for

        return training_desk(session, lanes, units, profile_name, lesson)

    with Behind(opened, tell_wait=lambda: tell_closing(room)) as behind:
        if opens_by_itself or behind.open():
            show_screen(room, behind, training=True)
