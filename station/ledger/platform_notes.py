"""What was done on the platform with batches and devices, as events of the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from station.ledger.audit import Changes
from station.ledger.event_kind import EventKind
from station.ledger.records import CertificateRow, JsonValue


class PlatformNotes:
    """Each note is one transaction; LedgerFault as everywhere."""

    def __init__(self, changing: Changes) -> None:
        self._changing = changing

    def batch(self, kind: EventKind, batch: str, data: Mapping[str, JsonValue], *, operator: str) -> None:
        """Write an event about a batch on the platform."""
        with self._changing() as change:
            change.trail.append(kind, operator=operator, batch=batch, data=data)

    def device(self, kind: EventKind, certificate: CertificateRow, *, operator: str) -> None:
        """Write an event about what was done with a certificate's device on the platform."""
        with self._changing() as change:
            change.trail.append(
                kind,
                operator=operator,
                mac=certificate.mac,
                device_name=certificate.identity.device_name,
                batch=certificate.batch,
                data={"product_key": certificate.identity.product_key},
            )
