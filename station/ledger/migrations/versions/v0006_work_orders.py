"""Work orders with their units, and which runs were made for one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, and the runs' column."""
    op.create_table(
        "work_orders",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("number", sa.String(200), nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer),
        sa.Column("retries", sa.Integer),
        sa.Column("opened_at", sa.String(30), nullable=False),
        sa.Column("closed_at", sa.String(30)),
        sa.PrimaryKeyConstraint("id", name="work_orders_pk"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="work_orders_batch_id_fk"),
        sa.UniqueConstraint("number", name="work_orders_number_unique"),
        sa.CheckConstraint("quantity > 0", name=op.f("work_orders_quantity_positive")),
        sa.CheckConstraint("retries >= 0", name=op.f("work_orders_retries_not_negative")),
    )
    op.create_table(
        "work_order_units",
        sa.Column("certificate_id", sa.Integer, nullable=False),
        sa.Column("work_order_id", sa.Integer, nullable=False),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("taken_at", sa.String(30), nullable=False),
        sa.Column("passed_at", sa.String(30)),
        sa.Column("freed_at", sa.String(30)),
        sa.PrimaryKeyConstraint("certificate_id", name="work_order_units_pk"),
        sa.ForeignKeyConstraint(["certificate_id"], ["certificates.id"], name="work_order_units_certificate_id_fk"),
        sa.ForeignKeyConstraint(["work_order_id"], ["work_orders.id"], name="work_order_units_work_order_id_fk"),
    )
    op.create_index("work_order_units_by_order", "work_order_units", ["work_order_id"])
    op.create_table(
        "work_order_counts",
        sa.Column("work_order_id", sa.Integer, nullable=False),
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("passed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("work_order_id", "station", name="work_order_counts_pk"),
        sa.ForeignKeyConstraint(["work_order_id"], ["work_orders.id"], name="work_order_counts_work_order_id_fk"),
    )
    op.add_column("runs", sa.Column("work_order", sa.String(200)))
    present = sa.text("work_order IS NOT NULL")
    op.create_index("runs_by_work_order", "runs", ["work_order"], sqlite_where=present, postgresql_where=present)
