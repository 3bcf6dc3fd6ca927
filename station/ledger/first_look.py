"""A look into the ledger of a data folder by SQLite alone, before anything heavy is loaded: may the screen come up at once?"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.ledger.key_source import KeySource
from station.ledger.moved import ARRIVING, MOVED_TO
from station.ledger.revisions import HEAD
from station.ledger.sqlite_reading import LEDGER_FILE, connect_to_read

LEAD_DECLINED: Final = "first_line_lead_declined_at"
"""Key of `ledger_meta` in a ledger whose first line lead was put off."""
_TIMEOUT_S: Final = 0.1
_LOOK: Final = """
SELECT (SELECT version_num FROM alembic_version),
       (SELECT source FROM ledger_keys ORDER BY id DESC LIMIT 1),
       (SELECT count(*) FROM ledger_keys),
       (SELECT count(*) FROM operators WHERE removed_at IS NULL),
       EXISTS (SELECT 1 FROM operators WHERE removed_at IS NULL AND role = 'line_lead'),
       EXISTS (SELECT 1 FROM ledger_meta WHERE key = :declined),
       EXISTS (SELECT 1 FROM ledger_meta WHERE key IN (:moved_to, :arriving))
"""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """A ledger that opens by itself, as far as can be seen."""

    has_operators: bool
    """Whether somebody works here by name, and so has to sign in."""
    wants_first_lead: bool
    """Whether somebody should be asked to become the first line lead."""


def look_first(data: Path) -> FirstLook | None:
    """Look into a data folder's ledger; None when it has to be opened to know more: it is not there yet, needs a passphrase
    or an update, or cannot be used as it is.
    """
    file = data / LEDGER_FILE
    if not (os.access(file, os.R_OK | os.W_OK) and os.access(data, os.W_OK | os.X_OK)):
        return None
    words = {"declined": LEAD_DECLINED, "moved_to": MOVED_TO, "arriving": ARRIVING}
    try:
        with closing(connect_to_read(file, _TIMEOUT_S)) as connection:
            found = connection.execute(_LOOK, words).fetchone()
    except sqlite3.Error:
        return None
    revision, source, keys, operators, has_lead, has_declined, is_elsewhere = found
    opens_by_itself = revision == HEAD and keys == 1 and source != KeySource.PASSPHRASE and not is_elsewhere
    return FirstLook(operators > 0, not (has_lead or has_declined)) if opens_by_itself else None
