"""Which runs other systems were told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make both tables; there is no channel yet."""
    op.create_table(
        "result_channels",
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("done_to", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("station", "channel", name="result_channels_pk"),
    )
    op.create_table(
        "results_told",
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("told_at", sa.String(30), nullable=False),
        sa.Column("refused", sa.Text),
        sa.PrimaryKeyConstraint("channel", "run_id", name="results_told_pk"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="results_told_run_id_fk"),
    )
