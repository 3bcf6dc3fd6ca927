"""How far a decision about one unit is: one frozen value, and the steps from one to the next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from station.certificate import Secret
from station.errors import Code, CodedError, NotAllowed
from station.ledger import UnitStanding
from station.line.decision import CarriedChoice, Decision
from station.texts import Texts
from station.unit import Disposition, Mac

Option = Disposition | CarriedChoice | None
"""Where a unit goes, what becomes of its foreign certificate, or (None) that it may go on."""
_PLACES: Final = (Disposition.REWORK, Disposition.HOLD, Disposition.SCRAP)


class Stage(StrEnum):
    """How far the decision is."""

    LOOKING = "looking"
    WHERE = "where"
    REASON = "reason"
    LEAD = "lead"
    PIN = "pin"
    RECORDING = "recording"


_BEFORE: Final = {Stage.REASON: Stage.WHERE, Stage.LEAD: Stage.REASON, Stage.PIN: Stage.LEAD}


@dataclass(frozen=True, slots=True)
class Subject:
    """The unit to decide about, and what was wrong with it. Lane 0: at none."""

    mac: Mac
    device_name: str = ""
    code: str | None = None
    lane: int = 0


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What is known of the unit, what was chosen and said so far, and why the last step was refused. Never a PIN."""

    subject: Subject
    stage: Stage = Stage.LOOKING
    standing: UnitStanding = UnitStanding()  # noqa: RUF009  frozen
    choice: Option = None
    reason: str = ""
    lead: str = ""
    error: CodedError | None = None

    @property
    def options(self) -> tuple[Option, ...]:
        """Where the unit can go; what becomes of a foreign certificate, while the unit stands in its lane."""
        foreign = self.subject.code == Code.FOREIGN_CERTIFICATE and self.subject.lane
        carried = tuple(CarriedChoice) if foreign else ()
        return (*carried, *_PLACES, None) if self.standing.disposition else (*carried, *_PLACES)

    @property
    def place(self) -> Disposition | None:
        return self.choice if isinstance(self.choice, Disposition) else None

    @property
    def carried(self) -> CarriedChoice | None:
        return self.choice if isinstance(self.choice, CarriedChoice) else None

    def likely_reason(self, texts: Texts) -> str:
        """Give the reason to put the unit aside that is proposed: what was wrong with it."""
        failure = texts.failure(self.subject.code) if self.choice is not None else None
        return f"{self.subject.code} {failure.title}" if failure else ""

    def at(self, stage: Stage) -> DecisionView:
        """Go to a stage; what was refused before is over."""
        return replace(self, stage=stage, error=None)

    def found(self, standing: UnitStanding) -> DecisionView:
        """What was decided before is known: now it is asked where the unit goes."""
        return replace(self.at(Stage.WHERE), standing=standing)

    def chosen(self, number: int) -> DecisionView:
        """One of the options is taken: now it is asked why."""
        return replace(self.at(Stage.REASON), choice=self.options[number])

    def because(self, reason: str) -> DecisionView:
        """The reason is said; who may decide is not known yet."""
        return replace(self.at(Stage.REASON), reason=reason)

    def led_by(self, lead: str) -> DecisionView:
        """A line lead is named: now the PIN is asked for."""
        return replace(self.at(Stage.PIN), lead=lead)

    def refused(self, error: CodedError) -> DecisionView:
        """It could not be done: what was answered wrong is asked again."""
        stage = self.stage
        if stage is Stage.RECORDING:
            again = Stage.LEAD if self.lead else Stage.REASON
            stage = Stage.PIN if isinstance(error, NotAllowed) else again
        return replace(self, stage=stage, error=error)

    def back(self) -> DecisionView | None:
        """Go one question back; None before the first. What is being recorded goes nowhere."""
        if self.stage is Stage.RECORDING:
            return self
        return self.at(_BEFORE[self.stage]) if self.stage in _BEFORE else None

    def decision(self, pin: Secret) -> Decision:
        """Give what is to be recorded."""
        subject = self.subject
        return Decision(subject.mac, self.place, self.reason, subject.lane, self.lead, pin, carried=self.carried)
