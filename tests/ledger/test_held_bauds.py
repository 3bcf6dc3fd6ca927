"""What each adapter holds is kept from one shift to the next."""

from __future__ import annotations

from pathlib import Path

from station.held_baud import HeldBaud
from station.ledger import Ledger


def test_what_was_kept_last_is_there_after_a_restart(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        assert ledger.held_bauds.of("usb 1") is None
        ledger.held_bauds.keep("usb 1", HeldBaud(921600, 3))
        ledger.held_bauds.keep("usb 1", HeldBaud(1_500_000, 0, 2_000_000, 1))
        ledger.held_bauds.keep("usb 2", HeldBaud(115200))
    with Ledger.open(tmp_path, read_only=True) as ledger:
        assert ledger.held_bauds.of("usb 1") == HeldBaud(1_500_000, 0, 2_000_000, 1)
