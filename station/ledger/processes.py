"""Which station processes are alive: on one PC each holds the lock on a file of its own, which its death releases anywhere."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock, Timeout

from station.ledger.disk import disk_fault

SWEEP_AGE_S: Final = 24 * 3600.0


class ProcessToken(Protocol):
    """This process's own token, and whether those of others still count. Each call may raise LedgerFault."""

    def take(self) -> str:
        """Give the token, held from the first call on."""

    def is_mine(self, token: str) -> bool:
        """True for the runs of this very ledger object."""

    def is_alive(self, token: str) -> bool:
        """True while the process that took the token lives and has not closed its ledger."""

    def close(self) -> None:
        """Let the token go; it is dead from now on."""


class FileToken:
    """This process's own token, taken at the first run and given back by `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._token: str | None = None
        self._lock: FileLock | None = None

    def take(self) -> str:
        """Give the token; the first call makes its lock file and holds it from then on. LedgerFault."""
        with self._guard:
            if self._token is None:
                token = uuid.uuid4().hex
                lock = FileLock(self._file(token), timeout=0, thread_local=False)
                try:
                    self._folder.mkdir(exist_ok=True)
                    lock.acquire()
                except OSError as error:
                    raise disk_fault(error, self._folder) from None
                self._lock, self._token = lock, token
                self._sweep()
            return self._token

    def is_mine(self, token: str) -> bool:
        """True for the runs of this very ledger object."""
        return token == self._token

    def is_alive(self, token: str) -> bool:
        """True while the process that took the token lives and has not closed its ledger."""
        if self.is_mine(token):
            return True
        file = self._file(token)
        if not file.exists():
            return False
        lock = FileLock(file, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
        _remove(file)
        return False

    def close(self) -> None:
        """Let the lock go; the token is dead from now on."""
        with self._guard:
            if self._lock is not None and self._token is not None:
                self._lock.release()
                _remove(self._file(self._token))
            self._lock = None
            self._token = None

    def _sweep(self) -> None:
        """Remove the files of processes that died long ago. Young ones are let be: their owner may be about to lock them."""
        for file in self._folder.glob("*.lock"):
            with suppress(OSError):  # another process sweeps too
                if time.time() - file.stat().st_mtime > SWEEP_AGE_S:
                    self.is_alive(file.stem)

    def _file(self, token: str) -> Path:
        return self._folder / f"{token}.lock"


def _remove(file: Path) -> None:
    with suppress(OSError):  # on Windows another process may be looking at it; a file without a lock means dead anyway
        file.unlink()
