"""On a server a station's runs are its own while it lives, and no secrets are given without a committed event that tells it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from station.ledger.postgresql_walls import WALLS_0008

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make functions and triggers; the embedded ledger has no logins."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in WALLS_0008:
            op.execute(sa.text(statement.replace(":", "\\:")))
