"""Devices are ordered on the platform, and their certificates become a batch of the ledger; goes on after any break.

Nothing is ordered twice: the names are chosen and written down first, checking them creates nothing, and the ApplyId that
creates them is in the ledger before it is used. Certificates are in memory only until the ledger has all of them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from station.certificate import Secret
from station.errors import BatchError, Code, Fault, PlatformFault, UsageError
from station.ledger import ImportResult, Ledger, Order, OrderPart, OrderState
from station.platform.platform_api import PlatformApi
from station.platform.records import Job, JobState
from station.platform.refusals import PlatformRefused

FAULTS_MAX: Final = 20
_MARK_CHARACTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letter that looks like another: people read names from labels."""
_MARK_LENGTH: Final = 6
_FIRST_LOOK_S: Final = 0.5
_LOOK_MAX_S: Final = 5.0
_WAITING: Final = {JobState.CHECK, JobState.CREATE}
_CREATING: Final = {JobState.CREATE, JobState.CREATE_SUCCESS}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a job of the platform may take, and how waiting is done."""

    limit_s: float = 1800.0
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = time.sleep


def make_names(prefix: str, count: int) -> list[str]:
    """Give DeviceNames that no other order has: prefix, six random characters, a number."""
    mark = "".join(secrets.choice(_MARK_CHARACTERS) for _ in range(_MARK_LENGTH))
    width = max(4, len(str(count)))
    return [f"{prefix}{mark}-{number:0{width}d}" for number in range(1, count + 1)]


class Registering:
    """One order on its way from the ledger to the platform and back."""

    def __init__(
        self,
        ledger: Ledger,
        platform: PlatformApi,
        order: Order,
        *,
        patience: Patience | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._platform = platform
        self._order = order
        self._patience = patience or Patience()
        self._progress = progress
        self._done = 0

    def run(self) -> ImportResult:
        """Do what is left to do; PlatformFault, LedgerFault: the same again goes on. BatchError: it cannot be done."""
        parts = [self._checked(part) for part in self._order.parts]
        parts = [self._registered(part) for part in parts]
        self._order = replace(self._order, parts=tuple(parts))
        certificates = [one for part in parts for one in self._received(part)]
        return self._ledger.orders.receive(self._order, certificates)

    def _checked(self, part: OrderPart) -> OrderPart:
        """Have the platform check the part's names; an order with a name that cannot be had ends here."""
        if part.state is OrderState.PLACED:
            return part
        if part.apply_id is None:
            part = self._applied(part)
        try:
            job = self._settled(part)
        except PlatformRefused as refused:
            if not refused.is_unknown_job:
                raise
            part = self._applied(part)  # the platform has forgotten the check, which created nothing
            job = self._settled(part)
        if job.state is JobState.CHECK_FAILED:
            raise self._refused(job)
        return part

    def _applied(self, part: OrderPart) -> OrderPart:
        try:
            apply_id = self._platform.check_names(self._order.product_key, part.names)
        except PlatformRefused as refused:
            if not refused.is_unknown_product:
                raise
            self._ledger.orders.give_up(self._order, reason="the platform does not know the product")
            mend = "Look at `station platform products`, and at region and instance_id in station.yaml"
            raise UsageError(
                f"the platform knows no product {self._order.product_key}", f"{mend}. Nothing was ordered"
            ) from None
        return self._ledger.orders.note_applied(self._order, part, apply_id)

    def _registered(self, part: OrderPart) -> OrderPart:
        """Have the platform register the checked names, once."""
        is_in_doubt = part.state is OrderState.PLACED
        if not is_in_doubt:
            part = self._ledger.orders.note_placed(self._order, part)
        if not is_in_doubt or self._job(part).state not in _CREATING:
            self._register(part)
        job = self._settled(part, is_placed=True)
        if job.state is not JobState.CREATE_SUCCESS:
            raise PlatformFault(
                Code.PLATFORM_REFUSED,
                f"the platform could not register all of order {self._order.batch} ({job.state}), "
                f"among them {_some(job.invalid_names)}",
                "Look at the batch in the platform's console; end the order with --give-up, and import what is there as CSV",
            )
        self._tell(len(part.names))
        return part

    def _register(self, part: OrderPart) -> None:
        try:
            self._platform.register(self._order.product_key, _apply_id(part))
        except PlatformFault:
            if self._job(part).state not in _CREATING:  # else only its answer was lost
                raise

    def _received(self, part: OrderPart) -> list[tuple[str, Secret]]:
        """Page the certificates of a part into memory, in the order of its names."""
        found: list[tuple[str, Secret]] = []
        page, pages = 1, 1
        while page <= pages and len(found) <= len(part.names):
            listed = self._platform.certificates(_apply_id(part), page)
            found += [(one.device_name, one.device_secret) for one in listed.certificates]
            self._tell(len(listed.certificates))
            page, pages = page + 1, listed.pages if listed.certificates else 0
        position = {name: number for number, name in enumerate(part.names)}
        return sorted(found, key=lambda one: position.get(one[0], len(position)))

    def _settled(self, part: OrderPart, *, is_placed: bool = False) -> Job:
        """Wait until the platform works no more at a part's job; PlatformFault after the limit."""
        patience = self._patience
        waiting = {*_WAITING, JobState.CHECK_SUCCESS} if is_placed else _WAITING
        until, look_s = patience.clock() + patience.limit_s, _FIRST_LOOK_S
        while True:
            job = self._job(part)
            if job.state not in waiting:
                return job
            if patience.clock() >= until:
                raise PlatformFault(
                    Code.PLATFORM_UNREACHABLE,
                    f"the platform still works at order {self._order.batch} ({job.state})",
                    "Wait for it",
                )
            patience.pause(look_s)
            look_s = min(look_s * 1.5, _LOOK_MAX_S)

    def _job(self, part: OrderPart) -> Job:
        try:
            return self._platform.job(self._order.product_key, _apply_id(part))
        except PlatformRefused as refused:
            if not refused.is_unknown_job or part.state is not OrderState.PLACED:
                raise
            raise PlatformRefused(
                Code.PLATFORM_REFUSED,
                f"the platform no longer knows order {self._order.batch} (ApplyId {part.apply_id})",
                "Look in its console: devices that are there come with the console's CSV and `station batch import`; "
                "end the order with --give-up",
                refused.platform_code,
            ) from None

    def _refused(self, job: Job) -> BatchError:
        """End the order, whose names were not to be had; nothing of it was registered."""
        self._ledger.orders.give_up(self._order, reason="the platform refused names")
        faults = [
            Fault(
                f"order {self._order.batch}", None, f"{_some((name,))} cannot be had", "It exists, or its form is wrong"
            )
            for name in job.invalid_names[:FAULTS_MAX]
        ]
        return BatchError(
            f"the platform refuses {len(job.invalid_names)} of {self._order.quantity} names",
            "Take other names, nothing was ordered",
            faults=faults,
        )

    def _tell(self, more: int) -> None:
        self._done += more
        if self._progress is not None:
            self._progress(self._done, 2 * self._order.quantity)


def _apply_id(part: OrderPart) -> int:
    if part.apply_id is None:
        raise AssertionError("a part that was applied for has its ApplyId")
    return part.apply_id


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"{name[:32]!a}" for name in names[:5])
    return shown or "unnamed ones"
