"""The tables of work orders, and of what other systems were told; `schema` has them with all the others."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from station.ledger.metadata import METADATA

WORK_ORDERS: Final = Table(
    "work_orders",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", String(200), nullable=False),
    Column("profile", Text, nullable=False),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("quantity", Integer),
    Column("retries", Integer),
    Column("opened_at", String(30), nullable=False),
    Column("closed_at", String(30)),
    UniqueConstraint("number", name="work_orders_number_unique"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("retries >= 0", name="retries_not_negative"),
)
"""What shall be made; what is ordered on the platform stands in `orders`. A run names its order by the number."""

WORK_ORDER_UNITS: Final = Table(
    "work_order_units",
    METADATA,
    Column("certificate_id", ForeignKey("certificates.id"), primary_key=True, autoincrement=False),
    Column("work_order_id", ForeignKey("work_orders.id"), nullable=False),
    Column("mac", String(17), nullable=False),
    Column("taken_at", String(30), nullable=False),
    Column("passed_at", String(30)),
    Column("freed_at", String(30)),
)
"""Which units have a place in an order, or had one until it was freed: the unit of that MAC has the certificate no more."""
Index("work_order_units_by_order", WORK_ORDER_UNITS.c.work_order_id)

WORK_ORDER_COUNTS: Final = Table(
    "work_order_counts",
    METADATA,
    Column("work_order_id", ForeignKey("work_orders.id"), primary_key=True),
    Column("station", String(100), primary_key=True),
    Column("taken", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
)
"""How many places of an order are taken, and of these how many units are made; kept as BATCH_COUNTS is."""

RESULT_CHANNELS: Final = Table(
    "result_channels",
    METADATA,
    Column("station", String(100), primary_key=True),
    Column("channel", String(40), primary_key=True),
    Column("done_to", Integer, nullable=False),
)
"""Up to which event of its chain a station has nothing left to tell on a channel. No part of the record, as `held_bauds`."""

RESULTS_TOLD: Final = Table(
    "results_told",
    METADATA,
    Column("channel", String(40), primary_key=True),
    Column("run_id", ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    Column("told_at", String(30), nullable=False),
    Column("refused", Text),
    Column("station", String(100), nullable=False, server_default=""),
)
"""Runs that another system was told of, or `refused` with these words; `station` ended the run, and told it."""
