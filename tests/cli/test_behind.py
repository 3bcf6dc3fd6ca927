"""What is opened behind a screen that is there already."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from station.cli.behind import Behind
from station.errors import Aborted, Code, CodedError, InternalFault, LedgerFault

BUSY = LedgerFault(Code.LEDGER_BUSY, "Another program holds the ledger", "Close it")


class Room:
    """Counts who is in it."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.entered = self.left = 0
        self._fault = fault

    @contextlib.contextmanager
    def __call__(self) -> Iterator[str]:
        if self._fault is not None:
            raise self._fault
        self.entered += 1
        yield "desk"
        self.left += 1


def test_it_is_there_for_every_thread_once_it_is_open_and_is_closed_at_the_blocks_end() -> None:
    room = Room()
    with Behind(room) as behind:
        opening = threading.Thread(target=behind.open)
        opening.start()
        assert behind.value() == "desk"
        opening.join()
        assert (room.entered, room.left) == (1, 0)
    assert (room.entered, room.left) == (1, 1)


def test_what_nobody_opened_is_not_waited_for() -> None:
    room = Room()
    with Behind(room):
        pass
    assert (room.entered, room.left) == (0, 0)


def test_the_blocks_end_waits_for_what_is_being_opened() -> None:
    room = Room()
    begun, may_go_on = threading.Event(), threading.Event()

    def late() -> contextlib.AbstractContextManager[str]:
        begun.set()
        may_go_on.wait(10)
        return room()

    with Behind(late) as behind:
        opening = threading.Thread(target=behind.open)
        opening.start()
        begun.wait(10)
        may_go_on.set()
    opening.join()
    assert (room.entered, room.left) == (1, 1)


def test_who_waits_is_let_go_once_it_is_given_up_and_nothing_is_begun_any_more() -> None:
    room = Room()
    told: list[CodedError] = []

    def ask(behind: Behind[str]) -> None:
        try:
            behind.value()
        except CodedError as error:
            told.append(error)

    with Behind(room) as behind:
        asking = threading.Thread(target=ask, args=(behind,))
        asking.start()
        behind.give_up()
        asking.join()
        assert not behind.open()
    assert [type(error) for error in told] == [Aborted]
    assert room.entered == 0


def open_in_vain(room: Room, told: type[CodedError]) -> None:
    with Behind(room) as behind:
        assert not behind.open()
        with pytest.raises(told):
            behind.value()


@pytest.mark.parametrize(("fault", "told"), [(BUSY, LedgerFault), (ValueError("of our own"), InternalFault)])
def test_a_fault_is_told_to_who_waits_and_raised_where_it_ends(fault: Exception, told: type[CodedError]) -> None:
    with pytest.raises(type(fault)) as raised:
        open_in_vain(Room(fault), told)
    assert raised.value is fault


def interrupt(room: Room) -> None:
    with Behind(room) as behind:
        behind.open()
        raise KeyboardInterrupt


def test_what_ended_the_screen_goes_before_a_fault_behind_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(Room(BUSY))
