"""The error tree, split by who must act. Every error names its place, its cause and the mend; none ever holds a secret.

CodedError                     code, cause, mend, place
├── UnitError                  FAIL: the unit is bad; the technician reworks it            exit 1
│   ├── ChipError              what the chip is, says or does not say (F1x, F2x, F3x)
│   ├── CertificateHeld        the unit or its certificate needs a line lead (F5x)
│   └── UnitSilent             it was written, but does not start or does not come online (F4x)
├── InputError                 a file or an argument is wrong; who wrote it mends it       exit 2
│   ├── UsageError             an argument names nothing or contradicts another (I1x)
│   ├── NotAllowed             whose decision it is, or whose PIN (I4x)
│   ├── ProfileError           the profile or a file that it names (I2x); holds every fault
│   ├── BatchError             the certificate CSV (I3x); holds every fault
│   └── ScanRefused            what was scanned or typed as a unit's label (I50)
├── StationFault               ERROR: the station is bad; the line engineer mends it       exit 3
│   ├── PortFault              the serial port (E1x)
│   ├── LedgerFault            the ledger, its key, its disk (E2x)
│   │   └── RunLost            a server that was away has not got a run any more (E29)
│   ├── PlatformFault          the IoT platform, as far as the station can reach it (E3x)
│   ├── PeripheralFault        the label printer, the stack light (E5x); the unit's verdict stands
│   └── InternalFault          our bug, translated at the lane's edge (E90)
├── NoCertificateLeft          the batch is used up; the line lead brings another (E40)    exit 4
├── WorkOrderComplete          the order takes no new unit (E41)                           exit 5
└── Aborted                    a person stopped the run (A01, A02)                         exit 130
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias, TypedDict, Unpack

from station.serial_number import ScanRefusal
from station.verdict import Verdict


class Code(StrEnum):
    """The code that is read out over the phone; its texts for people stand in the catalogue of the screen."""

    CHIP_GARBLED = "F10"
    NOT_IN_DOWNLOAD_MODE = "F11"
    WRONG_CHIP = "F12"
    FLASH_TOO_SMALL = "F13"
    SECURITY_SET = "F14"
    WRONG_REVISION = "F15"
    UNIT_SWAPPED = "F20"
    UNIT_GONE = "F21"
    UNIT_ON_OTHER_LANE = "F22"
    WRITE_REFUSED = "F23"
    VERIFY_MISMATCH = "F30"
    NO_BOOT = "F31"
    CREDENTIALS_DIFFER = "F32"
    NOT_ONLINE = "F40"
    CLOUD_REFUSED = "F41"
    OTHER_IDENTITY = "F42"
    FOREIGN_CERTIFICATE = "F50"
    UNIT_PUT_ASIDE = "F51"
    TRIED_TOO_OFTEN = "F52"
    SERIAL_NUMBER_TAKEN = "F53"
    OTHER_SERIAL_NUMBER = "F54"
    USAGE = "I10"
    PROFILE = "I20"
    BATCH = "I30"
    LABEL = "I31"
    PIN_WRONG = "I40"
    PIN_LOCKED = "I41"
    NOT_LINE_LEAD = "I42"
    SCAN_REFUSED = "I50"
    PORT_MISSING = "E10"
    PORT_BUSY = "E11"
    PORT_DENIED = "E12"
    PORT_LOST = "E13"
    PORT_STUCK = "E14"
    LEDGER_UNREADABLE = "E20"
    LEDGER_BUSY = "E21"
    LEDGER_NOT_WRITABLE = "E22"
    KEY_MISSING = "E23"
    KEY_WRONG = "E24"
    KEY_EXPOSED = "E25"
    LEDGER_NEWER = "E26"
    DISK_FULL = "E27"
    LEDGER_BEHIND = "E28"
    LEDGER_UNREACHABLE = "E29"
    PLATFORM_UNREACHABLE = "E30"
    PLATFORM_KEY_REFUSED = "E31"
    PLATFORM_THROTTLED = "E32"
    PLATFORM_REFUSED = "E33"
    PLATFORM_CLIENT_MISSING = "E34"
    NO_CERTIFICATE_LEFT = "E40"
    WORK_ORDER_COMPLETE = "E41"
    PRINTER_UNREACHABLE = "E50"
    PRINTER_NOT_READY = "E51"
    LIGHT_UNREACHABLE = "E52"
    INTERNAL = "E90"
    ABORTED = "A01"
    INTERRUPTED = "A02"


class Why(StrEnum):
    """Which of a code's mistakes it is, for what the code alone does not tell: `detail.<code>.<why>` of the catalogues."""

    ARRIVING = "arriving"
    AWAITED = "awaited"
    BATCH_OF_OTHER_PRODUCT = "batch_of_other_product"
    CERTIFICATE_LACKS_FIELD = "certificate_lacks_field"
    CERTIFICATE_NOT_KEPT = "certificate_not_kept"
    CERTIFICATE_OF_OTHER_PRODUCT = "certificate_of_other_product"
    CLOCK = "clock"
    CONTROL_CODE = "control_code"
    DAMAGED = "damaged"
    CSV_MISSING = "csv_missing"
    DOES_NOT_FIT = "does_not_fit"
    EMPTYING = "emptying"
    EVENTS_MISSING = "events_missing"
    FIELD_MISSING = "field_missing"
    FILE_CHANGED = "file_changed"
    FILE_EMPTY = "file_empty"
    FILE_MISSING = "file_missing"
    GONE = "gone"
    HEAD_OPEN = "head_open"
    IMAGE_DAMAGED = "image_damaged"
    IN_WORK = "in_work"
    KEYRING = "keyring"
    LABEL_WAITS = "label_waits"
    LABEL_IN_DOUBT = "label_in_doubt"
    MAKING = "making"
    MISTAKES = "mistakes"
    MOVED = "moved"
    NO_CERTIFICATES = "no_certificates"
    NO_KEY = "no_key"
    NO_KEYRING = "no_keyring"
    NO_OPERATOR = "no_operator"
    NO_REASON = "no_reason"
    NOT_A_NAME = "not_a_name"
    NOT_ASCII = "not_ascii"
    NOT_HEARD = "not_heard"
    NOT_PASSED = "not_passed"
    NOT_SEEN = "not_seen"
    NOTHING_HERE = "nothing_here"
    OF_SERVER = "of_server"
    ORDER_DIFFERS = "order_differs"
    ORDER_OF_OTHER_PROFILE = "order_of_other_profile"
    OTHER_CHIP = "other_chip"
    OTHER_KEY = "other_key"
    OTHER_PASSPHRASE = "other_passphrase"  # noqa: S105  a word about one, not one
    OTHER_PROGRAM = "other_program"
    OTHER_STATION = "other_station"
    PAPER_OUT = "paper_out"
    PASSPHRASE_CHANGED = "passphrase_changed"  # noqa: S105  a word about one, not one
    PAUSED = "paused"
    PIN_CHANGED = "pin_changed"
    PIN_DAMAGED = "pin_damaged"
    PIN_GUESSED = "pin_guessed"
    PIN_LENGTH = "pin_length"
    PORT_TWICE = "port_twice"
    REFUSED = "refused"
    RIBBON_OUT = "ribbon_out"
    SERIAL_NUMBER_TWICE = "serial_number_twice"
    SEVERAL_BATCHES = "several_batches"
    SIGN_OF_BARCODE = "sign_of_barcode"
    TAKEN = "taken"
    TOO_MANY = "too_many"
    UNIT_OF_OTHER_PRODUCT = "unit_of_other_product"
    UNKNOWN_BATCH = "unknown_batch"
    UNKNOWN_OPERATOR = "unknown_operator"
    UNKNOWN_ORDER = "unknown_order"
    UNKNOWN_UNIT = "unknown_unit"
    UNREADABLE = "unreadable"
    VOID = "void"
    WRONG = "wrong"


Facts: TypeAlias = Mapping[str, str | int | float]
NO_FACTS: Final[Facts] = MappingProxyType({})
WHY: Final = "why"
"""The fact that is a Why: an error's own event carries it with the rest."""


class Told(TypedDict, total=False):
    """What fills the catalogue's sentence for an error, as `CodedError` takes it."""

    facts: Facts
    why: Why


def filled(facts: Facts = NO_FACTS, why: Why | None = None) -> Facts:
    """Give the facts with the Why among them."""
    return facts if why is None else {**facts, WHY: why}


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a file: where (`line` counts from 1, None for the whole file), why, and the mend.

    `facts` fill the screen's sentence for it, where the screen has one.
    """

    file: str
    line: int | None
    cause: str
    mend: str
    facts: Facts = field(default_factory=lambda: NO_FACTS, compare=False)

    @property
    def place(self) -> str:
        """File and line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place}: {self.cause}. {self.mend}"


class CodedError(Exception):
    """Base of all. `cause` and `mend` are sentences for a person, without a final full stop in `cause`."""

    exit_code: ClassVar[int] = 3
    verdict: ClassVar[Verdict] = Verdict.ERROR

    def __init__(
        self, code: Code, cause: str, mend: str, place: str = "", *, facts: Facts = NO_FACTS, why: Why | None = None
    ) -> None:
        """`facts` fill the sentence that the screen's catalogue has for the code, and for `why`: all of its places, or none."""
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.mend = mend
        self.place = place
        self.facts = filled(facts, why)

    def __str__(self) -> str:
        head = f"{self.place}: " if self.place else ""
        return f"{head}{self.cause}. {self.mend}"


class UnitError(CodedError):
    """The unit is bad."""

    exit_code = 1
    verdict = Verdict.FAIL


class ChipError(UnitError):
    """What the chip is, says or does not say."""


class CertificateHeld(UnitError):
    """A line lead must decide about the unit's certificate."""


class UnitSilent(UnitError):
    """The unit was written and verified, but is not seen to work."""


class InputError(CodedError):
    """A file or an argument is wrong. `faults` lists every mistake found, in the order of the file."""

    exit_code = 2

    def __init__(
        self,
        code: Code,
        cause: str,
        mend: str,
        place: str = "",
        faults: Sequence[Fault] = (),
        **told: Unpack[Told],
    ) -> None:
        if faults and "why" not in told:
            told = {"why": Why.MISTAKES, "facts": {"first": faults[0].place}}
        super().__init__(code, cause, mend, place, **told)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        if not self.faults:
            return super().__str__()
        return "\n".join([super().__str__(), *(f"  {fault}" for fault in self.faults)])


class UsageError(InputError):
    """An argument names nothing or contradicts another."""

    def __init__(self, cause: str, mend: str, place: str = "", **told: Unpack[Told]) -> None:
        super().__init__(Code.USAGE, cause, mend, place, **told)


class NotAllowed(InputError):
    """Somebody else must decide, or prove who they are."""


class ProfileError(InputError):
    """The profile, or a file that it names, is wrong."""

    def __init__(
        self,
        cause: str,
        mend: str,
        place: str = "",
        faults: Sequence[Fault] = (),
        **told: Unpack[Told],
    ) -> None:
        super().__init__(Code.PROFILE, cause, mend, place, faults, **told)


class BatchError(InputError):
    """The certificate CSV is wrong, or contradicts the ledger."""

    def __init__(self, cause: str, mend: str, place: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(Code.BATCH, cause, mend, place, faults)


class ScanRefused(InputError):
    """What was scanned or typed is no label for the lane, by `why`; `words` fill the sentence that the screen has for it."""

    def __init__(self, why: ScanRefusal, cause: str, mend: str, **words: str | int) -> None:
        super().__init__(Code.SCAN_REFUSED, cause, mend)
        self.why = why
        self.words = words


class StationFault(CodedError):
    """The station is bad."""


class PortFault(StationFault):
    """The serial port is missing, busy, forbidden or lost."""


class LedgerFault(StationFault):
    """The ledger, its key or its disk."""


class RunLost(LedgerFault):
    """A factory's server that was away has lost a run, or has let somebody else end it; the unit begins anew."""


class PlatformFault(StationFault):
    """The IoT platform is not reached, refuses the station, or answers what nobody understands."""


class PeripheralFault(StationFault):
    """The label printer or the stack light; what it should have done is done again when it works."""


class InternalFault(StationFault):
    """Our bug."""

    def __init__(
        self, cause: str, mend: str = "Note the code and call the line engineer", *, facts: Facts = NO_FACTS
    ) -> None:
        super().__init__(Code.INTERNAL, cause, mend, facts=facts)


class NoCertificateLeft(CodedError):
    """The batch is used up."""

    exit_code = 4


class WorkOrderComplete(CodedError):
    """The work order takes no new unit: it has all, or is closed."""

    exit_code = 5


class Aborted(CodedError):
    """A person stopped the run."""

    exit_code = 130
    verdict = Verdict.ABORTED
