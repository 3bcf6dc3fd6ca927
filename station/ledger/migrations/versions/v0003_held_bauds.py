"""The baud rate that each adapter of a station holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of held baud rates."""
    op.create_table(
        "held_bauds",
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("adapter", sa.String(200), nullable=False),
        sa.Column("baud", sa.Integer, nullable=False),
        sa.Column("clean_units", sa.Integer, nullable=False),
        sa.Column("failed_baud", sa.Integer),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("station", "adapter", name="held_bauds_pk"),
    )
