"""Stations have names that belong to their keys, and counts of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from station.ledger import postgresql_triggers, sqlite_triggers

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of stations; give the counts there are to no station in particular."""
    op.create_table(
        "stations",
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("login", sa.String(63), nullable=False),
        sa.Column("joined_at", sa.String(30), nullable=False),
        sa.PrimaryKeyConstraint("station", name="stations_pk"),
    )
    old = sa.table("batch_counts", sa.column("batch_id"), sa.column("state"), sa.column("quantity"))
    kept = [dict(row._mapping) for row in op.get_bind().execute(sa.select(old))]
    op.drop_table("batch_counts")
    counts = op.create_table(
        "batch_counts",
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "state", "station", name="batch_counts_pk"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="batch_counts_batch_id_fk"),
    )
    if kept:
        op.bulk_insert(counts, [{**row, "station": ""} for row in kept])
    own = sqlite_triggers if op.get_bind().dialect.name == "sqlite" else postgresql_triggers
    for statement in own.TRIGGERS_0004:
        op.execute(sa.text(statement.replace(":", "\\:")))
