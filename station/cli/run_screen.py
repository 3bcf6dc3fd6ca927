"""The technician's screen on the lanes of this PC: at once where the ledger opens by itself, behind it where it may ask."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from station.cli.behind import Behind
from station.cli.context import Session
from station.cli.run_wishes import RunWishes
from station.cli.screen import has_screen, show_screen
from station.ledger.first_look import FirstLook, look_first
from station.line.named_ports import check_ports
from station.line.readiness import ReadinessItem
from station.tui.choice import Choice
from station.tui.line_port import LinePort

if TYPE_CHECKING:
    from station.cli.run_desk import RunDesk


def run_on_screen(session: Session, wishes: RunWishes) -> None:
    """Show the screen until the shift ends; errors of the command line and of the settings come before it."""
    check_ports(wishes.ports)
    session.settings()
    look = _look(session, wishes)

    def opened() -> AbstractContextManager[RunDesk]:
        from station.cli.run_desk import run_desk  # noqa: PLC0415  what the first paint needs not to wait for

        return run_desk(session, wishes, may_ask=look is None)

    with Behind(opened) as behind:
        desk = _LateDesk(behind)
        if look is not None:
            sign_in = desk.sign_in if look.has_operators else None
            show_screen(session, desk, sign_in=sign_in, open_behind=behind.open)
        elif behind.open():
            asks = behind.value().asks_operator
            show_screen(session, desk, sign_in=desk.sign_in if asks else None)


def _look(session: Session, wishes: RunWishes) -> FirstLook | None:
    """Give what the ledger is like where it can be opened behind the screen."""
    if not has_screen() or session.ledger_url is not None or wishes.name_people:
        return None
    return look_first(session.data)


class _LateDesk:
    """Answers once the real desk is open. Called from the screen's threads, which wait for it."""

    def __init__(self, behind: Behind[RunDesk]) -> None:
        self._behind = behind

    def choices(self) -> Sequence[Choice]:
        return self._behind.value().desk.choices()

    def readiness(self, choice: Choice) -> Sequence[ReadinessItem]:
        return self._behind.value().desk.readiness(choice)

    def open_line(self, choice: Choice) -> LinePort:
        return self._behind.value().desk.open_line(choice)

    def sign_in(self, name_or_badge: str) -> object:
        return self._behind.value().people.sign_in(name_or_badge)
