"""On a server, what is asked at each take is planned once in a session: a function in SQL is planned anew at every call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from station.ledger.postgresql_walls import PLANNED_0011

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Write the functions anew, with the same words and rights; the embedded ledger has none."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in PLANNED_0011:
            op.execute(sa.text(statement.replace(":", "\\:")))
