"""How a run's steps and its verdict get into the ledger: at once, or, when the factory's server is away, when it is back.

No verdict is lost for want of a server: what it does not take is kept in the data folder (`VerdictSpool`), and recorded as soon as
it answers, by this process or by the next that opens the ledger. A commit whose outcome nobody knows is the same: the run itself
tells, when its verdict is recorded again, that it has it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import select

from station.errors import CertificateHeld, Code, InternalFault, LedgerFault, RunLost
from station.ledger import run_ends as _ends
from station.ledger import runs as _runs
from station.ledger.allocated import Allocated
from station.ledger.audit import Change, iso_utc
from station.ledger.certificates import left_in_batch
from station.ledger.opening import Opened
from station.ledger.proof import Proof
from station.ledger.quick import QuickConnection
from station.ledger.records import Allocation, StepRecord, VerdictRecord
from station.ledger.run_events import record_missing_steps, record_step
from station.ledger.server_history import ServerHistory
from station.ledger.verdict_spool import KeptVerdict, VerdictSpool
from station.verdict import Verdict

_LOG: Final = logging.getLogger("station.ledger")
PATIENCE_S: Final = 15.0
"""How long a unit in the fixture waits for a server that was restarted."""
RETRY_PERIOD_S: Final = 0.5
_T = TypeVar("_T")


@dataclass(slots=True)
class _OpenRun:
    """A run of this process: its token, and its steps, which a server that dies may lose until the verdict is on its disk."""

    process: str
    steps: tuple[StepRecord, ...] = ()


class RunRecorder:
    """One ledger's. An embedded one keeps nothing: whatever fails there is the caller's at once."""

    def __init__(
        self,
        opened: Opened,
        changing: Callable[..., AbstractContextManager[Change]],
        clock: Callable[[], datetime],
        proof: Proof,
        server: ServerHistory,
    ) -> None:
        self._changing = changing
        self._reading = opened.database.reading
        self._keys = opened.keys
        self._clock = clock
        self._proof = proof
        self._server = server
        keeps = opened.database.dialect.is_shared and proof.signer is not None
        self._spool = VerdictSpool(opened.data, opened.keys.ledger_id) if keeps else None
        self._runs: dict[int, _OpenRun] = {}
        self._is_away = False
        self._closing = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, process: str, write: Callable[[Change], int]) -> int:
        """Write a new run, which is known here from before its commit on, and give its number."""
        run_id = None
        try:
            with self._changing(durable=False) as change:
                run_id = write(change)
                self._runs[run_id] = _OpenRun(process)
        except BaseException:
            if run_id is not None:
                self._runs.pop(run_id, None)
            raise
        return run_id

    def knows(self, run_id: int) -> bool:
        """Say whether this is a run of this process whose verdict the ledger has not."""
        return run_id in self._runs

    def step(self, run_id: int, record: StepRecord) -> None:
        """Write a step's event; with a factory's server away it is kept for the next that the run writes."""
        run = self._runs.get(run_id)
        if self._spool is None or run is None:
            with self._changing(durable=False) as change:
                record_step(change, _runs.open_run(change, run_id), record)
            return
        run.steps = (*run.steps, record)
        if self._is_away:
            return
        try:
            with self._changing(durable=False) as change:
                record_missing_steps(change, _runs.open_run(change, run_id), run.steps)
        except LedgerFault as fault:
            self._lost(fault)

    def finish(self, run_id: int, record: VerdictRecord) -> None:
        """Write the verdict, or keep it until the server takes it; LedgerFault when neither can be."""
        run = self._runs.get(run_id)
        if self._spool is None or run is None:
            self._record(run_id, (), record)
            return
        kept = KeptVerdict(run.process, run_id, iso_utc(self._clock()), run.steps, record)
        if not self._is_away:
            try:
                self._record(run_id, run.steps, record)
            except LedgerFault as fault:
                self._lost(fault)
            else:
                return
        self._spool.keep(kept)

    def patiently(self, act: Callable[[Change], _T], *, durable: bool = True, urgent: bool = True) -> _T:
        """Change what may be changed twice, again and again while a factory's server is away; after a while LedgerFault."""

        def change_it() -> _T:
            with self._changing(durable=durable, urgent=urgent) as change:
                return act(change)

        return self._waiting_for_server(change_it)

    def hand_out(self, take: Callable[[Change], Allocated]) -> Allocation:
        """Take a certificate and read its secrets, with patience; CertificateHeld when another takes it from the unit in between.

        A server that was restarted in between may have lost that it was taken, so it is taken once more.
        """
        for _ in range(2):
            taken, allocation = self._waiting_for_server(lambda: self._taken_and_read(take))
            if allocation is not None:
                return allocation
        raise CertificateHeld(
            Code.FOREIGN_CERTIFICATE,
            f"certificate {taken.row.device_name} was taken from the unit in the same instant",
            "Insert the unit again",
            f"lane {taken.run.lane}",
        )

    def _taken_and_read(self, take: Callable[[Change], Allocated]) -> tuple[Allocated, Allocation | None]:
        allocation: Allocation | None = None

        def read(connection: QuickConnection) -> None:
            nonlocal allocation
            allocation = taken.read(connection, change.dialect, self._keys)

        with self._changing(durable=False, urgent=True, then=read) as change:
            taken = take(change)
        return taken, allocation

    def _waiting_for_server(self, act: Callable[[], _T]) -> _T:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return act()
            except LedgerFault as fault:
                is_away = self._spool is not None and fault.code is Code.LEDGER_UNREACHABLE
                is_over = time.monotonic() > deadline or self._closing.is_set()
                if not is_away or is_over or isinstance(fault, RunLost):
                    raise
                self._lost(fault)
                self._closing.wait(RETRY_PERIOD_S)

    @property
    def kept(self) -> int:
        """How many verdicts wait here for the server."""
        return 0 if self._spool is None else len(self._spool)

    def require_server(self) -> None:
        """Have the server take what is kept; LedgerFault, which tells how much is kept, while it cannot: no unit may start.

        LEDGER_BEHIND while a station has not looked at a server that was restored.
        """
        if self._spool is None:
            return
        try:
            self.record_kept()
            self._server.require_cleared()
        except LedgerFault as fault:
            raise self.told(fault) from None

    def told(self, fault: LedgerFault) -> LedgerFault:
        """Give the fault with the number of verdicts that are kept here."""
        kept = self.kept
        if fault.code is not Code.LEDGER_UNREACHABLE or self._spool is None:
            return fault
        mend = f"Look at the network cable and at the server; no new unit starts until it is back, {kept} verdicts are kept here"
        return LedgerFault(fault.code, fault.cause, mend, fault.place, facts={"kept": kept})

    def record_kept(self) -> int:
        """Record all that is kept; give how many verdicts that were. LedgerFault when the server is away, even with none."""
        if self._spool is None:
            return 0
        done = 0
        try:
            with self._reading() as connection:
                connection.execute(select(1))
            self._server.require_seen()
            if self.kept:
                with self._spool.emptying():
                    while (oldest := self._spool.oldest()) is not None:
                        self._record_late(oldest[1])
                        self._forget(oldest[1])
                        self._spool.remove(oldest[0])
                        done += 1
        except LedgerFault as fault:
            self._lost(fault)
            raise
        finally:
            if done:
                self._proof.keep_up()
        if self._is_away:
            _LOG.info("the ledger's server is back, %d kept verdicts are recorded", done)
        self._is_away = False
        return done

    def record_earlier(self) -> None:
        """Record what an earlier process kept, now or as soon as the server takes it; not into a ledger with a gap. LedgerFault."""
        if self._proof.gap is not None:
            return
        self._server.require_seen()
        if not self.kept:
            return
        try:
            self.record_kept()
        except (LedgerFault, InternalFault) as fault:
            _LOG.warning("%d verdicts are still kept: %s", self.kept, fault.code)

    def close(self) -> None:
        """Stop trying; what is kept stays for the next process."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self._spool is not None:
            self._spool.close()

    def _record(self, run_id: int, steps: tuple[StepRecord, ...], record: VerdictRecord) -> None:
        with self._changing() as change:
            run = _runs.open_run(change, run_id)
            _ends.end_run(change, run, steps, record)
            self._sign_batch_end(change, run.batch_id, record)
        self._runs.pop(run_id, None)
        self._proof.keep_up()

    def _record_late(self, kept: KeptVerdict) -> None:
        try:
            with self._changing() as change:
                batch_id = _ends.record_late(change, kept)
                if batch_id is not None:
                    self._sign_batch_end(change, batch_id, kept.verdict)
        except InternalFault as fault:  # one that the database refuses must not keep the others from being recorded
            _LOG.error("a kept verdict of run %d was refused: %s", kept.run_id, fault.cause)
            with self._changing() as change:
                _ends.note_late(change, kept)

    def _forget(self, kept: KeptVerdict) -> None:
        run = self._runs.get(kept.run_id)
        if run is not None and run.process == kept.process:
            del self._runs[kept.run_id]

    def _sign_batch_end(self, change: Change, batch_id: int, record: VerdictRecord) -> None:
        if record.verdict is Verdict.PASS and left_in_batch(change.connection, batch_id) == 0:
            self._proof.sign(change, "batch_end")

    def _lost(self, fault: LedgerFault) -> None:
        if not self._is_away:
            _LOG.warning("the ledger's server does not take what it is told: %s", fault.code)
        self._is_away = True
        self._look_after()

    def _look_after(self) -> None:
        with self._guard:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._keep_trying, name="verdict-spool", daemon=True)
                self._thread.start()

    def _keep_trying(self) -> None:
        while not self._closing.wait(RETRY_PERIOD_S):
            try:
                if self._is_away or self.kept:
                    self.record_kept()
            except (LedgerFault, InternalFault):
                continue  # the lane that wants to start a unit tells it
