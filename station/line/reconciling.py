"""A batch in the ledger against the same devices on the platform: what only one of the two knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from station.certificate import CertificateState, Identity
from station.ledger import EventKind, JsonValue, Ledger
from station.platform.device_state import DeviceState
from station.platform.platform_api import PlatformApi
from station.platform.records import DeviceDetail
from station.platform.refusals import PlatformRefused

_UNUSED: Final = {CertificateState.AVAILABLE, CertificateState.ALLOCATED}
_PAGE: Final = 1000


class Discrepancy(StrEnum):
    """How the ledger and the platform differ about a certificate."""

    USED_ELSEWHERE = "used_elsewhere"
    """The platform saw its device, and no byte of it has left this station: it leaked, or another station has it too."""
    NOT_ACTIVATED = "not_activated"
    """The ledger says activated, and the platform never saw its device."""
    OTHER_SECRET = "other_secret"  # noqa: S105  a word of the output
    """The device was deleted and made anew, or the secret was reset: a unit with the ledger's secret cannot connect."""
    MISSING = "missing"
    """The platform does not know the device."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One certificate, what is wrong with it, and what both sides say."""

    identity: Identity
    mac: str | None
    discrepancy: Discrepancy
    in_ledger: CertificateState
    on_platform: DeviceState | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came out for one batch."""

    batch: str
    compared: int
    differences: tuple[Difference, ...]


def reconcile(
    ledger: Ledger,
    platform: PlatformApi,
    batch: str,
    *,
    operator: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Reconciliation:
    """Compare each certificate of a batch, and record what came out; UsageError, PlatformFault, LedgerFault.

    Secrets are compared in memory by their keyed fingerprints. One question for each device, at most 50 a second.
    """
    summary = ledger.batch(batch)
    differences: list[Difference] = []
    done = 0
    while rows := ledger.certificates(batch, _PAGE, done):
        for row in rows:
            device = _device(platform, row.identity)
            found = _found(ledger, row.identity, row.state, device)
            state = None if device is None else device.state
            differences += [Difference(row.identity, row.mac, one, row.state, state) for one in found]
            done += 1
            if progress is not None:
                progress(done, summary.total)
    result = Reconciliation(batch, done, tuple(differences))
    counts = {kind.value: sum(one.discrepancy is kind for one in differences) for kind in Discrepancy}
    names: list[JsonValue] = [f"{one.discrepancy}:{one.identity.device_name}" for one in differences[:100]]
    ledger.note_batch(
        EventKind.BATCH_RECONCILED, batch, {"compared": done, **counts, "first": names}, operator=operator
    )
    return result


def _device(platform: PlatformApi, identity: Identity) -> DeviceDetail | None:
    try:
        return platform.device(identity.product_key, identity.device_name)
    except PlatformRefused as refused:
        if not refused.is_unknown_device:
            raise
        return None


def _found(
    ledger: Ledger, identity: Identity, state: CertificateState, device: DeviceDetail | None
) -> list[Discrepancy]:
    if device is None:
        return [Discrepancy.MISSING]
    found: list[Discrepancy] = []
    if device.was_activated and state in _UNUSED and _state_now(ledger, identity) in _UNUSED:
        found.append(Discrepancy.USED_ELSEWHERE)
    if not device.was_activated and state is CertificateState.ACTIVATED:
        found.append(Discrepancy.NOT_ACTIVATED)
    if not ledger.has_secret(identity, device.device_secret):
        found.append(Discrepancy.OTHER_SECRET)
    return found


def _state_now(ledger: Ledger, identity: Identity) -> CertificateState:
    """Ask again, after the platform: a lane may have begun to use it meanwhile."""
    return ledger.unit(str(identity)).certificates[0].state
