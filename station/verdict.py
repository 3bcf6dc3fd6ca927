"""How a run ends, and the steps it goes through (DESIGN §3)."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """PASS; FAIL: the unit is bad; ERROR: the station is bad; ABORTED: the person stopped it."""

    PASS = "PASS"  # noqa: S105  a verdict, not a password
    FAIL = "FAIL"
    ERROR = "ERROR"
    ABORTED = "ABORTED"


class Step(StrEnum):
    """The walk of a unit, in its order."""

    DETECT = "detect"
    IDENTIFY = "identify"
    ALLOCATE = "allocate"
    WRITE = "write"
    VERIFY = "verify"
    START = "start"
    ONLINE = "online"
    RECORD = "record"


class StepState(StrEnum):
    """What a step reports."""

    BEGUN = "begun"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The profile does not ask for it."""
