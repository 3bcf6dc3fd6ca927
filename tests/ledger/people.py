"""Makes what tests about operators need: PINs that cost nothing to hash, and a clock in the hand."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from station.certificate import Secret
from station.ledger import Ledger, Operators, Role

PIN = Secret("804217")
OTHER_PIN = Secret("590326")
WRONG = Secret("111222")


class CheapPins:
    """Hashes at once; counts how often a PIN was looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def hash(self, pin: Secret) -> str:
        return hashlib.sha256(pin.reveal().encode()).hexdigest()

    def matches(self, stored: str, pin: Secret) -> bool:
        self.looks += 1
        return self.hash(pin) == stored


class HandClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 3, 7, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def with_cheap_pins(ledger: Ledger) -> CheapPins:
    """Let a ledger hash PINs at no cost."""
    pins = CheapPins()
    ledger.operators = Operators(ledger._database.reading, ledger._changing, pins)
    return pins


def add_lead(ledger: Ledger, name: str = "Wang", pin: Secret = PIN, badge: str | None = None) -> None:
    """Make a line lead."""
    ledger.operators.add(name, by="test", role=Role.LINE_LEAD, pin=pin, badge=badge)
