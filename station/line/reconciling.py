"""A batch in the ledger against the same devices on the platform: what only one of the two knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from station.certificate import CertificateState, Identity, Secret
from station.ledger import EventKind, JsonValue, Ledger
from station.platform.device_state import DeviceState
from station.platform.platform_api import STATES_A_CALL_MAX, PlatformApi
from station.platform.refusals import PlatformRefused

_UNUSED: Final = {CertificateState.AVAILABLE, CertificateState.ALLOCATED}


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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the platform says about one device; no secret where it was not asked for."""

    state: DeviceState
    was_activated: bool
    secret: Secret | None = None


def reconcile(
    ledger: Ledger,
    platform: PlatformApi,
    batch: str,
    *,
    with_secrets: bool = True,
    operator: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Reconciliation:
    """Compare each certificate of a batch, and record what came out; UsageError, PlatformFault, LedgerFault.

    Secrets are compared in memory by their keyed fingerprints: one question for each device. Without them one question is
    asked for 50 devices.
    """
    summary = ledger.batch(batch)
    differences: list[Difference] = []
    done = 0
    while rows := ledger.certificates(batch, STATES_A_CALL_MAX, done):
        identities = [row.identity for row in rows]
        seen = _details(platform, identities) if with_secrets else _states(platform, identities)
        for row in rows:
            device = seen.get(row.identity)
            found = _found(ledger, row.identity, row.state, device)
            state = None if device is None else device.state
            differences += [Difference(row.identity, row.mac, one, row.state, state) for one in found]
        done += len(rows)
        if progress is not None:
            progress(done, summary.total)
    counts = {kind.value: sum(one.discrepancy is kind for one in differences) for kind in Discrepancy}
    names: list[JsonValue] = [f"{one.discrepancy}:{one.identity.device_name}" for one in differences[:100]]
    ledger.platform_notes.batch(
        EventKind.BATCH_RECONCILED,
        batch,
        {"compared": done, "with_secrets": with_secrets, **counts, "first": names},
        operator=operator,
    )
    return Reconciliation(batch, done, tuple(differences))


def _details(platform: PlatformApi, identities: Sequence[Identity]) -> dict[Identity, _Seen]:
    """Give what the platform says about each device that it knows, with its secret."""
    seen: dict[Identity, _Seen] = {}
    for identity in identities:
        try:
            device = platform.device(identity.product_key, identity.device_name)
        except PlatformRefused as refused:
            if not refused.is_unknown_device:
                raise
        else:
            seen[identity] = _Seen(device.state, device.was_activated, device.device_secret)
    return seen


def _states(platform: PlatformApi, identities: Sequence[Identity]) -> dict[Identity, _Seen]:
    """Give the states of devices; of those whose state leaves something open, the details."""
    product_key = identities[0].product_key
    try:
        told = platform.device_states(product_key, [identity.device_name for identity in identities])
    except PlatformRefused as refused:
        if not refused.is_unknown_device:
            raise
        told = {}
    known = {Identity(product_key, name): status for name, status in told.items()}
    seen = {identity: _Seen(status.state, status.is_activated) for identity, status in known.items()}
    unsure = [one for one in identities if one not in known or known[one].state is DeviceState.DISABLE]
    for identity, detail in _details(platform, unsure).items():
        seen[identity] = _Seen(detail.state, detail.was_activated)
    return seen


def _found(ledger: Ledger, identity: Identity, state: CertificateState, device: _Seen | None) -> list[Discrepancy]:
    if device is None:
        return [Discrepancy.MISSING]
    found: list[Discrepancy] = []
    if device.was_activated and state in _UNUSED and _state_now(ledger, identity) in _UNUSED:
        found.append(Discrepancy.USED_ELSEWHERE)
    if not device.was_activated and state is CertificateState.ACTIVATED:
        found.append(Discrepancy.NOT_ACTIVATED)
    if device.secret is not None and not ledger.has_secret(identity, device.secret):
        found.append(Discrepancy.OTHER_SECRET)
    return found


def _state_now(ledger: Ledger, identity: Identity) -> CertificateState:
    """Ask again, after the platform: a lane may have begun to use it meanwhile."""
    return ledger.unit(str(identity)).certificates[0].state
