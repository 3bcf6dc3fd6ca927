"""The certificate's life under any order of events: a model beside the ledger, compared after every step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from station.certificate import CertificateState
from station.errors import ChipError, Code, NoCertificateLeft, UsageError
from station.ledger import Ledger, event_hash
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, chip_of, mac_of, name, write_csv

CERTIFICATES = 5
UNITS = st.integers(1, 7)
LANES = st.integers(1, 3)
AVAILABLE, ALLOCATED, INSTALLING, INSTALLED, VOID = (
    CertificateState(word) for word in ("available", "allocated", "installing", "installed", "void")
)
LIVE = {ALLOCATED, INSTALLING, INSTALLED}


class Life(RuleBasedStateMachine):
    """Lanes begin, allocate, install and finish; the process dies; a line lead makes certificates void."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.states = dict.fromkeys(range(1, CERTIFICATES + 1), AVAILABLE)
        self.macs: dict[int, str] = {}
        self.lanes: dict[int, tuple[int, int]] = {}  # lane: run, unit
        self.holding: dict[int, int] = {}  # run: certificate
        self.dead: dict[int, int] = {}  # unit: run that a dead process left open

    @initialize()
    def start(self) -> None:
        self.ledger = Ledger.open(self.folder / "data")
        self.ledger.import_batch(write_csv(self.folder / "batch.csv", range(1, CERTIFICATES + 1)))

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    def held_by(self, unit: int) -> int | None:
        """The live certificate of a unit."""
        return next((c for c, mac in self.macs.items() if mac == mac_of(unit) and self.states[c] in LIVE), None)

    def free(self, run: int) -> None:
        """A run is over: what it had only allocated is available again."""
        certificate = self.holding.pop(run, None)
        if certificate is not None and self.states[certificate] is ALLOCATED:
            self.states[certificate] = AVAILABLE
            del self.macs[certificate]

    @rule(lane=LANES, unit=UNITS)
    def insert(self, lane: int, unit: int) -> None:
        if lane in self.lanes:
            return
        run = begin(self.ledger, lane=lane)
        elsewhere = any(other == unit for _, other in self.lanes.values())
        try:
            self.ledger.identify_run(run, chip_of(unit))
        except ChipError:
            assert elsewhere
            self.ledger.finish_run(run, Verdict.FAIL, seconds=1, code=Code.UNIT_ON_OTHER_LANE, message="")
            return
        assert not elsewhere
        left_open = self.dead.pop(unit, None)
        if left_open is not None and left_open in self.holding:
            certificate = self.holding.pop(left_open)
            if self.states[certificate] is ALLOCATED:
                self.holding[run] = certificate
        self.lanes[lane] = run, unit

    @rule(lane=LANES)
    def allocate(self, lane: int) -> None:
        if lane not in self.lanes:
            return
        run, unit = self.lanes[lane]
        mine = self.held_by(unit)
        available = [c for c, state in self.states.items() if state is AVAILABLE]
        if mine is None and not available:
            for stale in [u for u, r in self.dead.items() if self.states.get(self.holding.get(r, 0)) is ALLOCATED]:
                self.free(self.dead.pop(stale))
            available = [c for c, state in self.states.items() if state is AVAILABLE]
        try:
            allocation = self.ledger.allocate(run)
        except NoCertificateLeft:
            assert mine is None
            assert not available
            return
        expected = mine or min(available)
        assert allocation.certificate.identity.device_name == name(expected)
        assert allocation.resumed == (mine is not None)
        if mine is None:
            self.states[expected] = ALLOCATED
            self.macs[expected] = mac_of(unit)
        self.holding[run] = expected
        assert allocation.state is self.states[expected]

    @rule(lane=LANES)
    def install(self, lane: int) -> None:
        if lane not in self.lanes or self.lanes[lane][0] not in self.holding:
            return
        run, _ = self.lanes[lane]
        self.ledger.begin_installing(run)
        if self.states[self.holding[run]] is ALLOCATED:
            self.states[self.holding[run]] = INSTALLING

    @rule(lane=LANES, passed=st.booleans())
    def finish(self, lane: int, passed: bool) -> None:
        if lane not in self.lanes:
            return
        run, _ = self.lanes[lane]
        certificate = self.holding.get(run)
        really = passed and certificate is not None and self.states[certificate] in {INSTALLING, INSTALLED}
        verdict, code = (Verdict.PASS, None) if really else (Verdict.FAIL, Code.NO_BOOT)
        self.ledger.finish_run(run, verdict, seconds=1, code=code, message="")
        if really and certificate is not None:
            self.states[certificate] = INSTALLED
        self.free(run)
        del self.lanes[lane]

    @rule(certificate=st.integers(1, CERTIFICATES))
    def make_void(self, certificate: int) -> None:
        in_hand = any(self.holding.get(run) == certificate for run, _ in self.lanes.values())
        try:
            self.ledger.void(name(certificate), reason="because", operator="lead")
        except UsageError:
            assert in_hand or self.states[certificate] is VOID
            return
        assert not in_hand
        dead = next((unit for unit, run in self.dead.items() if self.holding.get(run) == certificate), None)
        if dead is not None:
            self.free(self.dead.pop(dead))
        self.states[certificate] = VOID

    @precondition(lambda self: self.lanes)
    @rule()
    def die(self) -> None:
        self.ledger.close()
        self.dead |= {unit: run for run, unit in self.lanes.values()}
        self.lanes.clear()
        self.ledger = Ledger.open(self.folder / "data")
        assert {one.mac for one in self.ledger.unfinished_runs()} == {mac_of(unit) for unit in self.dead}

    @rule()
    def import_again(self) -> None:
        assert self.ledger.import_batch(self.folder / "batch.csv").imported == 0

    @invariant()
    def ledger_and_model_agree(self) -> None:
        rows = self.ledger.certificates("batch")
        assert {row.position: row.state for row in rows} == self.states
        assert {row.position: row.mac for row in rows if row.mac} == self.macs
        live = [(row.mac, PRODUCT) for row in rows if row.state in LIVE]
        assert len(live) == len(set(live))
        counts = self.ledger.batch("batch").counts
        assert all(counts[state] == list(self.states.values()).count(state) for state in CertificateState)

    @invariant()
    def the_chain_is_whole(self) -> None:
        prev = "0" * 64
        for event in self.ledger.audit_events():
            assert (event.prev, event.hash) == (prev, event_hash(event))
            prev = event.hash


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
