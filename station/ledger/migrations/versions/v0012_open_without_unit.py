"""A run that begins asks for those that never learnt their unit: it reads these alone, however many other runs are open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the index."""
    condition = sa.text("finished_at IS NULL AND mac IS NULL")
    op.create_index("runs_open_without_unit", "runs", ["id"], sqlite_where=condition, postgresql_where=condition)
