"""A process that is killed between any two calls loses nothing: another one finds each certificate in one state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.ledger import Ledger, event_hash
from station.verdict import Verdict
from tests.ledger.making import begin, mac_of, name, write_csv

PROGRAM = """
import os, signal, sys
from pathlib import Path
from station.ledger import Ledger
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import chip_of

calls_left = int(sys.argv[2])

def call(function, *given, **named):
    global calls_left
    if not calls_left:
        os.kill(os.getpid(), signal.SIGKILL) if hasattr(signal, "SIGKILL") else os._exit(9)
    calls_left -= 1
    return function(*given, **named)

ledger = Ledger.open(Path(sys.argv[1]))
run = call(ledger.begin_run, lane=1, port="COM1", profile="p", firmware_version="1", batch="batch", operator="Li")
call(ledger.identify_run, run, chip_of(1))
call(ledger.allocate, run)
call(ledger.begin_installing, run)
call(ledger.record_step, run, Step.WRITE, StepState.DONE, 1.0)
call(ledger.finish_run, run, Verdict.PASS, seconds=1.0, code=None, message="")
call(lambda: None)
"""
AFTER = ["available", "available", "available", "allocated", "installing", "installing", "installed"]
OPEN_MACS = [[], [None], *[[mac_of(1)]] * 4, []]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("calls", range(7))
def test_a_process_killed_between_two_calls_loses_nothing(data: Path, tmp_path: Path, calls: int) -> None:
    with Ledger.open(data) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", [1, 2]))

    done = subprocess.run([sys.executable, "-c", PROGRAM, data, str(calls)], cwd=ROOT, check=False)

    assert done.returncode != 0
    with Ledger.open(data) as ledger:
        assert [row.state for row in ledger.certificates("batch")] == [AFTER[calls], "available"]
        assert [run.mac for run in ledger.unfinished_runs()] == OPEN_MACS[calls]
        run = begin(ledger, 1)
        allocation = ledger.allocate(run)
        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

        assert allocation.certificate.identity.device_name == name(1)
        assert [row.state for row in ledger.certificates("batch")] == [CertificateState.INSTALLED, "available"]
        assert ledger.unfinished_runs() == []
        events = list(ledger.audit_events())
        assert all(event_hash(event) == event.hash for event in events)
        assert [event.number for event in events] == list(range(1, len(events) + 1))


def test_an_import_killed_in_the_middle_leaves_nothing(data: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "batch.csv", range(20_000))
    Ledger.open(data).close()
    program = (
        "import os, sys; from pathlib import Path; from station.ledger import Ledger\n"
        "die = lambda done, total: os._exit(9) if done > total * 0.6 else None\n"
        "Ledger.open(Path(sys.argv[1])).import_batch(Path(sys.argv[2]), progress=die)"
    )

    done = subprocess.run([sys.executable, "-c", program, data, path], check=False)

    assert done.returncode == 9
    with Ledger.open(data) as ledger:
        assert ledger.batches() == []
        assert ledger.import_batch(path).imported == 20_000
