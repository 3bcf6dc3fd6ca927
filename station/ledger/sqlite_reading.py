"""A ledger's file opened so that nothing is written, not even beside it: also where this user may only read.

Sources: sqlite.org/wal.html (read-only databases), /uri.html (`mode`, `immutable`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

LEDGER_FILE: Final = "ledger.sqlite3"
"""In a data folder."""


def connect_to_read(file: Path, timeout_s: float) -> sqlite3.Connection:
    """Open the file for reading alone; sqlite3.OperationalError when it is not there. For one look, see below."""
    # Without a write-ahead log nobody works with the file, and all is in it; SQLite would make an empty log to read it. Whoever
    # begins to work after this is not seen by this connection.
    quiet = not file.with_name(f"{file.name}-wal").exists()
    place = file.absolute().as_uri()
    if not place.startswith("file:///"):  # a share of Windows: SQLite takes its server's name for no part of the path
        place = place.replace("file://", "file:////", 1)
    uri = f"{place}?mode=ro{'&immutable=1' if quiet else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=timeout_s, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA query_only = ON").close()
    return connection
