"""A certificate between the commit that gives it to a unit and its way to the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from station.certificate import CertificateState
from station.ledger.certificates import decrypted
from station.ledger.database import Dialect
from station.ledger.key_ring import KeyRing
from station.ledger.quick import QuickConnection
from station.ledger.records import Allocation


@dataclass(frozen=True, slots=True)
class Allocated:
    """A certificate that is its unit's from the end of the transaction on; `read` gives its secrets then."""

    run: Row[Any]
    row: Row[Any]
    state: CertificateState
    resumed: bool

    def read(self, connection: QuickConnection, dialect: Dialect, keys: KeyRing) -> Allocation | None:
        """Give it with its secrets, which a server gives only when the log tells of it; None when it is not the unit's any more."""
        opened = decrypted(connection, dialect, self.row, self.run, keys)
        return None if opened is None else Allocation(opened[0], self.state, self.row.batch, self.resumed, opened[1])
