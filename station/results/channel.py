"""One other system: what is sent to it, and one round of sending what waits."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from station.ledger import Outgoing, Results
from station.results.delivery import Answer, Delivery, Outcome, open_delivery
from station.results.settings import ChannelSettings
from station.results.unit_result import result_key, unit_result
from station.results.wsjf import wsjf_report

AT_ONCE_MAX: Final = 50
"""So many results are in memory, and so many faults do not keep the next results back."""
FAULTS_MAX: Final = 3
"""So many faults in a row, and the other system itself is taken for broken."""
CONFLICTS_MAX: Final = 2
_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Round:
    """What one round came to; `trouble` is why something is left, empty when nothing is."""

    delivered: int = 0
    refused: int = 0
    trouble: str = ""
    retry_after_s: float = 0.0


@dataclass
class Channel:
    """A channel of a ledger, ready to send. Not for two threads."""

    name: str
    settings: ChannelSettings
    results: Results
    ledger_id: str
    delivery: Delivery
    is_stopped: Callable[[], bool] = lambda: False
    _conflicts: dict[int, int] = field(default_factory=dict)

    def send_waiting(self) -> Round:
        """Deliver what waits, in order, until nothing is left or nothing can be delivered now. LedgerFault.

        A fault that the other system has with one result lets the others go first.
        """
        sent = Round()
        while not self.is_stopped():
            waiting = self.results.waiting(self.name, AT_ONCE_MAX)
            before = sent.delivered + sent.refused
            if not self._send(waiting, sent):
                return sent
            if sent.delivered + sent.refused == before:
                break
        self.results.advance(self.name)
        return sent

    def send_refused(self) -> Round:
        """Deliver once more what the other system did not take. LedgerFault."""
        sent = Round()
        ids = [one.run_id for one in self.results.refused(self.name)]
        for first in range(0, len(ids), AT_ONCE_MAX):
            if not self._send(self.results.runs(ids[first : first + AT_ONCE_MAX]), sent):
                break
        return sent

    def _send(self, waiting: list[Outgoing], sent: Round) -> bool:
        """Deliver a page; False when the round is over."""
        faults = 0
        sent.trouble = ""
        for outgoing in waiting:
            if self.is_stopped():
                return False
            answer = self._deliver(outgoing)
            match answer.outcome:
                case Outcome.DELIVERED:
                    sent.delivered += 1
                    faults = 0
                case Outcome.REFUSED:
                    sent.refused += 1
                    faults = 0
                case _:
                    faults += 1
                    sent.trouble, sent.retry_after_s = answer.cause, answer.retry_after_s
                    if answer.outcome is Outcome.AWAY or faults == FAULTS_MAX:
                        return False
        return True

    def _deliver(self, outgoing: Outgoing) -> Answer:
        """Deliver one result and write down what became of it, unless it is to be tried again."""
        run = outgoing.run
        key = result_key(self.ledger_id, self.name, run.id)
        name = f"{run.at:%Y%m%dT%H%M%SZ}_{run.mac.replace(':', '')}_{run.verdict}_{key}"
        answer = self.delivery.deliver(name, self._document(outgoing, key), key)
        if answer.outcome is Outcome.CONFLICT:
            # It has a request with this key: the one before this station was killed, at work or done.
            seen = self._conflicts[run.id] = self._conflicts.get(run.id, 0) + 1
            answer = Answer(Outcome.DELIVERED) if seen >= CONFLICTS_MAX else answer
        if answer.outcome in (Outcome.DELIVERED, Outcome.REFUSED):
            self._conflicts.pop(run.id, None)
            refused = answer.cause if answer.outcome is Outcome.REFUSED else None
            self.results.note(self.name, run.id, refused)
            if refused is not None:
                _LOG.warning("channel %s does not take run %d: %s", self.name, run.id, refused)
        return answer

    def _document(self, outgoing: Outgoing, key: UUID) -> bytes:
        if self.settings.wats is not None:
            text = json.dumps(wsjf_report(outgoing, key, self.settings.wats), ensure_ascii=False)
        else:
            text = unit_result(outgoing, self.ledger_id, key).model_dump_json()
        return text.encode("utf-8")


def open_channel(name: str, settings: ChannelSettings, results: Results) -> Channel:
    """Give a channel of a ledger; one that is new begins with the runs that end from now on. LedgerFault."""
    results.begin(name)
    return Channel(name, settings, results, results.ledger_id(), open_delivery(settings))
