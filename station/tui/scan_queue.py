"""Which lane gets what is scanned next: it is marked, and stays so until it has its label or somebody names another one."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ScanQueue:
    """Lanes that wait for a label, the first to be served first. `looked_up` have a scan that is just being checked.

    While lanes are `opening` none is served: those that begin together are served by their numbers, whose port opens first or not.
    """

    waiting: tuple[int, ...] = ()
    opening: frozenset[int] = frozenset()
    looked_up: frozenset[int] = frozenset()

    @property
    def next_lane(self) -> int | None:
        """The lane that gets the next scan, None while none waits."""
        if self.opening:
            return None
        return next((lane for lane in self.waiting if lane not in self.looked_up), None)

    def told(self, lane: int, *, wants_label: bool) -> ScanQueue:
        """A lane began to wait, behind those that do already, or waits no more."""
        still = self.opening - {lane}
        others = tuple(other for other in self.waiting if other != lane)
        if wants_label == (lane in self.waiting):
            return replace(self, opening=still)
        waiting = (*others, lane) if wants_label else others
        return replace(self, waiting=tuple(sorted(waiting)) if self.opening else waiting, opening=still)

    def named(self, lane: int) -> ScanQueue:
        """Somebody chose a lane: if it waits, it is the next."""
        if lane not in self.waiting:
            return self
        return replace(self, waiting=(lane, *(other for other in self.waiting if other != lane)))

    def begun(self, lane: int) -> ScanQueue:
        """A scan for this lane is being checked: the next one is not for it."""
        return replace(self, looked_up=self.looked_up | {lane})

    def ended(self, lane: int, *, taken: bool) -> ScanQueue:
        """The check is over: a lane whose scan was refused is the next again, at its old place."""
        checked = replace(self, looked_up=self.looked_up - {lane})
        return checked.told(lane, wants_label=False) if taken else checked
