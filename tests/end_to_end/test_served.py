"""`station run --serve` as a process: what its window's process is given, and how both end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import pytest

from tests.end_to_end.conftest import Desk
from tests.free_port import free_port

PHRASE = "four words nobody expects"
LIMIT_S = 60.0


@pytest.mark.skipif(sys.platform != "linux", reason="what a process was given is read in /proc")
async def test_the_passphrase_is_in_no_argument_and_no_environment_and_a_kill_ends_the_screen_too(desk: Desk) -> None:
    desk.import_certificates("a1Training0")
    phrase = desk.data.parent / "phrase"
    phrase.write_text(PHRASE + "\n", encoding="utf-8")
    phrase.chmod(0o600)
    assert desk.here("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", phrase).code == 0
    port = free_port()
    words = ("--port", "socket://127.0.0.1:1", "--serve", "--serve-port", port, "--passphrase-file", phrase)

    with desk.start("run", desk.profiles / "training.yaml", *words) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"The screen is at http://127.0.0.1:{port} (Ctrl+C ends)\n"
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{port}/ws") as window:
            seen = b""
            while b"training" not in seen:
                seen += await window.receive_bytes(timeout=LIMIT_S)
            family = [server.pid, *children(server.pid)]
            given = b"".join(
                Path(f"/proc/{pid}/{what}").read_bytes() for pid in family for what in ("cmdline", "environ")
            )
            server.send_signal(signal.SIGTERM)
            async for _ in window:
                pass
            assert window.close_code is not None
        out, err = server.communicate(timeout=LIMIT_S)

    assert len(family) == 2
    assert PHRASE.encode() not in given + seen
    assert (out, err, server.returncode) == ("", "", 0)
    assert not any(Path(f"/proc/{pid}").exists() for pid in family)


async def test_the_overview_is_served_to_two_windows_at_once_and_changes_nothing(desk: Desk) -> None:
    desk.import_certificates("a1Training0")
    before = {path.name: path.read_bytes() for path in desk.data.rglob("*") if path.is_file()}
    port = free_port()
    with desk.start("watch", "--serve", "--serve-port", port) as server:
        assert server.stdout is not None
        server.stdout.readline()
        address = f"http://127.0.0.1:{port}/ws?width=100&height=30"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address) as one,
            session.ws_connect(address) as other,
        ):
            for window in (one, other):
                seen = b""
                while b"Line overview" not in seen or b"5 certificates left" not in seen:
                    seen += await window.receive_bytes(timeout=LIMIT_S)
        server.terminate()
        out, err = server.communicate(timeout=LIMIT_S)
    if sys.platform != "win32":
        assert (out, err, server.returncode) == ("", "", 0)
    assert {path.name: path.read_bytes() for path in desk.data.rglob("*") if path.is_file()} == before


def children(pid: int) -> Iterable[int]:
    return map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
