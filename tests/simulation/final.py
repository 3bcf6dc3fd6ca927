"""What is judged when all is over: the whole record, the flash of every unit, and that no secret stands anywhere."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from station.certificate import CertificateState
from station.image.nvs_reader import read_nvs_image
from tests.simulation import power
from tests.simulation.hardware import SimUnit
from tests.simulation.product import STAMP, recipe, secret_of

if TYPE_CHECKING:
    from tests.simulation.world import World

PROBES: Final = {
    "I2: a MAC may have a second live certificate": """
        UPDATE certificates SET state = 'allocated', mac = (SELECT mac FROM certificates WHERE state = 'installed'),
        run_id = (SELECT max(id) FROM runs) WHERE id = (SELECT id FROM certificates WHERE state = 'available')""",
    "I1: an installed certificate may go to another MAC": """
        UPDATE certificates SET mac = '00:00:00:00:00:00' WHERE state = 'installed'""",
    "I1: an installed certificate may be used again": """
        UPDATE certificates SET state = 'available', mac = NULL, run_id = NULL WHERE state = 'installed'""",
    "a certificate may be lost": "DELETE FROM certificates WHERE state = 'available'",
    "I3: an audit event may be changed": "UPDATE audit_events SET operator = 'nobody' WHERE number = 1",
    "I3: an audit event may be removed": "DELETE FROM audit_events WHERE number = 1",
}
"""What the database itself must refuse, whoever asks."""
TWINS: Final = {
    "I1: a DeviceName may stand twice": {"secret_fingerprint": "randomblob(16)"},
    "I1: a DeviceSecret may stand twice": {"device_name": "'another'"},
}
"""Copies of a certificate that must be refused, by the columns in which they differ from it."""


def judge_the_end(world: World) -> None:
    """Raise Violation when anything is wrong with what is left."""
    with closing(sqlite3.connect(world.folder / power.LEDGER)) as connection:
        world.judge.committed(connection)
        problems = connection.execute("PRAGMA integrity_check").fetchall()
        world.judge.require(problems == [("ok",)], f"the ledger is damaged: {problems}")
        world.judge.require(not connection.execute("PRAGMA foreign_key_check").fetchall(), "a row refers to none")
        _judge_counts(world, connection)
        for unit in world.units:
            _judge_flash(world, connection, unit)
        _judge_runs(world)
        for fault, statement in PROBES.items():
            world.judge.require(_is_refused(connection, statement), f"the database does not refuse: {fault}")
        for fault, different in TWINS.items():
            twin = _twin(connection, {"id": "NULL", "position": "9999"} | different)
            world.judge.require(_is_refused(connection, twin), f"the database does not refuse: {fault}")
    _judge_secrets(world)


def _judge_counts(world: World, connection: sqlite3.Connection) -> None:
    counted = connection.execute("SELECT batch_id, state, count(*) FROM certificates GROUP BY 1, 2").fetchall()
    kept = connection.execute(
        "SELECT batch_id, state, sum(quantity) FROM batch_counts GROUP BY 1, 2 HAVING sum(quantity) <> 0"
    ).fetchall()
    world.judge.require(sorted(counted) == sorted(kept), f"the batch counts {kept} are not those of the rows {counted}")


def _judge_flash(world: World, connection: sqlite3.Connection, unit: SimUnit) -> None:
    """The flash holds exactly the certificate that the ledger names for the MAC."""
    held = read_nvs_image(unit.credentials(), tolerant=True)
    name = recipe().device_name_in(held)
    rows = connection.execute(
        "SELECT device_name FROM certificates WHERE mac = ? AND state = ?", (unit.mac, CertificateState.INSTALLED.value)
    ).fetchall()
    world.judge.require(rows == [(name,)], f"{unit.mac} carries {name}, the ledger names {rows}")
    number = int(str(name).rpartition("-")[2])
    secret = held.text("aliyun-key", "DeviceSecret")
    world.judge.require(secret == secret_of(number), f"{unit.mac} carries {name} with another DeviceSecret")


def _judge_runs(world: World) -> None:
    world.judge.require(
        all(world.judge.owners[run].dead for run in world.judge.open_runs), "I5: a run is open without a process"
    )


def _twin(connection: sqlite3.Connection, different: dict[str, str]) -> str:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(certificates)")]
    values = ", ".join(different.get(column, column) for column in columns)
    return f"INSERT INTO certificates SELECT {values} FROM certificates WHERE state = 'available' LIMIT 1"  # noqa: S608  names of our own schema


def _is_refused(connection: sqlite3.Connection, statement: str) -> bool:
    connection.execute("SAVEPOINT probe")
    try:
        changed = connection.execute(statement).rowcount
    except sqlite3.IntegrityError:
        return True
    finally:
        connection.execute("ROLLBACK TO probe")
        connection.execute("RELEASE probe")
    return changed <= 0  # there was nothing to try it on


def _judge_secrets(world: World) -> None:
    """I4: no secret in any file of the data folder nor in anything that was said."""
    everything = {str(path): path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    everything["what was said"] = "\n".join(world.judge.texts).encode()
    stamps = _forms(STAMP)
    for place, data in everything.items():
        if not any(stamp in data for stamp in stamps):  # each secret begins so; a quick look at nearly everything
            continue
        for name in world.judge.holdings:
            shown = any(form in data for form in _forms(secret_of(int(name.rpartition("-")[2]))))
            world.judge.require(not shown, f"I4: the secret of {name} stands in {place}")


def _forms(secret: str) -> list[bytes]:
    """Give how a secret may be written; of the base64 as much as does not depend on what follows."""
    whole = base64.b64encode(secret.encode()).decode()[: len(secret) // 3 * 4]
    forms = (secret, secret.encode().hex(), whole)
    return [form.encode(encoding) for form in forms for encoding in ("utf-8", "utf-16-le")]
