"""The baud rates that a station's adapters hold, kept from one shift to the next."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, insert, select

from station.held_baud import HeldBaud
from station.ledger.database import Transactions
from station.ledger.schema import HELD_BAUDS

_B = HELD_BAUDS.c


class HeldBauds:
    """One station's; an adapter is named as `station.chip.ports.adapter_name` does. LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, writing: Transactions, station: str) -> None:
        self._reading = reading
        self._writing = writing
        self._station = station

    def of(self, adapter: str) -> HeldBaud | None:
        """Give what is known of an adapter."""
        query = select(_B.baud, _B.clean_units, _B.failed_baud, _B.failures).where(
            _B.station == self._station, _B.adapter == adapter
        )
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else HeldBaud(*row)

    def keep(self, adapter: str, held: HeldBaud) -> None:
        """Keep what is known of an adapter now."""
        with self._writing() as connection:
            connection.execute(delete(HELD_BAUDS).where(_B.station == self._station, _B.adapter == adapter))
            connection.execute(insert(HELD_BAUDS).values(station=self._station, adapter=adapter, **asdict(held)))
