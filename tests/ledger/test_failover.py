"""A streaming standby takes over from a server that died: stations that name both go on, and nothing is lost or doubled."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from station.errors import Code, LedgerFault
from station.ledger import Ledger
from station.ledger.audit_verify import verify_export
from station.verdict import Verdict
from tests.ledger.making import begin, mac_of, name, write_csv
from tests.ledger.postgresql_server import Server, Standby, new_database
from tests.ledger.test_factory import join
from tests.ledger.test_gap import passed


def test_stations_that_name_both_servers_go_on_at_the_one_that_took_over(tmp_path: Path) -> None:
    with closing(Server(is_safe=True)) as server, closing(Standby(server)) as standby, ExitStack() as opened:
        url = standby.either(new_database(server.url))
        with Ledger.open(tmp_path / "a", url=url) as a:
            a.import_batch(write_csv(tmp_path / "batch.csv", range(1, 6)))
            with Ledger.open(join(a, tmp_path / "b"), url=url) as b:
                passed(b, 1)
                run = begin(a, 2)
                a.allocate(run)
                a.begin_installing(run)
                server.kill()
                a.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
                assert a.recorder.kept == 1

                waiting = opened.enter_context(Ledger.open(tmp_path / "b", url=standby.alone(url)))
                with pytest.raises(LedgerFault, match="a standby") as caught:
                    waiting.recorder.require_server()
                assert caught.value.code is Code.LEDGER_UNREACHABLE

                standby.take_over()
                with pytest.raises(LedgerFault, match=a.station) as caught:  # the connection has lived on
                    waiting.recorder.require_server()
                assert caught.value.code is Code.LEDGER_BEHIND
                with suppress(LedgerFault):  # the first one to look waits for the other
                    a.recorder.require_server()
                b.recorder.require_server()
                a.recorder.require_server()
                assert passed(b, 3) == name(3)

                assert a.recorder.kept == 0
                assert [(run.mac, run.verdict) for run in a.runs()] == [
                    (mac_of(unit), Verdict.PASS) for unit in (3, 2, 1)
                ]
                assert [row.mac for row in a.certificates("batch")] == [mac_of(1), mac_of(2), mac_of(3), None, None]
                a.export_audit(tmp_path / "audit.jsonl")
                assert verify_export(tmp_path / "audit.jsonl").flaw is None
