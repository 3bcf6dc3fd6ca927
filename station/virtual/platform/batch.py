"""One order of devices and how far it is, as QueryBatchRegisterDeviceStatus tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BatchState(StrEnum):
    """The platform's words."""

    CHECK = "CHECK"
    CHECK_SUCCESS = "CHECK_SUCCESS"
    CHECK_FAILED = "CHECK_FAILED"
    CREATE = "CREATE"
    CREATE_SUCCESS = "CREATE_SUCCESS"
    CREATE_FAILED = "CREATE_FAILED"


@dataclass(slots=True)
class Batch:
    """Names that were ordered; `faults` says by name why one cannot be had."""

    apply_id: int
    product_key: str
    names: tuple[str, ...]
    faults: dict[str, str]
    nicknames: Mapping[str, str]
    polls: int
    """How many looks each stage lasts."""
    created: list[str] = field(default_factory=list)
    _is_ordered: bool = False
    _looks_left: int = -1

    @property
    def valid(self) -> tuple[str, ...]:
        """The names that can be had."""
        return tuple(name for name in self.names if name not in self.faults)

    def create(self) -> None:
        """Begin to register what was checked; does nothing when that was asked before."""
        if not self._is_ordered:
            self._is_ordered = True
            self._looks_left = self.polls

    @property
    def is_ordered(self) -> bool:
        """Whether its devices were asked for."""
        return self._is_ordered

    def look(self) -> BatchState:
        """Give the state; each look brings a stage nearer to its end."""
        if self._looks_left < 0:
            self._looks_left = self.polls
        is_busy = self._looks_left > 0
        self._looks_left = max(0, self._looks_left - 1)
        if not self._is_ordered:
            if is_busy:
                return BatchState.CHECK
            return BatchState.CHECK_FAILED if self.faults else BatchState.CHECK_SUCCESS
        if is_busy:
            return BatchState.CREATE
        return BatchState.CREATE_SUCCESS if self.valid else BatchState.CREATE_FAILED

    def missing(self) -> tuple[str, ...]:
        """The names that are due and not registered yet."""
        if not self._is_ordered or self._looks_left > 0:
            return ()
        created = set(self.created)
        return tuple(name for name in self.valid if name not in created)
