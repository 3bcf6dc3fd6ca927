"""The judge: invariants I1–I5 of DESIGN §4, looked at after every commit, every byte into a flash, every verdict."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from station.errors import Code, CodedError
from station.events import Event, RunStarted, VerdictReached
from station.ledger import RunRow
from station.unit import Mac
from station.verdict import Verdict
from tests.simulation.hardware import SimUnit
from tests.simulation.product import SECRET_PATTERN, device_name

if TYPE_CHECKING:
    from tests.simulation.process import StationProcess
    from tests.simulation.world import World

BOUND_STATES: Final = frozenset({"installing", "installed", "activated"})
LIVE_STATES: Final = BOUND_STATES | {"allocated"}
FIRST_PREV: Final = "0" * 64
MOVES: Final = frozenset(
    {
        ("available", "allocated"),
        ("available", "void"),
        ("allocated", "available"),
        ("allocated", "installing"),
        ("allocated", "void"),
        ("installing", "installed"),
        ("installing", "void"),
        ("installed", "activated"),
        ("installed", "void"),
        ("activated", "void"),
    }
)


class Violation(BaseException):
    """An invariant does not hold. Not an Exception, so that no handler of the station takes it for its own."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Holding:
    """What the audit log says about one certificate."""

    state: str = "available"
    mac: str | None = None


@dataclass(frozen=True, slots=True)
class _Picture:
    """What the judge knew of the ledger after one commit."""

    holdings: dict[str, Holding]
    open_runs: dict[int, str | None]
    ended_runs: dict[int, str]
    heads: dict[str, tuple[int, str]]
    last_id: int
    last_hash: str


class Judge:
    """Keeps its own picture of the ledger, made from the audit log alone, and compares it with the tables."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.violation: Violation | None = None
        self.holdings: dict[str, Holding] = {}
        self.open_runs: dict[int, str | None] = {}
        self.ended_runs: dict[int, str] = {}
        self.owners: dict[int, StationProcess] = {}
        self.carriers: dict[str, Mac] = {}
        """DeviceName → the unit that its secret ever reached, or that the station saw it in."""
        self.brought: set[tuple[str, Mac]] = set()
        """DeviceNames and units that came with them: nothing else tells in time what was in use before."""
        self.texts: list[str] = []
        self.passes = 0
        self._heads: dict[str, tuple[int, str]] = {}
        self._last_id = 0
        self._last_hash = ""
        self._may_be_left: list[_Picture] = [self._picture()]
        """After the last commit that is on the disk, and after each one since: what a power cut may leave."""
        self._power_was_cut = False

    def require(self, holds: bool, what: str) -> None:
        """Note and raise a violation unless the condition holds."""
        if not holds:
            violation = Violation(what)
            self.violation = self.violation or violation
            raise violation

    # The flash

    def bytes_leave(self, unit: SimUnit, data: bytes) -> None:
        """A region is about to be sent to a unit."""
        for name in secrets_in(data):
            self._require_bound(name, unit.mac, "leave the PC for")

    def flash_changed(self, unit: SimUnit) -> None:
        """Bytes have reached the flash of a unit."""
        for name in secrets_in(unit.credentials()):
            if (name, unit.mac) in self.brought and self.carriers.get(name) != unit.mac:
                continue
            first = self.carriers.setdefault(name, unit.mac)
            self.require(first == unit.mac, f"I1: {name} has reached {first}, and now {unit.mac}")
            self._require_bound(name, unit.mac, "are in the flash of")

    def _require_bound(self, name: str, mac: str, doing: str) -> None:
        held = self.holdings.get(name, Holding())
        bound = held.mac == mac and held.state in BOUND_STATES | {"void"}
        self.require(bound, f"I1: bytes of {name} {doing} {mac} while the ledger has it as {held.state} of {held.mac}")

    # The ledger

    def committed(self, connection: sqlite3.Connection) -> None:
        """A transaction has been committed: the new events, replayed, must give what the tables hold."""
        cursor = sqlite3.Cursor(connection)
        if not cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = 'audit_events'").fetchone()[0]:
            return
        if self._power_was_cut:
            self._power_was_cut = False
            self._see_what_is_left(cursor)
        if self._last_id:
            kept = cursor.execute("SELECT hash FROM audit_events WHERE id = ?", (self._last_id,)).fetchone()
            self.require(kept == (self._last_hash,), f"a committed event is lost: the one of number {self._last_id}")
        cursor.execute("SELECT * FROM audit_events WHERE id > ? ORDER BY id", (self._last_id,))
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            self._replay(dict(zip(names, row, strict=True)), cursor)
        self._compare_certificates(cursor)
        self._compare_runs(cursor)
        self._may_be_left.append(self._picture())

    def all_is_on_the_disk(self) -> None:
        """From here on no power cut may take back what has been committed so far."""
        del self._may_be_left[:-1]

    def power_was_cut(self) -> None:
        """The next commit shows what of the commits that were not on the disk is left."""
        self._power_was_cut = True

    def _see_what_is_left(self, cursor: sqlite3.Cursor) -> None:
        """Go back to the last commit that the power cut has left; what had reached a unit by then must be bound to it."""
        while len(self._may_be_left) > 1 and not self._is_there(self._may_be_left[-1], cursor):
            self._may_be_left.pop()
        left = self._may_be_left[-1]
        if left.last_id == self._last_id:
            return
        self.holdings = dict(left.holdings)
        self.open_runs, self.ended_runs = dict(left.open_runs), dict(left.ended_runs)
        self._heads, self._last_id, self._last_hash = dict(left.heads), left.last_id, left.last_hash
        for name, mac in self.carriers.items():
            if (name, mac) not in self.brought:
                self._require_bound(name, mac, "have reached")

    @staticmethod
    def _is_there(picture: _Picture, cursor: sqlite3.Cursor) -> bool:
        kept = cursor.execute("SELECT hash FROM audit_events WHERE id = ?", (picture.last_id,)).fetchone()
        return bool(kept == (picture.last_hash,))

    def _picture(self) -> _Picture:
        kept = dict(self.holdings), dict(self.open_runs), dict(self.ended_runs), dict(self._heads)
        return _Picture(*kept, self._last_id, self._last_hash)

    def _replay(self, event: dict[str, Any], cursor: sqlite3.Cursor) -> None:
        self._require_link(event)
        data, kind = json.loads(event["data"]), event["kind"]
        if kind.startswith("certificate_"):
            self._move(event, data)
        elif kind == "certificate.foreign":
            held = self.holdings.get(data["device_name"], Holding())
            if held.state not in BOUND_STATES and (data["device_name"], event["mac"]) in self.brought:
                self.carriers.setdefault(data["device_name"], Mac(event["mac"]))
        elif kind == "batch_imported":
            self._new_certificates(cursor, data["imported"])
        elif kind == "run_begun":
            self.open_runs[data["run"]] = None
            # Not whoever commits now: a commit that a power cut tore may be seen only by the next process.
            (token,) = cursor.execute("SELECT process FROM runs WHERE id = ?", (data["run"],)).fetchone()
            for process in self.world.processes:
                if process.has_token(token):
                    self.owners[data["run"]] = process
        elif kind == "unit_identified":
            self.open_runs[data["run"]] = event["mac"]
        elif kind in {"run_finished", "run_interrupted"}:
            self.require(data["run"] in self.open_runs, f"I5: run {data['run']} ended twice")
            del self.open_runs[data["run"]]
            self.ended_runs[data["run"]] = data["verdict"]

    def _require_link(self, event: dict[str, Any]) -> None:
        """Check one link of the chain with code of our own."""
        number, prev = self._heads.get(event["station"], (0, FIRST_PREV))
        self.require(event["number"] == number + 1 and event["prev"] == prev, "the audit chain has a gap")
        subject = {name: event[name] for name in ("mac", "device_name", "batch")}
        plain = {name: event[name] for name in ("number", "at", "station", "lane", "operator", "kind", "prev")}
        told = {**plain, "subject": subject, "data": json.loads(event["data"])}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self.require(hashlib.sha256(text.encode()).hexdigest() == event["hash"], "an audit event bears a wrong hash")
        self._heads[event["station"]] = event["number"], event["hash"]
        self._last_id, self._last_hash = event["id"], event["hash"]

    def _move(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        name, old, new = event["device_name"], data["from"], data["to"]
        held = self.holdings.get(name, Holding())
        self.require(held.state == old, f"I3: the log moves {name} from {old}, but it was {held.state}")
        if old == new:  # the unit got its own again
            self.require(held.mac == event["mac"], f"I1: {name} of {held.mac} was given to {event['mac']}")
            return
        found = event["kind"] == "certificate_carried" and (old, new) == ("available", "installing")
        self.require(found or (old, new) in MOVES, f"I1: {name} went from {old} to {new}")
        if held.state in BOUND_STATES:
            self.require(held.mac == event["mac"], f"I1: {name} went from {held.mac} to {event['mac']}")
        self.holdings[name] = held = Holding(new, None if new == "available" else event["mac"])
        if new == "void" and held.mac is not None:
            self.world.must_come_again(Mac(held.mac))

    def _new_certificates(self, cursor: sqlite3.Cursor, imported: int) -> None:
        names = {row[0] for row in cursor.execute("SELECT device_name FROM certificates")}
        new = names - self.holdings.keys()
        self.require(len(new) == imported, f"an import of {imported} certificates brought {len(new)}")
        self.holdings |= {name: Holding() for name in new}

    def _compare_certificates(self, cursor: sqlite3.Cursor) -> None:
        rows = cursor.execute("SELECT device_name, state, mac FROM certificates ORDER BY id").fetchall()
        self.require(len(rows) == len(self.holdings), f"I5: {len(rows)} certificates instead of {len(self.holdings)}")
        live: dict[str, str] = {}
        for name, state, mac in rows:
            held = self.holdings[name]
            if (state, mac) != (held.state, held.mac) and (state, held.state) != ("void", "void"):
                self.require(False, f"I3: {name} is {state} of {mac}, its events say {held.state} of {held.mac}")
            if state in LIVE_STATES:
                other = live.setdefault(mac, name)
                self.require(other == name, f"I2: {mac} has two live certificates, {other} and {name}")

    def _compare_runs(self, cursor: sqlite3.Cursor) -> None:
        rows = cursor.execute("SELECT id, mac FROM runs WHERE finished_at IS NULL").fetchall()
        self.require(
            dict(rows) == self.open_runs, f"I5: the runs table has {dict(rows)} open, the log {self.open_runs}"
        )

    def left_by_the_dead(self) -> frozenset[int]:
        """Give the open runs that have no living process."""
        return frozenset(run for run in self.open_runs if run not in self.owners or self.owners[run].dead)

    def listed(self, process: StationProcess, before: frozenset[int], unfinished: Sequence[RunRow]) -> None:
        """A process lists what the dead have left; while it looked, others may have died or taken a unit up."""
        now, listed = self.left_by_the_dead(), {row.id for row in unfinished}
        self.require(
            before & now <= listed <= before | now,
            f"I5: {process} lists the runs {listed} as unfinished; they were {set(before)} and are {set(now)}",
        )

    # What people hear

    def told(self, error: CodedError) -> None:
        """An error was shown."""
        self.texts.append(f"{error} {error.code}")
        self._require_no_bug(error.code, str(error))

    def heard(self, process: StationProcess, event: Event) -> None:
        """An event of a lane."""
        if isinstance(event, RunStarted):
            process.runs.add(event.run_id)
            self.require(event.run_id in self.open_runs, f"run {event.run_id} began without a record")
        if not isinstance(event, VerdictReached):
            return
        self.texts.append(repr(event))
        self._require_no_bug(event.code, event.message)
        if event.verdict is Verdict.PASS:
            self._require_true_pass(event)

    def _require_no_bug(self, code: str | None, message: str) -> None:
        self.require(code != Code.INTERNAL, f"the station met an error of its own: {message}")

    def _require_true_pass(self, event: VerdictReached) -> None:
        self.passes += 1
        name, mac = event.device_name, event.mac
        self.require(name is not None and mac is not None and event.run_id is not None, "a PASS without a unit")
        if name is None or mac is None or event.run_id is None:
            return
        held = self.holdings.get(name, Holding())
        self.require(
            held.mac == mac and held.state in {"installed", "activated"},
            f"{mac} passed with {name}, which is {held.state} of {held.mac}",
        )
        self.require(
            self.ended_runs.get(event.run_id) == Verdict.PASS, f"the PASS of run {event.run_id} is not recorded"
        )
        unit = next((unit for unit in self.world.units if unit.mac == mac), None)
        self.require(unit is not None, f"{mac} passed, but there is no such unit")
        if unit is not None:
            carried = secrets_in(unit.credentials())
            self.require(carried == {name}, f"{mac} passed with {name}, but its flash holds {carried}")
            self.world.finished.add(mac)


def secrets_in(data: bytes) -> set[str]:
    """Give the DeviceNames whose DeviceSecret stands in these bytes."""
    return {device_name(int(number)) for number in SECRET_PATTERN.findall(data)}
