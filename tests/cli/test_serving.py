"""The server of `--serve`: what it refuses before it serves, and whom it lets at the screen afterwards."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from aiohttp import ClientResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from station.cli import web_server
from station.cli.web_server import ScreenServer
from station.ledger import key_sources
from tests.cli.calling import Station, station_in

SCREEN = [sys.executable, "-c", "from textual.app import App; App().run()"]
ENDS_AT_ONCE = [sys.executable, "-c", "import sys; sys.exit('nothing here')"]
PORT = 8000
Client: TypeAlias = TestClient[web.Request, web.Application]
HERE = f"127.0.0.1:{PORT}"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setattr(key_sources, "SCRYPT_N", 2**10)
    return station_in(tmp_path / "data")


@pytest.fixture
def phrase(station: Station, tmp_path: Path) -> Path:
    """A file with the passphrase of the station's ledger."""
    file = tmp_path / "phrase"
    file.write_text("four words nobody expects\n", encoding="utf-8")
    file.chmod(0o600)
    assert station("settings", "show").code == 0
    assert station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(file)).code == 0
    return file


def run_served(station: Station, *words: str) -> tuple[int, str, str]:
    done = station("run", "no-matter.yaml", "--serve", *words)
    return done.code, done.out, done.err


@pytest.mark.usefixtures("phrase")
def test_a_ledger_with_a_passphrase_is_not_served_without_its_file(station: Station) -> None:
    code, out, err = run_served(station)
    assert (code, out) == (3, "")
    assert "a browser is not asked for it" in err
    assert "--passphrase-file FILE" in err


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes in the file system are POSIX")
@pytest.mark.usefixtures("phrase")
def test_a_passphrase_that_can_be_read_only_once_is_refused(station: Station, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    code, out, err = run_served(station, "--passphrase-file", str(tmp_path / "pipe"))
    assert (code, out) == (2, "")
    assert "read again for each window" in err


def test_a_port_in_use_is_told_with_the_way_out(station: Station, phrase: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run_served(station, "--passphrase-file", str(phrase), "--serve-port", str(port))
    assert (code, out) == (2, "")
    assert f"127.0.0.1:{port} cannot be served" in err
    assert "--serve-port" in err


def test_an_address_for_others_is_warned_of(station: Station) -> None:
    code, out, err = run_served(station, "--host", "192.0.2.1")  # an address of nobody's (RFC 5737)
    assert (code, out) == (2, ""), err
    assert "everybody who reaches 192.0.2.1 can work at this station" in err


def test_the_screen_without_a_terminal_is_not_also_walked_by_itself(station: Station) -> None:
    done = station("demo", "--serve", "--auto")
    assert (done.code, "--auto works without" in done.err) == (2, True)


@asynccontextmanager
async def served(
    arguments: list[str] = SCREEN, host: str = "127.0.0.1", *, may_share: bool = False
) -> AsyncIterator[Client]:
    server = ScreenServer(arguments, host, PORT, lambda _text: None, may_share=may_share)
    async with TestClient(TestServer(await server._make_app())) as client:
        yield client


async def asked_for(client: Client, path: str, **headers: str) -> ClientResponse:
    return await client.get(path, headers={name.capitalize(): value for name, value in headers.items()})


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js"])
async def test_a_foreign_name_that_leads_here_gets_nothing(path: str) -> None:
    async with served() as client:
        for host in (f"evil.example:{PORT}", "127.0.0.1.nip.example", "192.0.2.7", "[::1", ""):
            assert (await asked_for(client, path, host=host)).status in {400, 403}
        for host in (HERE, "localhost:9999", "[::1]:80"):
            assert (await asked_for(client, "/", host=host)).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", f"http://localhost:{PORT}", "null", ""])
async def test_another_page_cannot_open_the_socket(origin: str) -> None:
    async with served() as client:
        assert (await asked_for(client, "/ws", host=HERE, origin=origin)).status == 403


async def test_a_server_for_others_goes_by_its_addresses_and_its_own_names_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_server, "own_names", lambda host: frozenset({host, "line-3", "line-3.local"}))
    async with served(host="0.0.0.0") as client:  # noqa: S104  nothing is bound to it here
        for host in ("192.0.2.7:8000", "line-3:8000", "LINE-3.local", "[2001:db8::7]:8000", "localhost"):
            assert (await asked_for(client, "/", host=host)).status == 200
        assert (await asked_for(client, "/", host="line-3.evil.example")).status == 403


async def test_the_page_lets_nothing_come_from_elsewhere_and_stands_in_no_frame() -> None:
    async with served() as client:
        policy = (await client.get("/")).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_a_second_window_waits_until_the_first_has_ended() -> None:
    async with served() as client:
        async with client.ws_connect("/ws?width=80&height=24") as first:
            assert (await first.receive()).type is WSMsgType.BINARY
            assert (await client.get("/ws")).status == 409
            assert "another window" in await (await client.get("/")).text()
        while "another window" in await (await client.get("/")).text():
            pass  # each answer lets the server go on
        async with client.ws_connect("/ws") as second:
            assert (await second.receive()).type is WSMsgType.BINARY


async def test_a_screen_that_only_shows_is_given_to_each_window() -> None:
    async with served(may_share=True) as client, client.ws_connect("/ws") as one, client.ws_connect("/ws") as other:
        assert (await one.receive()).type is (await other.receive()).type is WSMsgType.BINARY


async def test_a_screen_that_cannot_begin_closes_its_window_and_the_station_s_window_tells_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served(ENDS_AT_ONCE) as client, client.ws_connect("/ws") as window:
        assert (await window.receive()).type is WSMsgType.CLOSE
    assert "nothing here" in capsys.readouterr().out
