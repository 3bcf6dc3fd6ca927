"""One passage of a unit through a lane: what the steps of the walk share, and how they report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from station.certificate import Certificate
from station.chip.packed_region import PackedRegion
from station.errors import Code, CodedError, InternalFault, StationFault
from station.events import Event, StepReported
from station.ledger import Allocation, JsonValue, Ledger
from station.line.chip_link import ChipLink, ConsoleLink
from station.line.decision import CarriedAnswer, LeadDecision
from station.line.label_slot import LabelSlot
from station.line.status_link import StatusLink
from station.platform.device_state import DeviceStatus
from station.profile.recipe import Recipe
from station.unit import ChipIdentity, Mac
from station.verdict import Step, StepState

PROGRESS_PERIOD_S = 0.1


@dataclass(slots=True)
class Passage:
    """The run in hand. The first block is given, the second is learned on the way."""

    lane: int
    port: str
    chip: ChipLink
    recipe: Recipe
    static: tuple[PackedRegion, ...]
    batch: str
    operator: str
    ledger: Ledger
    report: Callable[[Event], None]
    clock: Callable[[], float] = time.monotonic
    replace_foreign: LeadDecision | None = None
    """Who has decided that units with a certificate of somebody else are written anew; None: they are held."""
    keep_foreign: LeadDecision | None = None
    answer_for: Callable[[Mac], CarriedAnswer | None] = lambda _mac: None
    """What was decided about this one unit, which goes before both; asked once, when the unit would be held."""
    force_security: LeadDecision | None = None
    """Who has decided that units are written against a refusal of the pre-flight that may be overruled."""

    label_slot: LabelSlot | None = None
    """Where the unit's label comes in, where the profile wants one."""
    work_order: str | None = None
    """The number of the order that this unit is made for."""
    order_retries: int | None = None
    """How often that order lets a unit be tried again; None: as the profile says."""

    platform: StatusLink | None = None
    """Who is asked whether the unit is online, where the profile wants the platform's own word."""

    run_id: int | None = None
    unit: ChipIdentity | None = None
    was_here_before: bool = False
    allocation: Allocation | None = None
    serial_number: str | None = None
    """What the unit's label says, once that is bound to the unit."""
    proven: set[str] = field(default_factory=set)
    """Names of the regions whose MD5 the chip has told to be ours."""
    console: ConsoleLink | None = None
    status_before: DeviceStatus | None = None
    """What the platform said before the unit was started."""
    activated: bool = False
    """The platform has seen the unit come online in this run."""
    timings: dict[str, JsonValue] = field(default_factory=dict)
    notes: dict[str, JsonValue] = field(default_factory=dict)
    """Facts for the record: sizes, hashes, what was skipped."""

    @property
    def certificate(self) -> Certificate:
        """The unit's certificate, from `allocate` on."""
        if self.allocation is None:
            raise InternalFault("a step ran before allocate")
        return self.allocation.certificate

    @contextmanager
    def step(self, step: Step, ask: str = "") -> Iterator[None]:
        """Report a step's begin and end, to the faces and to the ledger; `ask` is what the technician must do in it."""
        began = self.clock()
        self.report(StepReported(self.lane, step, StepState.BEGUN, message=ask))
        try:
            yield
        except CodedError as error:
            seconds = self._took(step, began)
            # When the ledger itself is at fault, `record` meets it again and tells.
            with suppress(StationFault):
                self._keep(step, StepState.FAILED, seconds, {"cause": error.cause}, error.code)
            self.report(StepReported(self.lane, step, StepState.FAILED, seconds, code=error.code, message=error.cause))
            raise
        seconds = self._took(step, began)
        self._keep(step, StepState.DONE, seconds, {}, None)
        self.report(StepReported(self.lane, step, StepState.DONE, seconds))

    @property
    def retries(self) -> int | None:
        """How often a unit may be tried again after a FAIL; None: as often as people like."""
        return self.recipe.profile.retries if self.order_retries is None else self.order_retries

    def skip(self, step: Step) -> None:
        """Report a step that the profile does not ask for."""
        self.report(StepReported(self.lane, step, StepState.SKIPPED))

    def _took(self, step: Step, began: float) -> float:
        seconds = self.clock() - began
        self.timings[step] = round(seconds, 3)
        return seconds

    def _keep(
        self, step: Step, state: StepState, seconds: float, data: dict[str, JsonValue], code: Code | None
    ) -> None:
        if self.run_id is not None and step is not Step.RECORD:
            self.ledger.record_step(self.run_id, step, state, round(seconds, 3), data, code)

    def progress(self, total_bytes: int) -> Progress:
        """Give the meter of the write step."""
        return Progress(self, total_bytes)

    def mask(self, text: str) -> str:
        """Take the unit's secrets out of a text that the unit itself said."""
        secrets: Sequence[str] = (
            [secret.reveal() for secret in self.allocation.certificate.secrets.values()] if self.allocation else []
        )
        for secret in secrets:
            if secret:
                text = text.replace(secret, "***")
        return text


class Progress:
    """Bytes on the wire of the write step; reports at most ten a second, and the last always."""

    def __init__(self, passage: Passage, total_bytes: int) -> None:
        self._passage = passage
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._began = self._reported = passage.clock()

    def region(self) -> Callable[[int], None]:
        """Give the hook for the next region: it takes the bytes of that region sent so far."""
        base = self._done_bytes

        def hook(sent_bytes: int) -> None:
            self._done_bytes = base + sent_bytes
            now = self._passage.clock()
            if self._done_bytes >= self._total_bytes or now - self._reported >= PROGRESS_PERIOD_S:
                self._reported = now
                self._passage.report(
                    StepReported(
                        self._passage.lane,
                        Step.WRITE,
                        StepState.PROGRESS,
                        now - self._began,
                        self._done_bytes,
                        self._total_bytes,
                    )
                )

        return hook
