"""`station run` told to end from outside: the units in hand and the record are left in good order, with the signal's exit code."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from station.ledger import Ledger
from tests.end_to_end.conftest import clean_environment
from tests.end_to_end.quick_units import PRODUCT_KEY, quick_fixture
from tests.end_to_end.watched_station import desk_in

LIMIT_S = 20.0


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is POSIX's")
def test_a_kill_ends_the_screen_with_its_exit_code_and_the_operator_signed_out(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.import_certificates(PRODUCT_KEY)
    with Ledger.open(desk.data) as ledger:
        ledger.operators.add("Li", by="root")
        ledger.operators.decline_first_lead(by="root")
    ours, theirs = os.openpty()  # type: ignore[attr-defined,unused-ignore]  # POSIX
    with quick_fixture() as fixture:
        process = subprocess.Popen(
            desk.arguments("run", desk.profiles / "quick.yaml", "--port", fixture.url),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=clean_environment() | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        try:
            _read_until(ours, b"badge")
            os.write(ours, b"Li\r")
            _read_until(ours, b"images")
            process.send_signal(signal.SIGTERM)
            _read_until(ours, None)
            assert process.wait(LIMIT_S) == 128 + signal.SIGTERM
        finally:
            process.kill()
            process.wait()
            os.close(ours)
    with Ledger.open(desk.data) as ledger:
        events = [(event.kind, event.operator) for event in ledger.audit_events()]
        assert ledger.unfinished_runs() == []
    assert ("signed_in", "Li") in events
    assert ("signed_out", "Li") in events


def _read_until(terminal: int, words: bytes | None) -> None:
    """Take what the screen says until it says this, or (None) until nobody speaks any more."""
    shown, deadline = b"", time.monotonic() + LIMIT_S
    while words is None or words not in shown:
        assert time.monotonic() < deadline, shown[-2000:]
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                got = os.read(terminal, 65536)
            except OSError:  # the last one at the other end has gone
                got = b""
            if not got:
                assert words is None, shown[-2000:]
                return
            shown += got
