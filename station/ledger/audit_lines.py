"""The words of an exported audit log: what is hashed, what is signed, and how it stands in JSON lines and in a table.

JSON lines: a header, one line for each event in canonical JSON, signed heads between them, a trailer. A table has the same records
in rows without a number, whose kind says what they are. A filtered export gives each event its place in the file, `seq`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from station.ledger.audit import canonical_json

FORMAT: Final = "station-audit-1"
STATEMENT_DOMAIN: Final = b"station-audit-export-v1\n"
CSV_COLUMNS: Final = (
    "number", "at", "station", "lane", "operator", "kind", "mac", "device_name", "batch", "data", "prev", "hash",
)  # fmt: skip
SEQ_COLUMN: Final = "seq"
HEADER: Final = "export_header"
HEAD: Final = "signed_head"
TRAILER: Final = "export_trailer"
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def harmless(cell: str) -> str:
    """Give a cell that no spreadsheet takes for a formula (owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell


def as_meant(cell: str) -> str:
    """Give back what `harmless` was given."""
    return cell[1:] if cell.startswith("'") else cell


def hashed_text(
    *,
    at: str,
    data: str,
    kind: str,
    lane: int | None,
    number: int,
    operator: str,
    prev: str,
    station: str,
    batch: str | None,
    device_name: str | None,
    mac: str | None,
) -> tuple[str, str]:
    """Give the canonical JSON of an event without its hash, in two parts: the hash stands between them in a line.

    `data` is canonical JSON already. Equals `canonical_json` of the event, at a third of its time.
    """
    return (
        f'{{"at":{_text(at)},"data":{data},',
        f'"kind":{_text(kind)},"lane":{"null" if lane is None else lane},"number":{number},"operator":{_text(operator)},'
        f'"prev":{_text(prev)},"station":{_text(station)},"subject":{{"batch":{_text(batch)},'
        f'"device_name":{_text(device_name)},"mac":{_text(mac)}}}}}',
    )


def statement_message(statement: dict[str, Any]) -> bytes:
    """Give what the station signs at the end of an export: all of the trailer but the signature."""
    content = {name: value for name, value in statement.items() if name not in {"signature", "record"}}
    return STATEMENT_DOMAIN + canonical_json(content).encode()


def _text(value: str | None) -> str:
    return "null" if value is None else json.encoder.encode_basestring(value)
