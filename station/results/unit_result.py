"""The station's own document of a result, and its published schema. A version of it only ever gets more keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from station.ledger import Outgoing
from station.verdict import Step, Verdict

FORMAT: Final = "flashing-station/unit-result"


class StepResult(BaseModel):
    """A step that was begun."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    step: Step
    """detect, identify, allocate, write, verify, start or online."""
    seconds: float
    """How long it took."""
    passed: bool
    """False for the step at which the run ended without PASS."""


class UnitResult(BaseModel):
    """What became of a unit in one run."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    format: Literal["flashing-station/unit-result"]
    """The kind of this document."""
    version: Literal[1]
    """1. Keys may be added within a version."""
    key: UUID
    """Name of this result on this channel, the same however often it is sent: whoever has it already takes it once."""
    ledger: str
    """Name of the ledger; run numbers are its own."""
    run: int
    """Number of the run in the ledger."""
    attempt: int
    """How often the unit was in a lane so far, from 1."""
    station: str
    """Name of the station."""
    lane: int
    """Number of the lane."""
    operator: str
    """Who worked there."""
    verdict: Verdict
    """PASS; FAIL: the unit is bad; ERROR: the station is bad; ABORTED: somebody stopped it."""
    code: str | None
    """Failure code; none with PASS."""
    message: str
    """What was found, in English; empty with PASS."""
    started_at: datetime
    """When the unit was met; ISO 8601 in UTC."""
    finished_at: datetime
    """When the verdict was recorded."""
    seconds: float
    """How long the walk took."""
    steps: list[StepResult]
    """In the order of the walk."""
    mac: str
    """The unit's base MAC."""
    serial_number: str | None
    """What its label says, where the profile wants one."""
    chip: str | None
    """The chip's kind."""
    product_key: str
    """The product."""
    device_name: str | None
    """The unit's certificate; never its secret."""
    batch: str
    """Where its certificate comes from."""
    work_order: str | None
    """Number of the work order."""
    profile: str
    """The profile's name."""
    firmware_version: str
    """The firmware's version."""
    regions_sha256: dict[str, str]
    """SHA-256 of each region that the unit was to have; the credentials are not among them."""


def result_key(ledger_id: str, channel: str, run_id: int) -> UUID:
    """Give the name of a result on a channel: UUID version 5 in the ledger's own namespace."""
    return uuid5(UUID(ledger_id), f"{channel}/{run_id}")


def unit_result(outgoing: Outgoing, ledger_id: str, key: UUID) -> UnitResult:
    """Give the document of a run."""
    run = outgoing.run
    steps = [StepResult(step=step, seconds=seconds, passed=passed) for step, seconds, passed in steps_of(outgoing)]
    return UnitResult(
        format=FORMAT,
        version=1,
        key=key,
        ledger=ledger_id,
        run=run.id,
        attempt=outgoing.attempt,
        station=run.station,
        lane=run.lane,
        operator=run.operator,
        verdict=run.verdict,
        code=run.code,
        message=run.message,
        started_at=run.started_at.astimezone(UTC),
        finished_at=run.at.astimezone(UTC),
        seconds=run.seconds,
        steps=steps,
        mac=run.mac,
        serial_number=run.serial_number,
        chip=outgoing.chip,
        product_key=run.product_key,
        device_name=run.device_name or None,
        batch=run.batch,
        work_order=run.work_order,
        profile=run.profile,
        firmware_version=run.firmware_version,
        regions_sha256=dict(outgoing.regions_sha256),
    )


def steps_of(outgoing: Outgoing) -> list[tuple[Step, float, bool]]:
    """Give the steps that were begun, in the walk's order: which, its seconds, and whether it went well."""
    run = outgoing.run
    begun = [(step, run.steps_s[step]) for step in Step if step is not Step.RECORD and step in run.steps_s]
    last = len(begun) - 1
    return [(step, seconds, run.verdict is Verdict.PASS or place < last) for place, (step, seconds) in enumerate(begun)]


def result_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the document."""
    schema = UnitResult.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Result of a flashing station",
    }
