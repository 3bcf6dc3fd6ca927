"""The technician's screen on the lanes of this PC: at once where the ledger opens by itself, behind it where it may ask."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from station.cli.behind import Behind
from station.cli.context import Session
from station.cli.run_wishes import RunWishes
from station.cli.screen import has_screen, show_screen, tell_closing
from station.ledger.first_look import FirstLook, look_first
from station.line.named_ports import check_ports

if TYPE_CHECKING:
    from station.cli.shift_desk import ShiftDesk


def run_on_screen(session: Session, wishes: RunWishes) -> None:
    """Show the screen until the shift ends; errors of the command line and of the settings come before it."""
    check_ports(wishes.ports)
    session.settings()
    look = _look(session, wishes)

    def opened() -> AbstractContextManager[ShiftDesk]:
        from station.cli.run_desk import run_desk  # noqa: PLC0415  what the first paint needs not to wait for

        return run_desk(session, wishes, may_ask=look is None)

    with Behind(opened, tell_wait=lambda: tell_closing(session)) as behind:
        if look is not None:
            show_screen(session, behind, signs_in=look.has_operators)
        elif behind.open():
            show_screen(session, behind, signs_in=behind.value().signs_in)


def _look(session: Session, wishes: RunWishes) -> FirstLook | None:
    """Give what the ledger is like where it can be opened behind the screen."""
    if not has_screen() or session.ledger_url is not None or wishes.name_people:
        return None
    look = look_first(session.data)
    return None if look is None or look.wants_first_lead else look
