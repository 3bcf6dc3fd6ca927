"""What must hold before a shift can start, each as a sentence with its mend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from station.certificate import CertificateState
from station.chip.ports import list_serial_ports
from station.errors import CodedError
from station.line.shift import Shift


class Readiness(StrEnum):
    """READY; WARNING: the shift can start; BLOCKED: it cannot."""

    READY = "ready"
    WARNING = "warning"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """One line of the list: its kind (`images`, `certificates`, `lanes`, …), its state, a sentence, the mend."""

    kind: str
    state: Readiness
    text: str
    mend: str = ""


class ProductLink(Protocol):
    """What is asked of the platform before a shift: does it know the product?"""

    def product(self, product_key: str, /) -> object:
        """Give the product; PlatformFault."""


def check_readiness(
    shift: Shift,
    ports: Sequence[str],
    *,
    training: bool = False,
    platform: Callable[[], ProductLink | None] = lambda: None,
) -> list[ReadinessItem]:
    """Look at images, certificates, lanes, platform, unfinished units and people. Reads the ledger and the system's ports.

    `platform` gives the one that the walk asks, None where it asks none. A training needs no line lead.
    """
    people = [] if training else _people(shift)
    return [
        _images(shift),
        _certificates(shift),
        _lanes(ports),
        *_platform(shift, platform),
        *_unfinished(shift),
        *people,
    ]


def _platform(shift: Shift, platform: Callable[[], ProductLink | None]) -> list[ReadinessItem]:
    try:
        link = platform()
        if link is None:
            return []
        link.product(shift.recipe.profile.product_key)
    except CodedError as error:
        return [ReadinessItem("platform", Readiness.BLOCKED, error.cause, error.mend)]
    return [ReadinessItem("platform", Readiness.READY, f"it knows product {shift.recipe.profile.product_key}")]


def _people(shift: Shift) -> list[ReadinessItem]:
    if shift.ledger.operators.has_line_lead():
        return []
    return [
        ReadinessItem("operators", Readiness.WARNING, "No line lead yet", "Make one: station operator add NAME --lead")
    ]


def _images(shift: Shift) -> ReadinessItem:
    recipe = shift.recipe
    size_kb = sum(len(region.data) for region in recipe.static_plan.regions) // 1024
    text = f"{recipe.profile.name} {recipe.profile.firmware.version}, {len(recipe.static_plan.regions)} regions, {size_kb} KB"
    if recipe.warnings:
        return ReadinessItem("images", Readiness.WARNING, f"{text}; {recipe.warnings[0]}", "Tell the line engineer")
    return ReadinessItem("images", Readiness.READY, text)


def _certificates(shift: Shift) -> ReadinessItem:
    left = shift.ledger.left(shift.batch)
    text = f"{left} left in batch {shift.batch}"
    if not left:
        return ReadinessItem(
            "certificates", Readiness.BLOCKED, text, "Import the next batch: station batch import FILE.csv"
        )
    if shift.quantity is not None:
        counts = shift.ledger.batch(shift.batch).counts
        done = counts[CertificateState.INSTALLED] + counts[CertificateState.ACTIVATED]
        missing = shift.quantity - done - left
        if missing > 0:
            return ReadinessItem(
                "certificates",
                Readiness.WARNING,
                f"{text}, {missing} too few for the order of {shift.quantity}",
                "Have more certificates made before they run out",
            )
        return ReadinessItem("certificates", Readiness.READY, f"{text}, enough for the order of {shift.quantity}")
    return ReadinessItem("certificates", Readiness.READY, text)


def _lanes(ports: Sequence[str]) -> ReadinessItem:
    if not ports:
        return ReadinessItem(
            "lanes", Readiness.BLOCKED, "No port was found", "Plug an adapter in, or name a port with --port"
        )
    there = {port.url for port in list_serial_ports()}
    gone = [port for port in ports if "://" not in port and port not in there]
    named = "   ".join(f"{number} {port}" for number, port in enumerate(ports, start=1))
    if gone:
        return ReadinessItem(
            "lanes", Readiness.WARNING, f"{gone[0]} is not there", "Plug its adapter in; it starts by itself"
        )
    return ReadinessItem("lanes", Readiness.READY, named)


def _unfinished(shift: Shift) -> list[ReadinessItem]:
    rows = [row for row in shift.ledger.unfinished_runs() if row.mac is not None]
    return [
        ReadinessItem(
            "unfinished",
            Readiness.WARNING,
            f"{row.mac} was not finished on lane {row.lane}",
            "Put it in again: it continues with the same certificate",
        )
        for row in rows
    ]
