"""Units bear labels: a serial number belongs to one unit of a product."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from station.ledger import postgresql_triggers, sqlite_triggers

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of serial numbers; a run notes the one that its unit bore."""
    op.add_column("runs", sa.Column("serial_number", sa.String(64)))
    op.create_table(
        "serial_numbers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("product_key", sa.String(20), nullable=False),
        sa.Column("serial_number", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("entry", sa.String(12), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("bound_at", sa.String(30), nullable=False),
        sa.Column("released_at", sa.String(30)),
        sa.Column("release_reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="serial_numbers_pk"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="serial_numbers_run_id_fk"),
        sa.CheckConstraint("length(serial_number) > 0", name=op.f("serial_numbers_says_something")),
        sa.CheckConstraint("entry IN ('scanned', 'typed', 'given')", name=op.f("serial_numbers_entry_known")),
        sa.CheckConstraint("mac = lower(mac) AND length(mac) = 17", name=op.f("serial_numbers_mac_canonical")),
        sa.CheckConstraint(
            "(released_at IS NULL) = (release_reason IS NULL)", name=op.f("serial_numbers_release_has_a_reason")
        ),
        sa.CheckConstraint("length(release_reason) > 0", name=op.f("serial_numbers_release_reason_says_something")),
    )
    borne = sa.text("released_at IS NULL")
    for name, column in (("serial_numbers_one_unit", "serial_number"), ("serial_numbers_one_per_mac", "mac")):
        columns = [column, "product_key"]
        op.create_index(name, "serial_numbers", columns, unique=True, sqlite_where=borne, postgresql_where=borne)
    op.create_index("serial_numbers_by_name", "serial_numbers", ["serial_number"])
    op.create_index("serial_numbers_by_mac", "serial_numbers", ["mac"])
    own = sqlite_triggers if op.get_bind().dialect.name == "sqlite" else postgresql_triggers
    for statement in own.TRIGGERS_0005:
        op.execute(sa.text(statement.replace(":", "\\:")))
