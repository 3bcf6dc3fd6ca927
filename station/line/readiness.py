"""What must hold before a shift can start, each as a sentence of the catalogues with its mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from station.chip.ports import list_serial_ports
from station.errors import WHY, Code, CodedError, Facts, Fault, InputError, Why
from station.peripherals.label_printer import LabelPrinter
from station.peripherals.stack_light import StackLight

if TYPE_CHECKING:
    from station.line.shift import Shift
    from station.profile.doubts import DoubtKind

MISTAKES_MAX: Final = 6
"""Of one file; more are counted, not told."""
_KINDS: Final[Mapping[object, str]] = {
    Why.FILE_CHANGED: "images",
    Why.FILE_EMPTY: "images",
    Why.FILE_MISSING: "images",
    Why.IMAGE_DAMAGED: "images",
    Why.OTHER_CHIP: "images",
    Why.CSV_MISSING: "certificates",
    Why.NO_CERTIFICATES: "certificates",
}
"""Which line of the list a mistake is about; the others are the profile's."""


class Readiness(StrEnum):
    """READY; WARNING: the shift can start; BLOCKED: it cannot."""

    READY = "ready"
    WARNING = "warning"
    BLOCKED = "blocked"


class Sentence(StrEnum):
    """What is said of one thing: `ready.*` of the catalogues, and where something is to be done `mend.*`."""

    IMAGES = "images"
    IMAGES_LOCKED = "images_locked"
    CERTIFICATES = "certificates"
    CERTIFICATES_ENOUGH = "certificates_enough"
    CERTIFICATES_TOO_FEW = "certificates_too_few"
    CERTIFICATES_TOO_FEW_FOR_ALL = "certificates_too_few_for_all"
    ORDER_COMPLETE = "order_complete"
    NO_CERTIFICATES = "no_certificates"
    LANES = "lanes"
    LANE_GONE = "lane_gone"
    NO_LANES = "no_lanes"
    PLATFORM = "platform"
    PRINTER = "printer"
    NO_PRINTER = "no_printer"
    LIGHT = "light"
    UNFINISHED = "unfinished"
    NO_LINE_LEAD = "no_line_lead"
    MORE_MISTAKES = "more_mistakes"
    FAULT = "fault"
    """A CodedError: `code`, `cause` and `mend` are its own."""


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """One line of the list: its kind (`kind.*` of the catalogues), its state, what is said, and with which values."""

    kind: str
    state: Readiness
    sentence: Sentence | DoubtKind
    values: Facts = field(default_factory=dict)
    fault: CodedError | None = None
    """Of Sentence.FAULT: what it tells."""
    mistake: Fault | None = None
    """The one of the fault's mistakes that the line is about."""

    @classmethod
    def of_fault(cls, kind: str, error: CodedError, state: Readiness = Readiness.BLOCKED) -> ReadinessItem:
        """Give the line that tells an error."""
        return cls(kind, state, Sentence.FAULT, fault=error)


def lines_of(error: CodedError) -> tuple[ReadinessItem, ...]:
    """Give the lines that tell an error: one for each of the first mistakes in a file, else one."""
    if not isinstance(error, InputError) or not error.faults:
        return (ReadinessItem.of_fault(_KINDS.get(error.facts.get(WHY), "station"), error),)
    lines = [
        ReadinessItem(_kind_of(error, one), Readiness.BLOCKED, Sentence.FAULT, fault=error, mistake=one)
        for one in error.faults[:MISTAKES_MAX]
    ]
    if more := len(error.faults) - len(lines):
        lines.append(ReadinessItem("profile", Readiness.BLOCKED, Sentence.MORE_MISTAKES, {"count": more}))
    return tuple(lines)


def _kind_of(error: InputError, mistake: Fault) -> str:
    of_error = "certificates" if error.code is Code.BATCH else "profile"
    return _KINDS.get(mistake.facts.get(WHY), of_error)


class ProductLink(Protocol):
    """What is asked of the platform before a shift: does it know the product?"""

    def product(self, product_key: str, /) -> object:
        """Give the product; PlatformFault."""


def check_readiness(
    shift: Shift,
    lanes: Mapping[int, str],
    *,
    training: bool = False,
    platform: Callable[[], ProductLink | None] = lambda: None,
    printer: Callable[[], LabelPrinter | None] = lambda: None,
    light: StackLight | None = None,
) -> list[ReadinessItem]:
    """Look at images, certificates, lanes, platform, label printer, stack light, unfinished units and people.

    `lanes`: number → port. `platform` gives the one that the walk asks, None where it asks none; `printer` the one of the
    labels, None where none is set. Reads the ledger and the system's ports. A training needs no line lead.
    """
    people = [] if training else _people(shift)
    return [
        *_images(shift),
        _certificates(shift),
        *_lanes(lanes),
        *_platform(shift, platform),
        *_printer(shift, printer),
        *_light(light),
        *_unfinished(shift),
        *people,
    ]


def _platform(shift: Shift, platform: Callable[[], ProductLink | None]) -> list[ReadinessItem]:
    product_key = shift.recipe.profile.product_key
    try:
        link = platform()
        if link is None:
            return []
        link.product(product_key)
    except CodedError as error:
        return [ReadinessItem.of_fault("platform", error)]
    return [ReadinessItem("platform", Readiness.READY, Sentence.PLATFORM, {"product_key": product_key})]


def _printer(shift: Shift, printer: Callable[[], LabelPrinter | None]) -> list[ReadinessItem]:
    """A printer blocks no shift: the units pass without it, and what is not printed is printed later."""
    if shift.recipe.label is None:
        return []
    try:
        found = printer()
        if found is None:
            return [ReadinessItem("printer", Readiness.WARNING, Sentence.NO_PRINTER)]
        found.check()
    except CodedError as error:
        return [ReadinessItem.of_fault("printer", error, Readiness.WARNING)]
    return [ReadinessItem("printer", Readiness.READY, Sentence.PRINTER, {"printer": found.name})]


def _light(light: StackLight | None) -> list[ReadinessItem]:
    if light is None:
        return []
    try:
        light.check()
    except CodedError as error:
        return [ReadinessItem.of_fault("light", error, Readiness.WARNING)]
    return [ReadinessItem("light", Readiness.READY, Sentence.LIGHT)]


def _people(shift: Shift) -> list[ReadinessItem]:
    if shift.ledger.operators.has_line_lead():
        return []
    return [ReadinessItem("operators", Readiness.WARNING, Sentence.NO_LINE_LEAD)]


def _images(shift: Shift) -> list[ReadinessItem]:
    recipe = shift.recipe
    values: dict[str, str | int] = {
        "profile": recipe.profile.name,
        "version": recipe.profile.firmware.version,
        "files": len(recipe.files),
        "size_kb": sum(len(region.data) for region in recipe.static_plan.regions) // 1024,
    }
    if recipe.doubts:
        return [
            ReadinessItem("images", Readiness.WARNING, doubt.kind, {**values, **doubt.facts}) for doubt in recipe.doubts
        ]
    is_locked = all(file.locked for file in recipe.files)
    said = Sentence.IMAGES_LOCKED if is_locked else Sentence.IMAGES
    return [ReadinessItem("images", Readiness.READY, said, values)]


def _certificates(shift: Shift) -> ReadinessItem:
    now = shift.progress()
    quantity = now.quantity
    values: dict[str, str | int] = {"left": now.left, "batch": shift.batch}
    if shift.order is not None and quantity is not None and now.passed >= quantity:
        complete: dict[str, str | int] = {"order": shift.order.number, "quantity": quantity}
        return ReadinessItem("certificates", Readiness.WARNING, Sentence.ORDER_COMPLETE, complete)
    if not now.left and now.wanted != 0:
        return ReadinessItem("certificates", Readiness.BLOCKED, Sentence.NO_CERTIFICATES, values)
    if quantity is None or now.wanted_in_all is None:
        return ReadinessItem("certificates", Readiness.READY, Sentence.CERTIFICATES, values)
    values["quantity"] = quantity
    if now.left < now.wanted_in_all:
        few = {**values, "missing": now.wanted_in_all - now.left}
        sentence = Sentence.CERTIFICATES_TOO_FEW_FOR_ALL if now.wanted_by_others else Sentence.CERTIFICATES_TOO_FEW
        return ReadinessItem("certificates", Readiness.WARNING, sentence, few)
    return ReadinessItem("certificates", Readiness.READY, Sentence.CERTIFICATES_ENOUGH, values)


def _lanes(lanes: Mapping[int, str]) -> list[ReadinessItem]:
    if not lanes:
        return [ReadinessItem("lanes", Readiness.BLOCKED, Sentence.NO_LANES)]
    plugged = {port.url for port in list_serial_ports()}
    gone = {number: port for number, port in lanes.items() if "://" not in port and port not in plugged}
    there = {number: port for number, port in lanes.items() if number not in gone}
    items = []
    if there:
        items.append(ReadinessItem("lanes", Readiness.READY, Sentence.LANES, {"ports": _named(there)}))
    if gone:
        items.append(ReadinessItem("lanes", Readiness.WARNING, Sentence.LANE_GONE, {"ports": _named(gone)}))
    return items


def _named(lanes: Mapping[int, str]) -> str:
    """Give numbers with their ports; a line breaks between two lanes, not within one."""
    return "   ".join(f"{number}\u00a0{port}" for number, port in lanes.items())


def _unfinished(shift: Shift) -> list[ReadinessItem]:
    return [
        ReadinessItem("unfinished", Readiness.WARNING, Sentence.UNFINISHED, {"mac": row.mac, "lane": row.lane})
        for row in shift.ledger.unfinished_runs()
        if row.mac is not None and row.station == shift.ledger.station
    ]
