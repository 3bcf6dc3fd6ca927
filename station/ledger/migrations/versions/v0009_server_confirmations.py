"""A restored server gives nothing out before each station has looked at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table; the server as it is now is the one that every station knows."""
    op.create_table(
        "server_confirmations",
        sa.Column("history", sa.String(60), nullable=False),
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("told_by", sa.String(100), nullable=False),
        sa.Column("told_at", sa.String(30), nullable=False),
        sa.PrimaryKeyConstraint("history", "station", name="server_confirmations_pk"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "INSERT INTO server_confirmations (history, station, told_by, told_at)"
            " SELECT (SELECT system_identifier FROM pg_control_system()) || '/'"
            " || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || 'audit_events'::regclass::oid,"
            " station, station, joined_at FROM stations"
        )
