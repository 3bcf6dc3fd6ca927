"""The tables. What must never be true is refused here, by constraint; what a constraint cannot say stands in triggers.

I1 and I2 of DESIGN §4 are `certificates_one_live_per_mac`, the checks that tie a state to its MAC, and the dialect's triggers.
A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from station.ledger import order_tables as order_tables  # noqa: PLC0414  with its tables METADATA is whole
from station.ledger.metadata import METADATA as METADATA  # noqa: PLC0414  others take it from here

LEDGER_META: Final = Table(
    "ledger_meta",
    METADATA,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
"""`ledger_id`, `created_at`."""

LEDGER_KEYS: Final = Table(
    "ledger_keys",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("source", String(12), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("key_check", Text, nullable=False),
    Column("fingerprint_key", Text, nullable=False),
    Column("other_key", Text),
    Column("made_at", String(30), nullable=False),
    CheckConstraint("source IN ('file', 'keyring', 'passphrase')", name="source_known"),
)
"""Where the ledger's key is found (never the key). The highest number is in use; a lower one is there while it is changed.

`key_check` is a known text, `fingerprint_key` the key of fingerprints, both sealed with this key. `other_key` is, while the key
is changed, the other row's key sealed with this one: whoever has one of the two can read every row.
"""

BATCHES: Final = Table(
    "batches",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("product_key", String(20), nullable=False),
    Column("work_order", String(200)),
    Column("imported_at", String(30), nullable=False),
    Column("source_name", Text, nullable=False),
    Column("source_digest", String(64), nullable=False),
    Column("source_rows", Integer, nullable=False),
    UniqueConstraint("name", name="batches_name_unique"),
    UniqueConstraint("source_digest", name="batches_source_unique"),
)

BATCH_COUNTS: Final = Table(
    "batch_counts",
    METADATA,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("state", String(12), primary_key=True),
    Column("station", String(100), primary_key=True),
    Column("quantity", Integer, nullable=False),
)
"""How many certificates of a batch are in each state: kept in the transaction of each move, so that nothing is scanned.

Each station has rows of its own, so that no station waits for another; their sum is the truth, one row alone may be negative.
"""

STATIONS: Final = Table(
    "stations",
    METADATA,
    Column("station", String(100), primary_key=True),
    Column("public_key", String(64), nullable=False),
    Column("login", String(63), nullable=False),
    Column("joined_at", String(30), nullable=False),
)
"""Who works with this ledger: a name belongs to one signing key for ever. `login` is the database's word for who that is."""

SERVER_CONFIRMATIONS: Final = Table(
    "server_confirmations",
    METADATA,
    Column("history", String(60), primary_key=True),
    Column("station", String(100), primary_key=True),
    Column("told_by", String(100), nullable=False),
    Column("told_at", String(30), nullable=False),
)
"""Which stations lack nothing in a history of the server; `told_by` is another one where a line lead released it."""

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("station", String(100), nullable=False),
    Column("process", String(40), nullable=False),
    Column("lane", Integer, nullable=False),
    Column("port", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("firmware_version", Text, nullable=False),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("operator", Text, nullable=False),
    Column("started_at", String(30), nullable=False),
    Column("mac", String(17)),
    Column("chip", Text),
    Column("certificate_id", ForeignKey("certificates.id", use_alter=True)),
    Column("last_step", String(12)),
    Column("finished_at", String(30)),
    Column("verdict", String(8)),
    Column("code", String(8)),
    Column("message", Text, nullable=False, server_default=""),
    Column("seconds", Float),
    Column("data", Text, nullable=False, server_default="{}"),
    Column("serial_number", String(64)),
    Column("work_order", String(200)),
    CheckConstraint("verdict IN ('PASS', 'FAIL', 'ERROR', 'ABORTED')", name="verdict_known"),
    CheckConstraint("(finished_at IS NULL) = (verdict IS NULL)", name="verdict_when_finished"),
    CheckConstraint("certificate_id IS NULL OR mac IS NOT NULL", name="certificate_needs_mac"),
    CheckConstraint("mac = lower(mac) AND length(mac) = 17", name="mac_canonical"),
)
Index(
    "runs_one_open_per_mac",
    RUNS.c.mac,
    unique=True,
    sqlite_where=text("finished_at IS NULL AND mac IS NOT NULL"),
    postgresql_where=text("finished_at IS NULL AND mac IS NOT NULL"),
)
Index(
    "runs_open",
    RUNS.c.id,
    sqlite_where=text("finished_at IS NULL"),
    postgresql_where=text("finished_at IS NULL"),
)
Index(
    "runs_open_without_unit",
    RUNS.c.id,
    sqlite_where=text("finished_at IS NULL AND mac IS NULL"),
    postgresql_where=text("finished_at IS NULL AND mac IS NULL"),
)
Index("runs_by_mac", RUNS.c.mac)
Index(
    "runs_by_work_order",
    RUNS.c.work_order,
    sqlite_where=text("work_order IS NOT NULL"),
    postgresql_where=text("work_order IS NOT NULL"),
)
Index("runs_by_certificate", RUNS.c.certificate_id)

CERTIFICATES: Final = Table(
    "certificates",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("product_key", String(20), nullable=False),
    Column("device_name", String(32), nullable=False),
    Column("secret_fingerprint", LargeBinary(16), nullable=False),
    Column("secrets", Text, nullable=False),
    Column("key_id", ForeignKey("ledger_keys.id"), nullable=False),
    Column("extras", Text),
    Column("state", String(12), nullable=False, server_default="available"),
    Column("mac", String(17)),
    Column("run_id", ForeignKey("runs.id")),
    Column("changed_at", String(30), nullable=False),
    Column("void_reason", Text),
    UniqueConstraint("device_name", "product_key", name="certificates_identity_unique"),
    UniqueConstraint("secret_fingerprint", name="certificates_secret_unique"),
    UniqueConstraint("batch_id", "position", name="certificates_position_unique"),
    CheckConstraint(
        "state IN ('available', 'allocated', 'installing', 'installed', 'activated', 'void')", name="state_known"
    ),
    CheckConstraint("state <> 'available' OR (mac IS NULL AND run_id IS NULL)", name="available_is_nobodys"),
    CheckConstraint(
        "state IN ('available', 'void') OR (mac IS NOT NULL AND run_id IS NOT NULL)", name="held_names_its_mac"
    ),
    CheckConstraint("(state = 'void') = (void_reason IS NOT NULL)", name="void_has_a_reason"),
    CheckConstraint("length(void_reason) > 0", name="void_reason_says_something"),
    CheckConstraint("mac = lower(mac) AND length(mac) = 17", name="mac_canonical"),
)
_LIVE = "state IN ('allocated', 'installing', 'installed', 'activated')"
Index(
    "certificates_one_live_per_mac",
    CERTIFICATES.c.mac,
    CERTIFICATES.c.product_key,
    unique=True,
    sqlite_where=text(_LIVE),
    postgresql_where=text(_LIVE),
)
Index(
    "certificates_next",
    CERTIFICATES.c.batch_id,
    CERTIFICATES.c.position,
    sqlite_where=text("state = 'available'"),
    postgresql_where=text("state = 'available'"),
)
Index(
    "certificates_by_mac",
    CERTIFICATES.c.mac,
    sqlite_where=text("mac IS NOT NULL"),
    postgresql_where=text("mac IS NOT NULL"),
)

SERIAL_NUMBERS: Final = Table(
    "serial_numbers",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("product_key", String(20), nullable=False),
    Column("serial_number", String(64), nullable=False),
    Column("mac", String(17), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("entry", String(12), nullable=False),
    Column("fields", Text, nullable=False),
    Column("bound_at", String(30), nullable=False),
    Column("released_at", String(30)),
    Column("release_reason", Text),
    CheckConstraint("length(serial_number) > 0", name="says_something"),
    CheckConstraint("entry IN ('scanned', 'typed', 'given')", name="entry_known"),
    CheckConstraint("mac = lower(mac) AND length(mac) = 17", name="mac_canonical"),
    CheckConstraint("(released_at IS NULL) = (release_reason IS NULL)", name="release_has_a_reason"),
    CheckConstraint("length(release_reason) > 0", name="release_reason_says_something"),
)
"""Which unit bears which label, by the run that read it; `fields` are the label's others (JSON). A released one is history."""
_BORNE = "released_at IS NULL"
Index(
    "serial_numbers_one_unit",
    SERIAL_NUMBERS.c.serial_number,
    SERIAL_NUMBERS.c.product_key,
    unique=True,
    sqlite_where=text(_BORNE),
    postgresql_where=text(_BORNE),
)
Index(
    "serial_numbers_one_per_mac",
    SERIAL_NUMBERS.c.mac,
    SERIAL_NUMBERS.c.product_key,
    unique=True,
    sqlite_where=text(_BORNE),
    postgresql_where=text(_BORNE),
)
Index("serial_numbers_by_name", SERIAL_NUMBERS.c.serial_number)
Index("serial_numbers_by_mac", SERIAL_NUMBERS.c.mac)

AUDIT_HEADS: Final = Table(
    "audit_heads",
    METADATA,
    Column("station", String(100), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The last link of each station's chain, so that appending reads one row."""

AUDIT_SIGNATURES: Final = Table(
    "audit_signatures",
    METADATA,
    Column("station", String(100), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("at", String(30), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)
"""Heads that the station signed: up to this event, the chain was as it is."""

AUDIT_EVENTS: Final = Table(
    "audit_events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("station", String(100), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", String(30), nullable=False),
    Column("lane", Integer),
    Column("operator", Text, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("mac", String(17)),
    Column("device_name", String(32)),
    Column("batch", String(200)),
    Column("data", Text, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("station", "number", name="audit_events_number_unique"),
)
Index(
    "audit_events_by_mac",
    AUDIT_EVENTS.c.mac,
    sqlite_where=text("mac IS NOT NULL"),
    postgresql_where=text("mac IS NOT NULL"),
)
Index(
    "audit_events_by_device_name",
    AUDIT_EVENTS.c.device_name,
    sqlite_where=text("device_name IS NOT NULL"),
    postgresql_where=text("device_name IS NOT NULL"),
)

OPERATORS: Final = Table(
    "operators",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("name_key", String(200), nullable=False),
    Column("badge", String(64)),
    Column("badge_key", String(200)),
    Column("role", String(12), nullable=False),
    Column("pin_hash", Text),
    Column("wrong_pins", Integer, nullable=False, server_default="0"),
    Column("locked_at", String(30)),
    Column("added_at", String(30), nullable=False),
    Column("removed_at", String(30)),
    UniqueConstraint("name_key", name="operators_name_unique"),
    UniqueConstraint("badge_key", name="operators_badge_unique"),
    CheckConstraint("role IN ('technician', 'line_lead')", name="role_known"),
    CheckConstraint(
        "(pin_hash IS NOT NULL) = (role = 'line_lead' AND removed_at IS NULL)", name="line_leads_have_a_pin"
    ),
    CheckConstraint("(badge IS NULL) = (badge_key IS NULL)", name="badge_has_its_key"),
    CheckConstraint("removed_at IS NULL OR badge IS NULL", name="a_removed_one_has_no_badge"),
)
"""Who works here, the removed ones too: the log names them. `name_key` and `badge_key` are what is compared: case and width
do not count."""

ORDERS: Final = Table(
    "orders",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("batch", String(200), nullable=False),
    Column("part", Integer, nullable=False),
    Column("product_key", String(20), nullable=False),
    Column("work_order", String(200)),
    Column("names", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("apply_id", BigInteger),
    Column("begun_at", String(30), nullable=False),
    Column("changed_at", String(30), nullable=False),
    CheckConstraint("state IN ('begun', 'applied', 'placed', 'received', 'given_up')", name="state_known"),
    CheckConstraint("state IN ('begun', 'given_up') OR apply_id IS NOT NULL", name="apply_id_when_applied"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)
"""What was ordered on the platform, written before it is asked for: a batch has one row for each 10,000 names (JSON list)."""
Index(
    "orders_one_per_part",
    ORDERS.c.batch,
    ORDERS.c.part,
    unique=True,
    sqlite_where=text("state <> 'given_up'"),
    postgresql_where=text("state <> 'given_up'"),
)

HELD_BAUDS: Final = Table(
    "held_bauds",
    METADATA,
    Column("station", String(100), primary_key=True),
    Column("adapter", String(200), primary_key=True),
    Column("baud", Integer, nullable=False),
    Column("clean_units", Integer, nullable=False),
    Column("failed_baud", Integer),
    Column("failures", Integer, nullable=False),
)
"""What each adapter and its cable hold; no part of the record, so the audit log does not tell it."""
