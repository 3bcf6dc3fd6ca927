"""The key of a factory's ledger on its way to a further station: sealed for that station, never on the server, never in clear."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pyrage
from sqlalchemy import select

from station.errors import Code, LedgerFault, UsageError
from station.ledger.audit import Changes
from station.ledger.disk import disk_fault
from station.ledger.event_kind import EventKind
from station.ledger.key_ring import KeyRing, source_of
from station.ledger.key_source import KeySource
from station.ledger.key_sources import keep_key, place_of
from station.ledger.owner_only import write_owner_only
from station.ledger.schema import LEDGER_KEYS
from station.ledger.sealed_batch import open_sealed, read_recipient
from station.ledger.secret_box import key_of_text, text_of_key
from station.ledger.whole_file import refuse_existing, written_whole

_KIND: Final = "station-shared-ledger-key-v1"
_FILE_NAME: Final = re.compile(r"ledger(-[0-9a-f]{8})?\.key")


class SharedKey:
    """Gives the key of an open ledger away."""

    def __init__(self, changing: Changes, keys: KeyRing) -> None:
        self._changing = changing
        self._keys = keys

    def seal_for(self, recipient: str, out: Path, *, operator: str) -> None:
        """Write the key to a new file that one station alone can open, and say so in the log. UsageError, LedgerFault."""
        to = read_recipient(recipient)
        refuse_existing(out, force=False)
        with self._changing() as change:
            key_id, _ = self._keys.in_use(change.connection)
            row = change.connection.execute(select(LEDGER_KEYS).where(LEDGER_KEYS.c.id == key_id)).one()
            source, parameters = source_of(row)
            if source is KeySource.PASSPHRASE:
                raise UsageError(
                    "the ledger is opened with a passphrase, so no key has to be sent",
                    "Type the passphrase at the other station",
                )
            content = {
                "kind": _KIND,
                "ledger_id": self._keys.ledger_id,
                "source": source.value,
                "parameters": dict(parameters),
                "key": text_of_key(self._keys.key(key_id)),
            }
            change.trail.append(EventKind.LEDGER_KEY_SHARED, operator=operator, data={"recipient": recipient.strip()})
        # The log knows of a key before anybody can have it.
        with written_whole(out) as draft:
            draft.write_bytes(pyrage.encrypt(json.dumps(content).encode(), [to]))


def take_key(sealed: Path, data: Path) -> str:
    """Put a key that was sealed for this station into its place; say where that is. UsageError, LedgerFault, BatchError."""
    try:
        content = json.loads(open_sealed(sealed, data))
        source, parameters = KeySource(content["source"]), dict(content["parameters"])
        key = key_of_text(content["key"])
        right = content["kind"] == _KIND and key is not None and source is not KeySource.PASSPHRASE
    except (ValueError, KeyError, TypeError):
        right = False
    if not right or key is None or (source is KeySource.FILE and not _FILE_NAME.fullmatch(str(parameters.get("name")))):
        raise UsageError("the file holds no key of a ledger", "Let it be made by `station key share`", str(sealed))
    if source is KeySource.KEYRING:
        keep_key(parameters, key)
        return place_of(source, parameters, data)
    file = data / str(parameters["name"])
    text = text_of_key(key) + "\n"
    try:
        if file.exists() and file.read_text(encoding="ascii") != text:
            raise LedgerFault(
                Code.KEY_WRONG,
                "the data folder has a key of that name already, and it is another one",
                "Work with the factory's ledger in a data folder of its own: --data",
                str(file),
            )
        write_owner_only(file, text)
    except UnicodeDecodeError:
        raise UsageError("the data folder has a file of that name already", "Move it away", str(file)) from None
    except OSError as error:
        raise disk_fault(error, file) from None
    return str(file)
