"""What the ledger tells: frozen rows without secrets, and the certificate that `allocate` hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, Union

from station.certificate import Certificate, CertificateState, Identity, Secret
from station.errors import Code
from station.serial_number import EntryWay
from station.unit import Disposition
from station.verdict import Step, StepState, Verdict

if TYPE_CHECKING:
    from station.ledger.heads import SignedHead

JsonValue: TypeAlias = Union[str, int, float, bool, list["JsonValue"], Mapping[str, "JsonValue"], None]  # noqa: UP007  a name in quotes takes no |
"""What may stand in an audit event's data. A `Secret` is none of it: writing one raises TypeError."""


GOOD_STATES: Final = (CertificateState.INSTALLED, CertificateState.ACTIVATED)
"""Of a certificate in a unit that passed."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: `total` certificates in the file, of which `imported` are new. `batch` holds them."""

    batch: str
    product_key: str
    imported: int
    already_there: int
    total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One batch and how many of its certificates are in each state. Times are ISO 8601 in UTC."""

    name: str
    product_key: str
    work_order: str | None
    imported_at: str
    source_name: str
    counts: Mapping[CertificateState, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        return self.counts[CertificateState.AVAILABLE]

    @property
    def passed(self) -> int:
        """How many are in a good unit."""
        return sum(self.counts[state] for state in GOOD_STATES)


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate as people may see it: no secret, not even encrypted. `position` counts from 1 in its CSV."""

    identity: Identity
    batch: str
    position: int
    state: CertificateState
    mac: str | None
    run_id: int | None
    changed_at: str
    void_reason: str | None
    extras: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Allocation:
    """The unit's certificate; `resumed` when the MAC had it before; `left` are available ones of the run's batch."""

    certificate: Certificate
    state: CertificateState
    batch: str
    resumed: bool
    left: int


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How a step of a run ended."""

    step: Step
    state: StepState
    seconds: float
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """How a run ended; `seconds` is None where nobody was there to measure. `activated`: the platform has seen the unit."""

    verdict: Verdict
    seconds: float | None
    code: Code | None
    message: str
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    activated: bool = False


@dataclass(frozen=True, slots=True)
class CarriedCertificate:
    """What a unit holds where its credentials stand; `secret` is None where the DeviceSecret cannot be read."""

    identity: Identity
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class CarriedFinding:
    """What the ledger knows about it: its state and MAC now, None when it has no such certificate.

    `foreign`: it was never given to this unit, and nobody has decided yet. `other_secret`: the ledger's DeviceSecret is another.
    """

    foreign: bool
    state: CertificateState | None
    mac: str | None
    other_secret: bool


@dataclass(frozen=True, slots=True)
class CarriedDecision:
    """That a unit shall `keep` what it carries, or (False) that it is replaced; who decided it and why."""

    identity: Identity
    keep: bool
    decided_by: str
    reason: str
    by_line_lead: bool

    def as_data(self) -> Mapping[str, JsonValue]:
        """Give it as events tell it."""
        return {"decided_by": self.decided_by, "reason": self.reason, "line_lead": self.by_line_lead}


@dataclass(frozen=True, slots=True)
class RunRow:
    """One passage of a unit through a lane. `finished_at` and `verdict` are None while it is under way or interrupted."""

    id: int
    station: str
    lane: int
    port: str
    profile: str
    firmware_version: str
    batch: str
    product_key: str
    operator: str
    process: str
    started_at: str
    mac: str | None
    chip: str | None
    last_step: str | None
    device_name: str | None
    certificate_state: CertificateState | None
    """State of that certificate now."""
    finished_at: str | None
    verdict: Verdict | None
    code: str | None
    message: str
    seconds: float | None
    serial_number: str | None = None
    """What the unit's label said in this run, where the profile asks for it."""
    work_order: str | None = None
    """The work order that the run counted for."""

    def lane_seen_from(self, station: str) -> str:
        """Say which lane it was, with its station where that is another one."""
        return str(self.lane) if self.station == station else f"{self.lane} of {self.station}"


@dataclass(frozen=True, slots=True)
class SerialNumberRow:
    """Which unit bears a label. `fields` are the label's others; `released_at` and the reason are None while it bears it."""

    product_key: str
    serial_number: str
    mac: str
    device_name: str | None
    """What this unit holds for the product now."""
    entry: EntryWay
    fields: Mapping[str, str]
    bound_at: str
    released_at: str | None
    release_reason: str | None

    @property
    def unit(self) -> str:
        """The unit in words, for a message."""
        return f"{self.mac} ({self.device_name})" if self.device_name else self.mac


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One link of a station's chain; `hash` is the SHA-256 of the canonical JSON of all before it."""

    number: int
    at: str
    station: str
    lane: int | None
    operator: str
    kind: str
    mac: str | None
    device_name: str | None
    batch: str | None
    data: Mapping[str, JsonValue]
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class UnitStory:
    """Everything about one unit: its certificates (live and void), its runs (newest first), its events (oldest first)."""

    mac: str | None
    certificates: tuple[CertificateRow, ...]
    runs: tuple[RunRow, ...]
    events: tuple[AuditEvent, ...]
    serial_numbers: tuple[SerialNumberRow, ...] = ()
    """What its label says, and what others said that it no longer bears; the newest first."""

    @property
    def serial_number(self) -> str | None:
        """What its label says now."""
        return next((row.serial_number for row in self.serial_numbers if row.released_at is None), None)


@dataclass(frozen=True, slots=True)
class UnitStanding:
    """Whether a unit may be walked: where it was put and why, and how many runs in a row it has FAILed since it was put
    anywhere or passed."""

    disposition: Disposition | None = None
    reason: str = ""
    failed_in_row: int = 0


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Where the audit log went, how many events, the hash of the last one (None without any), and the chain's signed head."""

    path: Path
    events: int
    head: str | None
    signed_head: SignedHead
