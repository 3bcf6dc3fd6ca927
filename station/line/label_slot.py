"""The label of a lane's next unit, or of the one in hand: wanted, given, replaced, and then the unit's for good."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

from station.serial_number import UnitLabel
from station.unit import Mac


class SlotState(StrEnum):
    """How far the label is."""

    SHUT = "shut"
    """No label is wanted."""
    WANTED = "wanted"
    GIVEN = "given"
    """It may still be replaced or taken back."""
    LOCKED = "locked"
    """It is the unit's; what is scanned from here on is another unit's."""


class LabelSlot:
    """One lane's. The lane's thread opens and locks it; labels are put from any thread."""

    def __init__(self, has_ended: Callable[[], bool]) -> None:
        """`has_ended` says that nobody waits any more; who makes it true calls `wake`."""
        self._has_ended = has_ended
        self._changed = threading.Condition()
        self._state = SlotState.SHUT
        self._label: UnitLabel | None = None
        self._mac: Mac | None = None

    @property
    def state(self) -> SlotState:
        return self._state

    @property
    def label(self) -> UnitLabel | None:
        """The label that was given, as long as the unit is at the lane."""
        return self._label

    @property
    def mac(self) -> Mac | None:
        """The unit that the label is for, once that is known."""
        return self._mac

    def open(self, mac: Mac | None = None) -> UnitLabel | None:
        """Want a label; one that was given for this very unit before is still good: give it."""
        with self._changed:
            kept = self._label if mac is not None and mac == self._mac else None
            self._mac, self._label = mac, kept
            self._state = SlotState.WANTED if kept is None else SlotState.GIVEN
            return kept

    def refuse(self) -> None:
        """Want another label for the same unit: this one cannot be its."""
        with self._changed:
            self._state, self._label = SlotState.WANTED, None

    def shut(self) -> None:
        """Want none any more; a label that was given stays with its unit."""
        with self._changed:
            self._state = SlotState.SHUT

    def put(self, label: UnitLabel, *, replace: bool, tell: Callable[[], None]) -> bool:
        """Give a label; False when none is wanted, or when there is one that is not to be replaced.

        `tell` is called before the lane goes on with it.
        """
        with self._changed:
            if self._state is not SlotState.WANTED and not (replace and self._state is SlotState.GIVEN):
                return False
            self._state, self._label = SlotState.GIVEN, label
            tell()
            self._changed.notify_all()
            return True

    def take_back(self) -> bool:
        """Want a label again instead of the given one; False when there is none that may still go."""
        with self._changed:
            if self._state is not SlotState.GIVEN:
                return False
            self._state, self._label = SlotState.WANTED, None
            return True

    def wait(self) -> bool:
        """Wait until a label is given; False when the lane has ended, or its run was stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not SlotState.WANTED or self._has_ended())
            return not self._has_ended()

    def wake(self) -> None:
        """Let who waits ask again whether it has ended."""
        with self._changed:
            self._changed.notify_all()

    def lock(self) -> UnitLabel | None:
        """Make the given label the unit's; None when it was taken back meanwhile."""
        with self._changed:
            if self._state is not SlotState.GIVEN:
                return None
            self._state = SlotState.LOCKED
            return self._label
