"""When the next connection may be tried: longer after each failure, with jitter, never faster than the platform allows."""

import random
import time

FIRST_MS = 2000
LONGEST_MS = 300000
REFUSED_MS = 120000
STABLE_MS = 60000
WINDOW_MS = 60000
TRIES_A_WINDOW = 5
"""The platform limits connects per device and minute but names no figure; five stay below what is known to be refused."""


class Backoff:
    """Times are ticks of the clock that was handed in: anything with ticks_ms, ticks_diff, ticks_add, as `time` has."""

    def __init__(self, clock=time, chance=random.getrandbits):
        self._clock = clock
        self._chance = chance
        self._tries = []
        self._failures = 0
        self._not_before = clock.ticks_ms()
        self._since = None

    def wait_ms(self):
        """Give how long to wait yet; 0 when a connection may be tried now."""
        now = self._clock.ticks_ms()
        wait = self._clock.ticks_diff(self._not_before, now)
        if len(self._tries) >= TRIES_A_WINDOW:
            wait = max(wait, WINDOW_MS - self._clock.ticks_diff(now, self._tries[0]))
        return max(wait, 0)

    def trying(self):
        """Note that a connection is tried now."""
        self._tries.append(self._clock.ticks_ms())
        if len(self._tries) > TRIES_A_WINDOW:
            self._tries.pop(0)
        self._since = None

    def connected(self):
        """Note that the platform accepted."""
        self._since = self._clock.ticks_ms()

    def failed(self, is_refused=False):
        """Note that the try failed or the connection was lost; a refusal waits longer: only people can mend it."""
        now = self._clock.ticks_ms()
        # Two units with one certificate kick each other off at once: a short life counts as a failure too.
        if self._since is not None and self._clock.ticks_diff(now, self._since) >= STABLE_MS:
            self._failures = 0
        self._since = None
        longest = min(FIRST_MS << min(self._failures, 8), LONGEST_MS)
        if is_refused:
            longest = max(longest, REFUSED_MS)
        self._failures += 1
        half = longest // 2
        self._not_before = self._clock.ticks_add(now, half + self._chance(16) * half // 65535)
