"""The write-ahead log's way to the disk: outside the ledger's lock, and one sync for all commits that wait for it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from station.ledger.fair_lock import FairLock

TURN_S: Final = 5.0


class LogSync:
    """Syncs one log for many threads, as a server's group commit does.

    The system syncs a file, not what one handle wrote: what SQLite has written is synced through a handle of our own. A log that
    SQLite has begun anew, or has removed, was folded into the database and synced before (sqlite.org/wal.html).
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._turn = FairLock()
        self._count = threading.Lock()
        self._asked = 0
        self._done = 0

    def sync(self) -> int:
        """Wait until every commit made before this call is on the disk; give how many syncs there have been. OSError."""
        with self._count:
            self._asked += 1
            mine = self._asked
        while not self._turn.acquire(TURN_S):
            pass  # the disk is slow: to go on without it would be a lie
        try:
            if self._done < mine:
                covered = self._asked
                self._sync()
                self._done = covered
        finally:
            self._turn.release()
        return mine

    def _sync(self) -> None:
        try:
            log = os.open(self._log, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return
        try:
            os.fsync(log)
        finally:
            os.close(log)
