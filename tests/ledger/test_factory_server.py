"""What a factory's server refuses or keeps waiting is told; a station joins, and gets its login, by the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from station.cli.finding import Health
from station.cli.ledger_looks import _factory
from station.errors import Code, LedgerFault
from station.ledger import Ledger, postgresql
from station.verdict import Verdict
from tests.cli.calling import station_in
from tests.ledger.making import begin, write_csv

WRONG = "wr0ng-passw0rd"


def test_a_row_that_another_program_holds_is_waited_for_a_while_and_then_told(
    factory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_PREPARE", postgresql._PREPARE + "; SET lock_timeout = 100")
    with Ledger.open(tmp_path / "data", url=factory) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 3)))
        run = begin(ledger, 1)
        ledger.allocate(run)
        with psycopg.connect(factory) as holder:
            holder.execute("SELECT 1 FROM runs FOR UPDATE")
            with pytest.raises(LedgerFault, match="held by another station") as caught:
                ledger.begin_installing(run)
        assert caught.value.code is Code.LEDGER_BUSY

        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
        assert [one.verdict for one in ledger.runs()] == [Verdict.PASS]


@pytest.fixture
def guarded(server: str) -> Iterator[str]:
    """The URL of a login that the server asks for a password, with a wrong one."""
    with psycopg.connect(server, autocommit=True) as owner:
        (path,) = owner.execute("SHOW hba_file").fetchone() or ("",)
        rules = Path(path)
        before = rules.read_text(encoding="utf-8")
        asked = "".join(f"{way} guarded scram-sha-256\n" for way in ("local all", "host all"))
        rules.write_text(asked.replace("host all guarded", "host all guarded all") + before, encoding="utf-8")
        owner.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        owner.execute("SELECT pg_reload_conf()")
        try:
            url = sqlalchemy.make_url(server).set(username="guarded", password=WRONG)
            yield url.render_as_string(hide_password=False)
        finally:
            rules.write_text(before, encoding="utf-8")
            owner.execute("SELECT pg_reload_conf()")
            owner.execute("DROP ROLE guarded")


def test_a_wrong_password_is_told_and_not_shown(guarded: str, tmp_path: Path) -> None:
    done = station_in(tmp_path / "data")("batch", "list", "--ledger", guarded)

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("station: E22: ")
    assert "refuses this login" in done.err
    assert WRONG not in done.err


@pytest.mark.parametrize(
    ("query", "health", "said"),
    [
        ("", Health.ODD, "may go in clear"),
        ("?sslmode=prefer", Health.ODD, "may go in clear"),
        ("?sslmode=require", Health.ODD, "any server is taken for the right one"),
        ("?sslmode=verify-ca", Health.ODD, "any server is taken for the right one"),
        ("?sslmode=verify-full&sslrootcert=ca.pem", Health.GOOD, "the ledger is at"),
    ],
)
def test_doctor_looks_whether_the_way_to_the_server_is_safe(
    query: str, health: Health, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    (finding,) = _factory(f"postgresql://line1:{WRONG}@db.factory.example/ledger{query}")

    assert (finding.health, said in finding.seen) == (health, True)
    assert WRONG not in repr(finding)


def test_a_station_joins_by_the_command_line(factory: str, tmp_path: Path) -> None:
    owner, line = station_in(tmp_path / "owner"), station_in(tmp_path / "line")
    imported = owner("batch", "import", str(write_csv(tmp_path / "batch.csv", range(1, 4))), "--ledger", factory)
    assert imported.code == 0, imported.err
    recipient = json.loads(line("key", "show", "--json").out)["recipient"]
    sealed = tmp_path / "line.age"

    shared = owner("key", "share", recipient, "--out", str(sealed), "--ledger", factory, "--json")
    assert (shared.code, json.loads(shared.out)) == (0, {"path": str(sealed)})
    again = owner("key", "share", recipient, "--out", str(sealed), "--ledger", factory)
    assert (again.code, "there already" in again.err) == (2, True)
    assert line("batch", "list", "--ledger", factory).code == 3
    taken = line("key", "take", str(sealed), "--json")
    assert (taken.code, Path(json.loads(taken.out)["place"]).exists()) == (0, True)
    assert "batch" in line("batch", "list", "--ledger", factory).out


def test_logins_are_made_by_the_command_line(factory: str, tmp_path: Path) -> None:
    owner = station_in(tmp_path / "owner")
    assert owner("batch", "list", "--ledger", factory).code == 0
    shown = owner("ledger", "roles", "--login", "line7")
    assert (shown.code, "CREATE ROLE line7 LOGIN" in shown.out) == (0, True)
    done = owner("ledger", "roles", "--login", "line7", "--apply", "--ledger", factory, "--json")
    assert (done.code, json.loads(done.out)) == (0, {"logins": ["line7"]})
    with psycopg.connect(factory) as connection:
        member = "SELECT pg_has_role('line7', 'station_ledger', 'member')"
        assert connection.execute(member).fetchone() == (True,)

    odd = owner("ledger", "roles", "--login", "line7; DROP TABLE runs", "--apply", "--ledger", factory)
    assert (odd.code, "cannot name a login" in odd.err) == (2, True)
    local = owner("ledger", "roles", "--apply")
    assert (local.code, "logins are a server's" in local.err) == (2, True)
