"""Whatever a person decides about a unit or a certificate stands in the log: old value, new value, who, and why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from station.ledger import Ledger
from station.line.decision import LeadDecision
from station.profile.security import SecurityExpectation
from station.unit import Disposition, Mac
from station.verdict import Verdict
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit, unit_number

WHY: Final = "seen by the quality desk"
LEAD: Final = LeadDecision("Wang", WHY, by_line_lead=False)
Told = tuple[str, dict[str, Any]]
"""Who decided, and the event's data."""


def told(ledger: Ledger, kind: str) -> list[Told]:
    """Give who decided in each event of a kind, and its data."""
    found = [event for event in ledger.audit_events() if event.kind == kind]
    return [(str(event.data.get("decided_by", event.operator)), dict(event.data)) for event in found]


def passed(desk: Desk) -> Mac:
    unit = unit_number(1)
    assert desk.walk(FakeChip(unit)).verdict is Verdict.PASS
    return unit.mac


def from_elsewhere(desk: Desk, folder: Path) -> FakeUnit:
    """A unit with the first certificate of this batch, flashed by another station."""
    unit = unit_number(9)
    with Ledger.open(folder / "other") as ledger:
        Desk(desk.recipe, ledger, ledger.import_batch(folder / "batch.csv").batch).walk(FakeChip(unit))
    return unit


def void(desk: Desk, _folder: Path) -> list[Told]:
    desk.ledger.void(passed(desk), reason=WHY, operator="Wang")
    return told(desk.ledger, "certificate_voided")


def disposed(first: Disposition | None, then: Disposition | None) -> Callable[[Desk, Path], list[Told]]:
    def deed(desk: Desk, _folder: Path) -> list[Told]:
        mac = passed(desk)
        if first is not None:
            desk.ledger.dispositions.put(mac, first, reason="before", operator="Li W.")
        desk.ledger.dispositions.put(mac, then, reason=WHY, operator="Wang")
        return told(desk.ledger, "unit_disposed")[-1:]

    return deed


def scrapped_certificate(desk: Desk, _folder: Path) -> list[Told]:
    desk.ledger.dispositions.put(passed(desk), Disposition.SCRAP, reason=WHY, operator="Wang")
    return told(desk.ledger, "certificate_voided")


def keep(desk: Desk, folder: Path) -> list[Told]:
    assert desk.walk(FakeChip(from_elsewhere(desk, folder)), keep_foreign=LEAD).verdict is Verdict.PASS
    return told(desk.ledger, "certificate_kept")


def replaced(kind: str) -> Callable[[Desk, Path], list[Told]]:
    def deed(desk: Desk, folder: Path) -> list[Told]:
        assert desk.walk(FakeChip(from_elsewhere(desk, folder)), replace_foreign=LEAD).verdict is Verdict.PASS
        return told(desk.ledger, kind)

    return deed


def force(desk: Desk, _folder: Path) -> list[Told]:
    profile = desk.recipe.profile
    security = profile.security.model_copy(update={"expect": SecurityExpectation.JTAG_DISABLED})
    desk.recipe = replace(desk.recipe, profile=profile.model_copy(update={"security": security}))
    assert desk.walk(FakeChip(unit_number(1)), force_security=LEAD).verdict is Verdict.PASS
    return told(desk.ledger, "security.forced")


def gap(kind: str) -> Callable[[Desk, Path], list[Told]]:
    def deed(desk: Desk, folder: Path) -> list[Told]:
        desk.ledger.back_up(folder / "backup")
        passed(desk)
        desk.ledger.close()
        for suffix in ("-wal", "-shm"):
            (folder / f"data/ledger.sqlite3{suffix}").unlink(missing_ok=True)
        shutil.copyfile(folder / "backup", folder / "data/ledger.sqlite3")
        with Ledger.open(folder / "data", despite_gap=True) as ledger:
            ledger.accept_gap(reason=WHY, operator="Wang", skip=1)
            return told(ledger, kind)

    return deed


R, H, S = Disposition.REWORK, Disposition.HOLD, Disposition.SCRAP
ELSEWHERE: Final = ({"device_name": "unit-000001"}, {"device_name": "unit-000002"})


@pytest.mark.parametrize(
    ("deed", "old", "new"),
    [
        pytest.param(void, "installed", "void", id="void"),
        pytest.param(disposed(None, R), None, "rework", id="rework"),
        pytest.param(disposed(R, H), "rework", "hold", id="hold"),
        pytest.param(disposed(H, S), "hold", "scrap", id="scrap"),
        pytest.param(disposed(S, None), "scrap", None, id="use again"),
        pytest.param(scrapped_certificate, "installed", "void", id="certificate of a scrapped unit"),
        pytest.param(keep, "installing", "installing", id="keep"),
        pytest.param(replaced("certificate.replaced"), *ELSEWHERE, id="replace"),
        pytest.param(replaced("certificate_voided"), "installing", "void", id="certificate replaced"),
        pytest.param(force, "F14", "forced", id="force"),
        pytest.param(gap("gap_accepted"), None, None, id="gap"),
        pytest.param(gap("certificate_voided"), "available", "void", id="certificate skipped in a gap"),
    ],
)
def test_a_decision_is_recorded_with_old_value_new_value_name_and_reason(
    desk: Desk, tmp_path: Path, deed: Callable[[Desk, Path], list[Told]], old: object, new: object
) -> None:
    ((who, data),) = deed(desk, tmp_path)

    assert who == "Wang"
    assert WHY in str(data["reason"])
    if "recorded" in data:  # of a gap: how far the log had come, and how far the ledger comes
        assert int(data["recorded"]) - int(data["found"]) == data["missing"] > 0
        return
    assert data["line_lead"] is False
    for value, wanted in ((data["from"], old), (data["to"], new)):
        shown = {key: value[key] for key in wanted} if isinstance(wanted, dict) else value
        assert shown == wanted
