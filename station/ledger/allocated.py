"""A certificate between the commit that gives it to a unit and its way to the chip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from station.certificate import CertificateState
from station.errors import CertificateHeld, Code
from station.ledger.certificates import decrypted
from station.ledger.database import Database
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

    def read(self, database: Database, keys: KeyRing) -> Allocation | None:
        """Give it with its secrets, which a server gives only when the log tells of it; None when it is not the unit's any more."""
        with database.glance() as connection:
            opened = decrypted(connection, database.dialect, self.row, self.run, keys)
        return None if opened is None else Allocation(opened[0], self.state, self.row.batch, self.resumed, opened[1])


def hand_out(
    recorder: RunRecorder, take: Callable[[Change], Allocated], database: Database, keys: KeyRing
) -> Allocation:
    """Take a certificate and read its secrets, with patience; CertificateHeld when another takes it from the unit in between.

    A server that was restarted in between may have lost that it was taken, so it is taken once more.
    """

    def read() -> tuple[Allocated, Allocation | None]:
        taken = recorder.patiently(take, durable=False)
        return taken, taken.read(database, keys)

    for _ in range(2):
        taken, allocation = recorder.waiting_for_server(read)
        if allocation is not None:
            return allocation
    raise CertificateHeld(
        Code.FOREIGN_CERTIFICATE,
        f"certificate {taken.row.device_name} was taken from the unit in the same instant",
        "Insert the unit again",
        f"lane {taken.run.lane}",
    )
