"""On a server, the run whose secrets are asked for is found by its number alone, also where the table has no statistics yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from station.ledger.postgresql_walls import BY_NUMBER_0013

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Write the function anew, with the same rights; the embedded ledger has none."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in BY_NUMBER_0013:
            op.execute(sa.text(statement.replace(":", "\\:")))
