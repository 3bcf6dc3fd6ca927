"""Which station told a run to another system: the one that ended it, which need not be the one that began it."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; what is there was told by the run's station, or by the one whose log says that it ended the run."""
    op.add_column("results_told", sa.Column("station", sa.String(100), nullable=False, server_default=""))
    op.execute("UPDATE results_told SET station = (SELECT station FROM runs WHERE id = run_id)")
    ends = sa.text("SELECT station, data FROM audit_events WHERE kind = 'run_interrupted'")
    found = [{"told_by": row.station, "of_run": json.loads(row.data)["run"]} for row in op.get_bind().execute(ends)]
    if found:
        op.get_bind().execute(sa.text("UPDATE results_told SET station = :told_by WHERE run_id = :of_run"), found)
