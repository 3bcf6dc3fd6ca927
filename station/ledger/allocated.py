"""A certificate between the commit that gives it to a unit and its way to the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from station.certificate import CertificateState
from station.errors import CertificateHeld, Code
from station.ledger.certificates import decrypted
from station.ledger.database import Database
from station.ledger.key_ring import KeyRing
from station.ledger.records import Allocation


@dataclass(frozen=True, slots=True)
class Allocated:
    """A certificate that is its unit's from the end of the transaction on; `hand_out` reads its secrets then."""

    run: Row[Any]
    row: Row[Any]
    state: CertificateState
    resumed: bool

    def hand_out(self, database: Database, keys: KeyRing) -> Allocation:
        """Give it with its secrets, which a server gives only when the log tells of it; CertificateHeld when it was taken."""
        with database.glance() as connection:
            opened = decrypted(connection, database.dialect, self.row, self.run, keys)
        if opened is None:
            raise CertificateHeld(
                Code.FOREIGN_CERTIFICATE,
                f"certificate {self.row.device_name} was taken from the unit in the same instant",
                "Insert the unit again",
                f"lane {self.run.lane}",
            )
        return Allocation(opened[0], self.state, self.row.batch, self.resumed, opened[1])
