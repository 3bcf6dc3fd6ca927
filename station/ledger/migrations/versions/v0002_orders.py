"""What was ordered on the platform, so that nothing is ordered twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of orders."""
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("batch", sa.String(200), nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("product_key", sa.String(20), nullable=False),
        sa.Column("work_order", sa.String(200)),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("apply_id", sa.BigInteger),
        sa.Column("begun_at", sa.String(30), nullable=False),
        sa.Column("changed_at", sa.String(30), nullable=False),
        sa.PrimaryKeyConstraint("id", name="orders_pk"),
        sa.CheckConstraint(
            "state IN ('begun', 'applied', 'placed', 'received', 'given_up')", name=op.f("orders_state_known")
        ),
        sa.CheckConstraint(
            "state IN ('begun', 'given_up') OR apply_id IS NOT NULL", name=op.f("orders_apply_id_when_applied")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("orders_quantity_positive")),
    )
    op.create_index(
        "orders_one_per_part",
        "orders",
        ["batch", "part"],
        unique=True,
        sqlite_where=sa.text("state <> 'given_up'"),
        postgresql_where=sa.text("state <> 'given_up'"),
    )
