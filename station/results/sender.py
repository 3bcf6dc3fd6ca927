"""The threads of a station that tell other systems its results, beside the lanes and as long as the ledger is open: one a channel.

What waits is asked of the ledger every few seconds: nothing is handed over by the lanes, so none of them can wait for it, and what
was not told when the station ended, or was killed, is told by the next one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from station.errors import Code, CodedError, UsageError
from station.results.channel import Channel

LOCK_FILE: Final = "results.lock"
POLL_S: Final = 2.0
FIRST_WAIT_S: Final = 2.0
WAIT_MAX_S: Final = 300.0
LAST_ROUND_S: Final = 5.0
"""How long the station's end waits for what has just been recorded."""
LET_GO_S: Final = 2.0
_LOG: Final = logging.getLogger(__name__)


@dataclass
class _Pace:
    """When a channel is tried next, and how long it was let alone last."""

    due: float = 0.0
    wait_s: float = 0.0
    trouble: str = ""


class ResultSender:
    """Sends on every channel of a station, none waiting for another. Of the processes of one data folder one sends at a time."""

    def __init__(
        self,
        channels: Sequence[Channel],
        data: Path,
        *,
        poll_s: float = POLL_S,
        first_wait_s: float = FIRST_WAIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channels = tuple(channels)
        self._paces = {channel.name: _Pace() for channel in channels}
        self._lock = FileLock(data / LOCK_FILE, thread_local=False)
        self._guard = threading.Lock()
        self._poll_s = poll_s
        self._first_wait_s = first_wait_s
        self._clock = clock
        self._closing = threading.Event()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(channel,), name="results", daemon=True) for channel in channels
        ]
        for channel in channels:
            channel.is_stopped = self._stopped.is_set

    def start(self) -> None:
        """Begin; without a channel there is nothing to do."""
        for thread in self._threads:
            thread.start()

    def close(self, last_round_s: float = LAST_ROUND_S) -> None:
        """Try once more what waits, no longer than `last_round_s`, and end; the rest stays in the ledger."""
        self._closing.set()
        self._join(last_round_s)
        self._stopped.set()
        for channel in self._channels:
            channel.delivery.cancel()
        self._join(LET_GO_S)

    def _join(self, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, channel: Channel) -> None:
        while not self._held():
            if self._closing.wait(self._poll_s):
                return
        try:
            while not self._stopped.is_set():
                is_last = self._closing.is_set()
                self._round(channel)
                if is_last:
                    return
                self._closing.wait(self._poll_s)
        finally:
            with self._guard:
                self._lock.release()

    def _held(self) -> bool:
        """Take the lock, or one more hold of it where another channel's thread has it: the last that ends lets it go."""
        try:
            with self._guard:
                self._lock.acquire(timeout=0)
        except (Timeout, OSError):  # another process of this station sends, or the folder is away
            return False
        return True

    def _round(self, channel: Channel) -> None:
        pace = self._paces[channel.name]
        if self._clock() < pace.due or self._stopped.is_set():
            return
        try:
            sent = channel.send_waiting()
            trouble, retry_after_s = sent.trouble, sent.retry_after_s
        except CodedError as error:  # the ledger; the lanes tell it where it matters
            trouble, retry_after_s = f"{error.code} {error.cause}", 0.0
        except Exception as error:  # noqa: BLE001  a bug of one channel must not end the others; its text may hold values
            _LOG.error("channel %s: unexpected", channel.name, exc_info=error)
            trouble, retry_after_s = f"{Code.INTERNAL} {type(error).__name__}", 0.0
        if trouble and trouble != pace.trouble:
            _LOG.warning("channel %s waits: %s", channel.name, trouble)
        elif pace.trouble and not trouble:
            _LOG.info("channel %s goes on", channel.name)
        pace.trouble = trouble
        pace.wait_s = min(WAIT_MAX_S, 2 * pace.wait_s or self._first_wait_s) if trouble else 0.0
        pace.due = self._clock() + max(pace.wait_s, min(retry_after_s, WAIT_MAX_S))


@contextmanager
def sending_alone(data: Path) -> Iterator[None]:
    """Keep every other process of a data folder from sending; UsageError when one does."""
    lock = FileLock(data / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(
            "Another process of this station sends the results", "Let it, or end it first", str(data)
        ) from None
    try:
        yield
    finally:
        lock.release()
