"""What the shift's people ask of the ledger and decide about units: look back, put aside. Everything here waits for the disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from station.errors import ScanRefused, UsageError, Why
from station.events import Event, UnitDisposed
from station.ledger import AuditEvent, Ledger, OperatorName, RunRow, SignedHead, UnitStanding, UnitStory
from station.line.decision import CarriedAnswer, CarriedChoice, Decision, LeadDecision
from station.line.print_desk import PrintDesk
from station.profile.serial_number import SerialNumber
from station.serial_number import EntryWay
from station.unit import Disposition, Mac

RUNS_MAX: Final = 5000
EARLIER_RUNS_MAX: Final = 200
EVENTS_MAX: Final = 300
_HELD: Final = frozenset({Disposition.HOLD, Disposition.SCRAP})


class ShiftRecord:
    """One shift's door to the ledger. All of its methods raise LedgerFault when that fails."""

    def __init__(
        self,
        ledger: Ledger,
        operator: Callable[[], str],
        report: Callable[[Event], None],
        retry: Callable[[int], None] = lambda _lane: None,
        prints: PrintDesk | None = None,
        rule: SerialNumber | None = None,
    ) -> None:
        """`retry` walks the unit on a lane again; `prints` prints labels, where the shift has any and a printer.

        `rule` says what units' labels look like, where they bear any.
        """
        self.prints = prints
        self._rule = rule
        self._retry = retry
        self._answers: dict[Mac, CarriedAnswer] = {}
        self._ledger = ledger
        self._operator = operator
        self._report = report
        self.began = datetime.now(UTC)
        self.signed_head: SignedHead | None = None
        """The chain's head as it was signed when the last shift ended."""

    def is_label(self, code: str) -> bool:
        """Say whether a scan has the form of a unit's label."""
        return self._rule is not None and self._rule.fits(code)

    def subject_of(self, code: str) -> str:
        """Give the serial number of a unit's whole label; any other code names a unit itself."""
        if self._rule is None:
            return code
        try:
            return self._rule.read(code, EntryWay.SCANNED).serial_number
        except ScanRefused:
            return code

    def sign_off(self) -> None:
        """Let the ledger sign what this shift did."""
        self.signed_head = self._ledger.sign_head("shift_end")

    def begin_anew(self) -> None:
        """The next shift begins now."""
        self.began = datetime.now(UTC)

    def runs(self) -> tuple[RunRow, ...]:
        """Give this shift's finished runs, newest first."""
        return tuple(run for run in self._ledger.runs(limit=RUNS_MAX, since=self.began) if run.verdict is not None)

    def earlier_runs(self) -> tuple[RunRow, ...]:
        """Give the last finished runs before this shift, newest first."""
        runs = self._ledger.runs(limit=EARLIER_RUNS_MAX)
        return tuple(run for run in runs if run.verdict and datetime.fromisoformat(run.started_at) < self.began)

    def story(self, subject: str) -> UnitStory:
        """Give everything about a unit, by MAC, DeviceName, serial number or label; UsageError when it is unknown."""
        return self._ledger.unit(self.subject_of(subject))

    def standing(self, mac: Mac) -> UnitStanding:
        """Give what was decided about a unit."""
        return self._ledger.dispositions.standing(mac)

    def events(self) -> tuple[AuditEvent, ...]:
        """Give the last audit events, newest first."""
        return tuple(self._ledger.newest_events(EVENTS_MAX))

    def take_answer(self, mac: Mac) -> CarriedAnswer | None:
        """Give what was decided about a unit's foreign certificate; it holds for one try."""
        return self._answers.pop(mac, None)

    def lead_needed(self, mac: Mac, disposition: Disposition | None, carried: CarriedChoice | None = None) -> bool:
        """Say whether a line lead's PIN is needed: to scrap, to take from hold or scrap, for a foreign certificate."""
        return self._is_for_lead(mac, disposition, carried) and self._ledger.operators.has_line_lead()

    def decide(self, decision: Decision) -> None:
        """Record a decision about a unit. NotAllowed: who must decide it has not; UsageError without a reason."""
        if not decision.reason.strip():
            raise UsageError("a unit is put aside only with a reason", "Say why", why=Why.NO_REASON)
        operators, name = self._ledger.operators, self._operator()
        action = f"put unit {decision.mac} to {decision.disposition or 'use again'}"
        if decision.carried is not None:
            action = f"{decision.carried} the foreign certificate in unit {decision.mac}"
        by_line_lead = operators.has_line_lead()
        if self._is_for_lead(decision.mac, decision.disposition, decision.carried):
            if by_line_lead:
                name = operators.confirm_line_lead(decision.lead, decision.pin, action=action)
            else:
                operators.note_open_action(OperatorName(name), action=action)
        self._ledger.dispositions.put(
            decision.mac,
            decision.disposition,
            reason=decision.reason,
            operator=name,
            lane=decision.lane or None,
        )
        self._report(UnitDisposed(decision.lane, decision.mac, decision.disposition))
        if decision.carried is not None:
            allowed = LeadDecision(name, decision.reason, by_line_lead)
            self._answers[decision.mac] = CarriedAnswer(decision.carried, allowed)
            self._retry(decision.lane)

    def _is_for_lead(self, mac: Mac, disposition: Disposition | None, carried: CarriedChoice | None) -> bool:
        return carried is not None or disposition is Disposition.SCRAP or self.standing(mac).disposition in _HELD
