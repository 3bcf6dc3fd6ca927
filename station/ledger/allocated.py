"""A certificate between the commit that gives it to a unit and its way to the chip."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Row

from station.certificate import CertificateState
from station.errors import CertificateHeld, Code
from station.ledger.certificates import decrypted
from station.ledger.database import Dialect, Then
from station.ledger.key_ring import KeyRing
from station.ledger.records import Allocation

if TYPE_CHECKING:
    from station.ledger.audit import Change
    from station.ledger.run_recorder import RunRecorder


@dataclass(frozen=True, slots=True)
class Allocated:
    """A certificate that is its unit's from the end of the transaction on; `read` gives its secrets then."""

    run: Row[Any]
    row: Row[Any]
    state: CertificateState
    resumed: bool

    def read(self, connection: Connection, dialect: Dialect, keys: KeyRing) -> Allocation | None:
        """Give it with its secrets, which a server gives only when the log tells of it; None when it is not the unit's any more."""
        opened = decrypted(connection, dialect, self.row, self.run, keys)
        return None if opened is None else Allocation(opened[0], self.state, self.row.batch, self.resumed, opened[1])


class Changing(Protocol):
    """Begins a transaction that writes; `then` is asked on its connection after the commit."""

    def __call__(self, *, durable: bool, urgent: bool, then: Then) -> AbstractContextManager[Change]: ...


def hand_out(
    recorder: RunRecorder, changing: Changing, take: Callable[[Change], Allocated], keys: KeyRing
) -> Allocation:
    """Take a certificate and read its secrets, with patience; CertificateHeld when another takes it from the unit in between.

    A server that was restarted in between may have lost that it was taken, so it is taken once more.
    """

    def take_and_read() -> tuple[Allocated, Allocation | None]:
        allocation: Allocation | None = None

        def read(connection: Connection) -> None:
            nonlocal allocation
            allocation = taken.read(connection, change.dialect, keys)

        with changing(durable=False, urgent=True, then=read) as change:
            taken = take(change)
        return taken, allocation

    for _ in range(2):
        taken, allocation = recorder.waiting_for_server(take_and_read)
        if allocation is not None:
            return allocation
    raise CertificateHeld(
        Code.FOREIGN_CERTIFICATE,
        f"certificate {taken.row.device_name} was taken from the unit in the same instant",
        "Insert the unit again",
        f"lane {taken.run.lane}",
    )
