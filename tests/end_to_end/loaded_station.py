"""A station in a process of its own that has its modules already: loading them costs more than what a killed one lives to do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from tests.end_to_end.conftest import Desk, clean_environment
from tests.end_to_end.watched_station import StationProcess, WatchedStation

FORKS = "forkserver" in multiprocessing.get_all_start_methods()
"""Not on Windows."""
MODULES = ["station.cli.main", "station.cli.headless", "station.cli.lanes", __name__]


class LoadedStation(WatchedStation):
    """Forked from a process that has done nothing but load; from there on it is what `station` is, and dies as that does."""

    def start(self, desk: Desk, words: Sequence[str]) -> StationProcess:
        return LoadedProcess(desk.arguments(*words)[3:]) if FORKS else super().start(desk, words)


class LoadedProcess:
    """What a watched station needs of a process, as `subprocess.Popen` has it."""

    def __init__(self, words: Sequence[str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(MODULES)
        (out, their_out), (err, their_err) = context.Pipe(duplex=False), context.Pipe(duplex=False)
        self._process = context.Process(target=_be_station, args=(words, clean_environment(), their_out, their_err))
        self._process.start()
        their_out.close()
        their_err.close()
        self.stdout, self.stderr = (os.fdopen(os.dup(pipe.fileno()), encoding="utf-8") for pipe in (out, err))
        out.close()
        err.close()

    @property
    def pid(self) -> int:
        """The number that the system knows it by."""
        return self._process.pid or 0

    def poll(self) -> int | None:
        """Give the exit code of one that has ended."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait for its end as long as that."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("station", timeout)
        return code

    def kill(self) -> None:
        """As the kernel does: at once."""
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing happens to one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _be_station(words: Sequence[str], environment: dict[str, str], out: Connection, err: Connection) -> None:
    from station.cli.main import main  # noqa: PLC0415  the process that forks has it

    for pipe, standard in ((out, 1), (err, 2)):
        os.dup2(pipe.fileno(), standard)
        pipe.close()
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["station", *words]
    main()
