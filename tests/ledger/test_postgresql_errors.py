"""Each way in which a station does not get into its factory's ledger is told by what it is, with its mend and no password."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import text

from station.errors import Code, CodedError, UsageError
from station.ledger import Ledger
from station.ledger.postgresql_errors import translated
from station.ledger.quick import quick
from tests.ledger.postgresql_server import new_database
from tests.ledger.tls_front import HOST, Authority, tls_front

WRONG = "wr0ng-passw0rd"


def refusal(url: str, data: Path) -> CodedError:
    with pytest.raises(CodedError) as caught:
        Ledger.open(data, url=url)
    assert WRONG not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("state", ["starting up", "shutting down", "not yet accepting connections", "in recovery mode"])
def test_a_server_that_comes_or_goes_is_waited_for(state: str) -> None:
    fault = translated(psycopg.OperationalError(f"FATAL:  the database system is {state}"), "server/ledger")

    assert (fault.code, "starting, stopping" in fault.cause) == (Code.LEDGER_UNREACHABLE, True)


@pytest.mark.parametrize(
    ("read_only", "code", "cause"),
    [(False, Code.LEDGER_UNREACHABLE, "a standby"), (True, Code.LEDGER_NOT_WRITABLE, "opened for reading")],
)
def test_a_standby_that_takes_no_change_counts_as_a_server_that_is_away(
    read_only: bool, code: Code, cause: str
) -> None:
    fault = translated(psycopg.errors.ReadOnlySqlTransaction(), "server/ledger", read_only=read_only)

    assert (fault.code, cause in fault.cause) == (code, True)


@pytest.mark.parametrize(
    ("said", "code", "cause"),
    [
        ('FATAL:  role "database" is not permitted to log in', Code.LEDGER_NOT_WRITABLE, "refuses this login"),
        ('FATAL:  too many connections for role "line1"', Code.LEDGER_BUSY, "no further connection"),
        ("FATAL:  sorry, too many clients already", Code.LEDGER_BUSY, "no further connection"),
        ("FATAL:  remaining connection slots are reserved", Code.LEDGER_BUSY, "no further connection"),
        ('FATAL:  permission denied for database "ledger"', Code.LEDGER_NOT_WRITABLE, "may not open"),
        ('FATAL:  pg_hba.conf rejects connection for host "10.0.0.7"', Code.LEDGER_NOT_WRITABLE, "from this PC"),
        ("server does not support SSL, but SSL was required", Code.LEDGER_UNREACHABLE, "does not encrypt"),
        ("received invalid response to SSL negotiation: H", Code.LEDGER_UNREACHABLE, "no PostgreSQL server"),
        ('致命错误:  角色 "role" 不存在', Code.LEDGER_UNREACHABLE, "another language"),
        ("\ufffd\ufffd", Code.LEDGER_UNREACHABLE, "another language"),
        ('server "德" closed the connection', Code.LEDGER_UNREACHABLE, "does not answer"),
    ],
)
def test_what_a_server_says_to_a_login_is_told_by_its_code_and_cause(said: str, code: Code, cause: str) -> None:
    fault = translated(psycopg.OperationalError(f"connection failed: {said}"), "server/ledger")

    assert (fault.code, cause in fault.cause) == (code, True)


def test_a_refusal_that_is_heard_as_the_library_makes_a_cursor_keeps_its_words(factory: str, data: Path) -> None:
    def refuse(_: object) -> None:
        raise UsageError("it was moved", "Insert the unit again")

    def change_it(ledger: Ledger) -> None:
        with ledger._database.writing() as connection:
            connection.execute_later(quick(text("SELECT 1")), {}, refuse)
            connection.exec_driver_sql("SELECT 2")

    with Ledger.open(data, url=factory) as ledger, pytest.raises(UsageError, match="it was moved"):
        change_it(ledger)


def test_a_database_that_is_not_there_is_told_whatever_its_name_is(server: str, tmp_path: Path) -> None:
    url = sqlalchemy.make_url(server).set(database="passwords of role SSL").render_as_string(hide_password=False)

    fault = refusal(url, tmp_path)

    assert (fault.code, "no database of this name" in fault.cause) == (Code.LEDGER_UNREADABLE, True)


def test_a_name_that_the_network_does_not_know_is_told_and_counts_as_away(tmp_path: Path) -> None:
    fault = refusal(f"postgresql://line1:{WRONG}@db.invalid/ledger", tmp_path)

    assert (fault.code, fault.place) == (Code.LEDGER_UNREACHABLE, "db.invalid/ledger")
    assert ("does not know its name" in fault.cause, "name server (DNS)" in fault.mend) == (True, True)


def test_a_port_at_which_nobody_listens_is_told(tmp_path: Path) -> None:
    with socket.socket() as bound:  # bound, so that nobody else is given it
        bound.bind(("127.0.0.1", 0))
        fault = refusal(f"postgresql://line1:{WRONG}@127.0.0.1:{bound.getsockname()[1]}/ledger", tmp_path)

    assert (fault.code, "no program listens" in fault.cause) == (Code.LEDGER_UNREACHABLE, True)
    assert "listen_addresses" in fault.mend


@pytest.mark.parametrize(
    "query", ["sslmod=verify-full", "sslmode=verify_full", "port=99999", "port=abc", "service=none"]
)
def test_an_address_that_the_client_does_not_understand_is_bad_input(query: str, server: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Ledger.open(tmp_path, url=f"postgresql://line1:{WRONG}@127.0.0.1/ledger?{query}")

    assert (caught.value.place, WRONG in str(caught.value)) == ("--ledger", False)


class TestTls:
    """Over TLS, as a station's address asks for it: sslmode=verify-full and the CA's certificate."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority.make("factory", tmp_path)

    @pytest.fixture
    def fronts(self) -> Iterator[ExitStack]:
        with ExitStack() as stack:
            yield stack

    def address(self, server: str, port: int, ca: Path, *, host: str = HOST) -> str:
        """Give the address of a new database there, by TLS."""
        database = sqlalchemy.make_url(new_database(server)).database
        return f"postgresql://postgres:{WRONG}@{host}:{port}/{database}?sslmode=verify-full&sslrootcert={ca}"

    def test_a_station_works_with_a_server_whose_certificate_its_ca_signed(
        self, server: str, authority: Authority, fronts: ExitStack, tmp_path: Path
    ) -> None:
        port = fronts.enter_context(tls_front(server, authority.certificate(tmp_path)))
        with Ledger.open(tmp_path / "data", url=self.address(server, port, authority.file)) as ledger:
            assert ledger.batches() == []

    def test_another_ca_and_a_certificate_whose_time_is_over_are_told(
        self, server: str, authority: Authority, fronts: ExitStack, tmp_path: Path
    ) -> None:
        port = fronts.enter_context(tls_front(server, authority.certificate(tmp_path)))
        of_another = self.address(server, port, Authority.make("another", tmp_path).file)
        old = fronts.enter_context(tls_front(server, authority.certificate(tmp_path, is_over=True)))

        for url in (of_another, self.address(server, old, authority.file)):
            fault = refusal(url, tmp_path / "data")
            assert (fault.code, "not by the CA" in fault.cause) == (Code.LEDGER_UNREACHABLE, True)
            assert ("certificate's dates" in fault.mend, "sslrootcert" in fault.mend) == (True, True)

    def test_a_certificate_for_another_name_is_told(
        self, server: str, authority: Authority, fronts: ExitStack, tmp_path: Path
    ) -> None:
        port = fronts.enter_context(tls_front(server, authority.certificate(tmp_path)))
        fault = refusal(self.address(server, port, authority.file, host="127.0.0.1"), tmp_path / "data")

        assert (fault.code, "for another name" in fault.cause) == (Code.LEDGER_UNREACHABLE, True)

    def test_a_ca_that_is_not_on_this_pc_is_told(
        self, server: str, authority: Authority, fronts: ExitStack, tmp_path: Path
    ) -> None:
        port = fronts.enter_context(tls_front(server, authority.certificate(tmp_path)))
        fault = refusal(self.address(server, port, tmp_path / "none.pem"), tmp_path / "data")

        assert (fault.code, "no CA certificate" in fault.cause) == (Code.LEDGER_UNREACHABLE, True)
