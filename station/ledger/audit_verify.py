"""Proves an exported audit log from the file alone, or names the first thing that is wrong with it.

Each event's content gives its hash; each full chain runs from event 1 without a break; the heads between and the statement at the
end are signed by the station. A filtered export proves what it holds, in its order and number, as the station exported it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from station.ledger.audit import FIRST_PREV
from station.ledger.audit_filters import Filters
from station.ledger.audit_flaws import Chain, Flaw, FlawFoundError, Verification, changed_before, cut_after, flaw_at
from station.ledger.audit_lines import HEADER, TRAILER, statement_message
from station.ledger.audit_reading import ReadEvent, ReadHead, ReadRecord, Unreadable, head_from, read_export
from station.ledger.station_key import is_signed


def verify_export(path: Path, *, key: str | None = None, against: Path | None = None) -> Verification:
    """Verify an export; `key` is the station's public key as it is known from elsewhere, `against` an earlier export.

    UsageError when a file cannot be read or is no export.
    """
    verifier = _Verifier(path, key, _heads_of(against, key) if against is not None else {})
    try:
        verifier.run()
    except FlawFoundError as found:
        return verifier.result(found)
    return verifier.result(None)


def _heads_of(path: Path, key: str | None) -> dict[tuple[str, int], str]:
    """Give what a station signed in an earlier export: hash by station and number."""
    heads: dict[tuple[str, int], str] = {}
    for item in read_export(path):
        head = None
        if isinstance(item, ReadHead):
            head = item.head
        elif isinstance(item, ReadRecord) and item.kind == TRAILER:
            try:
                head = head_from(item.content["head"])
            except (KeyError, TypeError, ValueError):
                continue
        if head is not None and key in {None, head.public_key} and head.is_genuine():
            heads[head.station, head.number] = head.hash
    return heads


class _Verifier:
    def __init__(self, path: Path, key: str | None, earlier: dict[tuple[str, int], str]) -> None:
        self._path = path
        self._key = key
        self._earlier = earlier
        self._about: dict[str, Any] = {}
        self._filters = Filters()
        self._filtered = False
        self._chains: dict[str, Chain] = {}
        self._digest = hashlib.sha256()
        self._trailer: ReadRecord | None = None
        self._count = 0
        self._gaps: list[str] = []

    def run(self) -> None:
        """Read the file once; FlawFoundError at the first thing that is wrong."""
        for item in read_export(self._path):
            if isinstance(item, ReadEvent):
                self._event(item)
            elif isinstance(item, ReadHead):
                self._head(item)
            elif isinstance(item, ReadRecord):
                (self._header if item.kind == HEADER else self._end)(item)
            else:
                self._unreadable(item)
        self._finish()

    def result(self, found: FlawFoundError | None) -> Verification:
        """Give what was seen."""
        about = self._about
        return Verification(
            station=str(about.get("station", "")),
            public_key=str(about.get("public_key", "")),
            exported_at=str(about.get("exported_at", "")),
            filter=dict(self._filters.as_object()),
            events=self._count,
            flaw=found.flaw if found else None,
            number=found.number if found else None,
            line=found.line if found else None,
            message=found.message if found else self._praise(),
            gaps=tuple(self._gaps),
        )

    def _praise(self) -> str:
        who = "the station whose key was given" if self._key else "the holder of the key that the file names"
        if self._filtered:
            return f"these {self._count} events are what {who} exported, unchanged and in order"
        return f"{self._count} events, none changed, missing or added since {who} wrote them"

    def _header(self, item: ReadRecord) -> None:
        public_key = item.content.get("public_key")
        if self._key is not None and public_key != self._key:
            self._about = self._about or item.content
            raise FlawFoundError(Flaw.OTHER_KEY, "the export was made under the key of another station", line=item.line)
        if self._about:
            if public_key != self._about.get("public_key"):
                raise FlawFoundError(Flaw.OTHER_KEY, "a second export in the file bears another key", line=item.line)
            return
        self._about = item.content
        try:
            self._filters = Filters(**item.content.get("filter", {}))
        except TypeError:
            raise FlawFoundError(Flaw.CHANGED, "the header was changed", line=item.line) from None
        self._filtered = bool(self._filters.as_object())

    # Events

    def _event(self, event: ReadEvent) -> None:
        chain = self._chains.setdefault("" if self._filtered else event.station, Chain())
        if not self._fits(event, chain):
            raise self._explained(event, chain)
        chain.place += 1
        chain.number, chain.hash, chain.line = event.number, event.hash, event.line
        if self._filtered:
            chain.numbers[event.station] = (event.number, event.hash)
        self._count += 1
        self._digest.update(event.hash.encode("ascii", "replace"))
        if event.note is not None:
            self._gaps.append(
                f"event {event.number}: {event.operator or 'somebody'} accepted that "
                f"{event.note.get('missing') or 'an unknown number of'} events are missing ({event.note.get('reason')})"
            )
        if self._earlier and self._earlier.get((event.station, event.number), event.hash) != event.hash:
            raise FlawFoundError(
                Flaw.FORK,
                f"event {event.number} is another one than in the earlier export: a backup was restored before it",
                number=event.number,
                line=event.line,
            )

    def _place(self, event: ReadEvent) -> int:
        return (event.seq or 0) if self._filtered else event.number

    def _fits(self, event: ReadEvent, chain: Chain) -> bool:
        if not event.sound or self._place(event) != chain.place + 1:
            return False
        if not self._filtered:
            return event.prev == chain.hash
        number, last_hash = chain.numbers.get(event.station, (0, FIRST_PREV))
        follows = event.number > number + 1 or (event.number == number + 1 and event.prev == last_hash)
        wanted = self._filters.let_pass(
            at=event.at, batch=event.batch, mac=event.mac, device_name=event.device_name, operator=event.operator
        )
        return follows and wanted

    def _explained(self, event: ReadEvent, chain: Chain) -> FlawFoundError:
        """Say what happened at the first event that does not fit."""
        after = self._after(event)
        goes_on = after is not None and self._fits(after, chain)
        place, expected = self._place(event), chain.place + 1
        if goes_on and event.sound and place > expected:
            if any(later.hash == event.hash for later in self._events_after(event)):
                return flaw_at(Flaw.INSERTED, event, "stands twice, the first time in a wrong place")
            return flaw_at(Flaw.SWAPPED, event, f"stands before event {after.number if after else expected}")
        if goes_on and (not event.sound or place == expected):
            return flaw_at(Flaw.INSERTED, event, "belongs to no chain: it goes on without it")
        if not event.sound:
            return flaw_at(Flaw.CHANGED, event, "was changed: its content does not give its hash")
        if place > expected:
            if any(self._place(later) == expected for later in self._events_after(event)):
                return flaw_at(Flaw.SWAPPED, event, f"stands too early: {expected} comes after it")
            return FlawFoundError(
                Flaw.REMOVED,
                self._missing(expected, event),
                number=None if self._filtered else expected,
                line=event.line,
            )
        if place < expected:
            return self._twice(event, chain)
        if self._filtered:
            if event.number <= chain.numbers.get(event.station, (0, ""))[0] or event.prev in {"", chain.hash}:
                return flaw_at(Flaw.INSERTED, event, "is not where the station wrote it")
            if event.number == chain.number + 1:
                return changed_before(chain)
            return flaw_at(Flaw.INSERTED, event, "is none of those that the export was asked for")
        changed_itself = after is not None and after.number == event.number + 1 and after.prev != event.hash
        if changed_itself or chain.number == 0:
            return flaw_at(
                Flaw.CHANGED, event, "was changed, and its hash made anew: it does not follow the one before"
            )
        return changed_before(chain)

    def _missing(self, expected: int, event: ReadEvent) -> str:
        if self._filtered:
            return f"{self._place(event) - expected} events are missing before event {event.number}"
        one = event.number - expected == 1
        return f"event {expected} is missing" if one else f"events {expected} to {event.number - 1} are missing"

    def _twice(self, event: ReadEvent, chain: Chain) -> FlawFoundError:
        """A number that was there before: the same event again, one too many, or another history."""
        earlier, before = None, FIRST_PREV
        for other in self._events_of(event.station):
            if other.line >= event.line:
                break
            if other.number == event.number and earlier is None:
                earlier = other
            if other.number == event.number - 1 and earlier is None:
                before = other.hash
        if earlier is None or earlier.hash == event.hash or event.prev != before or self._filtered:
            return flaw_at(Flaw.INSERTED, event, "stands twice, or where no event of its number belongs")
        if chain.signed >= event.number and self._is_signed_branch(event):
            return flaw_at(
                Flaw.FORK,
                event,
                "is there in two histories, both signed by the station: those before it went on, "
                "then an older backup was restored",
            )
        after = self._after(event)
        odd = earlier if after is not None and after.prev == event.hash and earlier.line == chain.line else event
        return flaw_at(Flaw.INSERTED, odd, "is one too many: another event of this number is in the chain")

    def _is_signed_branch(self, event: ReadEvent) -> bool:
        """Say whether the station signed the history that begins with this event."""
        number, last_hash = event.number, event.hash
        for item in read_export(self._path):
            if item.line <= event.line:
                continue
            if isinstance(item, ReadEvent) and item.sound and item.number == number + 1 and item.prev == last_hash:
                number, last_hash = item.number, item.hash
            head = item.head if isinstance(item, ReadHead) else None
            if isinstance(item, ReadRecord) and item.kind == TRAILER:
                try:
                    head = head_from(item.content["head"])
                except (KeyError, TypeError, ValueError):
                    continue
            if (
                head is not None
                and (head.station, head.number, head.hash) == (event.station, number, last_hash)
                and head.public_key == self._about.get("public_key")
                and head.is_genuine()
            ):
                return True
        return False

    def _after(self, event: ReadEvent) -> ReadEvent | None:
        return next(self._events_after(event), None)

    def _events_after(self, event: ReadEvent) -> Iterator[ReadEvent]:
        return (later for later in self._events_of(event.station) if later.line > event.line)

    def _events_of(self, station: str) -> Iterator[ReadEvent]:
        """Read the file again, for the explanation of what does not fit."""
        for item in read_export(self._path):
            if isinstance(item, ReadEvent) and (self._filtered or item.station == station):
                yield item

    def _unreadable(self, item: Unreadable) -> None:
        chain = self._chains.get("" if self._filtered else str(self._about.get("station")), Chain())
        later = any(not isinstance(other, Unreadable) and other.line > item.line for other in read_export(self._path))
        if later:
            raise FlawFoundError(
                Flaw.CHANGED, "a line was changed: it is no record any more", number=chain.number + 1, line=item.line
            )
        raise cut_after(chain, item.line)

    # Heads and the end

    def _head(self, item: ReadHead) -> None:
        head = item.head
        ours = head.station == self._about.get("station")
        if ours and head.public_key != self._about.get("public_key"):
            raise FlawFoundError(
                Flaw.OTHER_KEY, f"the head at event {head.number} bears another key", number=head.number, line=item.line
            )
        if not head.is_genuine():
            raise FlawFoundError(
                Flaw.CHANGED, f"the signed head at event {head.number} was changed", number=head.number, line=item.line
            )
        chain = self._chains.setdefault(head.station, Chain())
        if head.number > chain.number:
            if any(later.line > item.line for later in self._events_of(head.station)):
                raise FlawFoundError(
                    Flaw.REMOVED,
                    f"events {chain.number + 1} to {head.number} are missing: the station signed the last of them",
                    number=chain.number + 1,
                    line=item.line,
                )
            raise cut_after(chain, item.line)
        if head.number == chain.number and head.hash != chain.hash:
            raise self._signed_otherwise(head.number, chain, item.line)
        if head.number == chain.number:
            chain.signed = head.number

    def _signed_otherwise(self, number: int, chain: Chain, line: int) -> FlawFoundError:
        """The chain is another one than was signed: changed since, unless the station signed this one too."""
        if self._whole_file_is_signed():
            return FlawFoundError(
                Flaw.FORK,
                f"the station signed another history at event {number}: an older backup was restored before it",
                number=number,
                line=line,
            )
        between = f"of events {chain.signed + 1} to {number} one" if chain.signed + 1 < number else f"event {number}"
        return FlawFoundError(
            Flaw.CHANGED,
            f"{between} was changed and all hashes after it made anew: the station signed another event {number}",
            number=chain.signed + 1,
            line=line,
        )

    def _whole_file_is_signed(self) -> bool:
        digest, trailer = hashlib.sha256(), None
        for item in read_export(self._path):
            if isinstance(item, ReadEvent):
                digest.update(item.hash.encode("ascii", "replace"))
            elif isinstance(item, ReadRecord) and item.kind == TRAILER:
                trailer = item
        return (
            trailer is not None and trailer.content.get("digest") == digest.hexdigest() and self._is_statement(trailer)
        )

    def _is_statement(self, item: ReadRecord) -> bool:
        signature, public_key = item.content.get("signature"), self._about.get("public_key")
        return is_signed(str(public_key), str(signature), statement_message(item.content))

    def _end(self, item: ReadRecord) -> None:
        station = str(self._about.get("station"))
        chain = self._chains.get("" if self._filtered else station, Chain())
        said = item.content
        if said.get("public_key") != self._about.get("public_key"):
            raise FlawFoundError(Flaw.OTHER_KEY, "the statement at the end bears another key", line=item.line)
        if any(said.get(name) != value for name, value in self._about.items()) or not self._is_statement(item):
            raise FlawFoundError(
                Flaw.CHANGED,
                "the station did not sign this: header or statement at the end was changed",
                line=item.line,
            )
        try:
            head, count, digest = head_from(said["head"]), int(said["count"]), str(said["digest"])
        except (KeyError, TypeError, ValueError):
            raise FlawFoundError(Flaw.CHANGED, "the statement at the end is none", line=item.line) from None
        if (not self._filtered and head.number > chain.number) or count > self._count:
            raise cut_after(chain, item.line)
        if not self._filtered and head.number < chain.number:
            raise FlawFoundError(
                Flaw.INSERTED,
                f"event {head.number + 1} was added after the end",
                number=head.number + 1,
                line=item.line,
            )
        if not self._filtered and head.hash != chain.hash:
            raise self._signed_otherwise(head.number, chain, item.line)
        if count < self._count:
            raise FlawFoundError(Flaw.INSERTED, "there are more events than the station exported", line=item.line)
        if digest != self._digest.hexdigest():
            raise FlawFoundError(
                Flaw.CHANGED,
                "one of these events was changed and its hash made anew; a filtered export cannot say which",
                line=item.line,
            )
        chain.signed = max(chain.signed, chain.number)
        self._trailer = item

    def _finish(self) -> None:
        station = str(self._about.get("station"))
        chain = self._chains.get("" if self._filtered else station, Chain())
        if self._trailer is None:
            raise cut_after(chain, None)
        if self._count != self._trailer.content["count"]:
            raise FlawFoundError(Flaw.INSERTED, "there are events after the end", line=chain.line, number=chain.number)
        if self._filtered:
            return
        for (of_station, number), _ in sorted(self._earlier.items(), key=lambda one: one[0][1]):
            if of_station == station and number > chain.number:
                raise FlawFoundError(
                    Flaw.FORK,
                    f"the log ends at event {chain.number}, but the earlier export has event {number}: "
                    "an older backup was restored, or this export is the earlier one",
                    number=chain.number + 1,
                )
