"""What the walk without a screen prints, and with which code it ends."""

from __future__ import annotations

import io

import pytest

from station.cli.event_records import event_records
from station.cli.headless import EventPrinter, event_text, exit_code
from station.cli.stopping import Stopped, noted_signals
from station.errors import Code, LedgerFault
from station.events import (
    CertificateAllocated,
    Event,
    LaneClosed,
    LaneWaiting,
    RunStarted,
    StepReported,
    UnitIdentified,
    VerdictReached,
    WaitReason,
)
from station.unit import Mac
from station.verdict import Step, StepState, Verdict

MAC = Mac("24:0a:c4:5e:10:9c")


def verdict(kind: Verdict, code: Code | None = None) -> VerdictReached:
    return VerdictReached(1, 7, kind, MAC, "plug-1", 4.21, code, "why" if code else "", "do this" if code else "")


PASSED = verdict(Verdict.PASS)
FAILED = verdict(Verdict.FAIL, Code.NO_BOOT)
FAULTY = verdict(Verdict.ERROR, Code.PORT_LOST)
USED_UP = verdict(Verdict.ERROR, Code.NO_CERTIFICATE_LEFT)
COMPLETE = verdict(Verdict.ERROR, Code.WORK_ORDER_COMPLETE)
STOPPED = verdict(Verdict.ABORTED, Code.ABORTED)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([PASSED, PASSED], 0),
        ([PASSED, FAILED], 1),
        ([FAILED, USED_UP], 4),
        ([FAILED, USED_UP, FAULTY], 3),
        ([FAILED, COMPLETE], 5),
        ([USED_UP, COMPLETE], 4),
        ([COMPLETE, FAULTY], 3),
        ([FAILED, STOPPED], 1),
        ([PASSED, STOPPED], 130),
    ],
)
def test_the_exit_code_is_that_of_the_worst_verdict(verdicts: list[VerdictReached], code: int) -> None:
    assert exit_code(verdicts) == code


@pytest.mark.parametrize(
    ("event", "records"),
    [
        (
            StepReported(1, Step.WRITE, StepState.PROGRESS, 1.23456, 40960, 181022),
            [
                {
                    "event": "step",
                    "lane": 1,
                    "step": "write",
                    "state": "progress",
                    "seconds": 1.235,
                    "done_bytes": 40960,
                    "total_bytes": 181022,
                }
            ],
        ),
        (
            StepReported(1, Step.VERIFY, StepState.FAILED, 0.5, code="F30", message="why"),
            [
                {
                    "event": "step",
                    "lane": 1,
                    "step": "verify",
                    "state": "failed",
                    "seconds": 0.5,
                    "code": "F30",
                    "message": "why",
                }
            ],
        ),
        (
            PASSED,
            [
                {
                    "event": "verdict",
                    "verdict": "PASS",
                    "lane": 1,
                    "mac": MAC,
                    "device_name": "plug-1",
                    "serial_number": None,
                    "seconds": 4.21,
                    "code": None,
                    "message": "",
                    "mend": "",
                }
            ],
        ),
        (LaneClosed(1), []),
        (RunStarted(1, 7), []),
    ],
)
def test_events_are_the_objects_of_the_contract(event: Event, records: list[dict[str, object]]) -> None:
    assert event_records(event) == records


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (LaneWaiting(2, WaitReason.INSERT_UNIT), "[2] Insert a unit."),
        (LaneWaiting(2, WaitReason.STATION_FAULT, "COM7: gone. Plug it in"), "[2] COM7: gone. Plug it in"),
        (UnitIdentified(1, MAC, "esp32", 4 << 20), f"[1] unit {MAC} (esp32, 4 MB)"),
        (CertificateAllocated(1, MAC, "a1", "plug-1", False, 188), "[1] gets certificate plug-1; 188 left"),
        (CertificateAllocated(1, MAC, "a1", "plug-1", True, 188), "[1] has had certificate plug-1; 188 left"),
        (StepReported(1, Step.START, StepState.BEGUN, message="Press EN"), "[1] Press EN."),
        (StepReported(1, Step.START, StepState.BEGUN), None),
        (PASSED, f"[1] PASS  plug-1  {MAC}  4.2 s"),
        (FAILED, f"[1] FAIL  plug-1  {MAC}  4.2 s\n    F31: why. do this"),
    ],
)
def test_a_person_reads_lines(event: Event, text: str | None) -> None:
    assert event_text(event) == text


@pytest.mark.parametrize("reason", list(WaitReason))
def test_every_wait_has_words(reason: WaitReason) -> None:
    text = event_text(LaneWaiting(1, reason))
    assert text is not None
    assert len(text) > len("[1] ")


class Refusing(io.StringIO):
    """An output that cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, _text: str) -> int:
        raise self._error


def test_a_reader_that_is_gone_is_noted_and_verdicts_are_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Refusing(BrokenPipeError(32, "Broken pipe")))
    printer = EventPrinter(as_json=True)
    printer.hear(PASSED)
    printer.hear(FAILED)
    assert isinstance(printer.fault, Stopped)
    assert printer.fault.status == 141
    assert printer.verdicts == [PASSED, FAILED]


def test_an_output_on_a_full_disk_is_the_disks_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Refusing(OSError(28, "No space left on device")))
    printer = EventPrinter(as_json=False)
    printer.hear(PASSED)
    assert isinstance(printer.fault, LedgerFault)
    assert printer.fault.code is Code.DISK_FULL


def test_a_signal_that_the_parent_switched_off_stays_off() -> None:
    import signal  # noqa: PLC0415  this test alone touches signals

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with noted_signals() as request:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            assert request.number == signal.SIGINT
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    stopped = request.stopped()
    assert stopped is not None
    assert stopped.status == 130
