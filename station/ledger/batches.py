"""Batches in the ledger: what is there, and how far each is used up."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from station.certificate import CertificateState
from station.errors import UsageError, Why
from station.ledger.certificates import CERTIFICATE_QUERY, certificate_row
from station.ledger.quick import quick
from station.ledger.records import BatchSummary, CertificateRow
from station.ledger.schema import BATCH_COUNTS, BATCHES, CERTIFICATES

_C = CERTIFICATES.c
_BATCH_BY_NAME: Final = quick(select(BATCHES).where(BATCHES.c.name == bindparam("of_name")))


def batch_row(connection: Connection, name: str) -> Row[Any]:
    """Give a batch's row; UsageError with the nearest name when there is none."""
    row = connection.execute(_BATCH_BY_NAME, {"of_name": name}).first()
    if row is not None:
        return row
    names = [found.name for found in connection.execute(select(BATCHES.c.name).order_by(BATCHES.c.id))]
    if not names:
        mend = "Import one first: station batch import FILE.csv"
    elif near := difflib.get_close_matches(name, names, 1):
        mend = f"Did you mean {near[0]}?"
    else:
        mend = f"There are: {', '.join(names[-5:])}"
    raise UsageError(f"there is no batch named {name!r}", mend, why=Why.UNKNOWN_BATCH, facts={"batch": name})


def batch_summaries(connection: Connection, name: str | None = None) -> list[BatchSummary]:
    """Give all batches, or the one of that name, in the order of their import."""
    query = select(BATCHES).order_by(BATCHES.c.id)
    counts_query = select(BATCH_COUNTS)
    if name is not None:
        row = batch_row(connection, name)
        query = query.where(BATCHES.c.id == row.id)
        counts_query = counts_query.where(BATCH_COUNTS.c.batch_id == row.id)
    counts: dict[int, dict[CertificateState, int]] = {}
    for row in connection.execute(counts_query):
        counts.setdefault(row.batch_id, dict.fromkeys(CertificateState, 0))[CertificateState(row.state)] += row.quantity
    return [_summary(row, counts.get(row.id, {})) for row in connection.execute(query)]


def certificates_in(connection: Connection, name: str, limit: int, offset: int) -> list[CertificateRow]:
    """Give certificates of a batch in the order of its CSV, without secrets."""
    row = batch_row(connection, name)
    query = CERTIFICATE_QUERY.where(_C.batch_id == row.id).order_by(_C.position).limit(limit).offset(offset)
    return [certificate_row(found) for found in connection.execute(query)]


def _summary(row: Row[Any], counts: Mapping[CertificateState, int]) -> BatchSummary:
    return BatchSummary(
        row.name,
        row.product_key,
        row.work_order,
        row.imported_at,
        row.source_name,
        MappingProxyType(dict(counts)),
    )
