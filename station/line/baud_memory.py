"""What a lane's adapter holds, kept in the ledger."""

from __future__ import annotations

import logging

from station.errors import StationFault
from station.held_baud import HeldBaud
from station.ledger import Ledger

_LOG = logging.getLogger("station.line")


class LedgerBaudMemory:
    """One lane's memory. A ledger that fails has told so at the unit's own records: here it costs only speed."""

    def __init__(self, ledger: Ledger, adapter: str) -> None:
        self._ledger = ledger
        self._adapter = adapter

    def recall(self) -> HeldBaud | None:
        """Give what the ledger has of the adapter."""
        try:
            return self._ledger.held_bauds.of(self._adapter)
        except StationFault as fault:
            _LOG.warning("the baud rate of %s could not be read: %s", self._adapter, fault.code)
            return None

    def keep(self, held: HeldBaud, /) -> None:
        """Put it into the ledger."""
        try:
            self._ledger.held_bauds.keep(self._adapter, held)
        except StationFault as fault:
            _LOG.warning("the baud rate of %s could not be kept: %s", self._adapter, fault.code)
