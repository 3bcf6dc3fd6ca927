"""Which events a reader wants, as the ledger is asked for them and as an export states it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must hold; of `mac` and `device_name` given together, either. Times as the log writes them.

    `since` is the first moment, `until` the first that is too late.
    """

    since: str | None = None
    until: str | None = None
    batch: str | None = None
    mac: str | None = None
    device_name: str | None = None
    operator: str | None = None

    def as_object(self) -> dict[str, str]:
        """Give those that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def let_pass(self, *, at: str, batch: str | None, mac: str | None, device_name: str | None, operator: str) -> bool:
        """Say whether an event is wanted."""
        subjects = [
            have == want for have, want in ((mac, self.mac), (device_name, self.device_name)) if want is not None
        ]
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (self.batch is None or batch == self.batch)
            and (self.operator is None or operator == self.operator)
            and (not subjects or any(subjects))
        )


NO_FILTERS: Final = Filters()
