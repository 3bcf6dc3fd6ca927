"""The first ledger: batches, certificates, runs and the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from station.ledger import postgresql_triggers, sqlite_triggers

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, index and trigger."""
    _make_batches()
    _make_runs()
    _make_certificates()
    _make_audit()
    _make_operators()
    own = sqlite_triggers if op.get_bind().dialect.name == "sqlite" else postgresql_triggers
    for statement in own.TRIGGERS_0001:
        op.execute(sa.text(statement.replace(":", "\\:")))


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _make_batches() -> None:
    op.create_table(
        "ledger_meta",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="ledger_meta_pk"),
    )
    op.create_table(
        "ledger_keys",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source", sa.String(12), nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("key_check", sa.Text, nullable=False),
        sa.Column("fingerprint_key", sa.Text, nullable=False),
        sa.Column("other_key", sa.Text),
        sa.Column("made_at", sa.String(30), nullable=False),
        sa.PrimaryKeyConstraint("id", name="ledger_keys_pk"),
        sa.CheckConstraint("source IN ('file', 'keyring', 'passphrase')", name=op.f("ledger_keys_source_known")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("product_key", sa.String(20), nullable=False),
        sa.Column("work_order", sa.String(200)),
        sa.Column("imported_at", sa.String(30), nullable=False),
        sa.Column("source_name", sa.Text, nullable=False),
        sa.Column("source_digest", sa.String(64), nullable=False),
        sa.Column("source_rows", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="batches_pk"),
        sa.UniqueConstraint("name", name="batches_name_unique"),
        sa.UniqueConstraint("source_digest", name="batches_source_unique"),
    )
    op.create_table(
        "batch_counts",
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "state", name="batch_counts_pk"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="batch_counts_batch_id_fk"),
        sa.CheckConstraint("quantity >= 0", name=op.f("batch_counts_quantity_not_negative")),
    )


def _make_runs() -> None:
    # SQLite takes a foreign key to a table that is made later; others get it when that table is there.
    early = op.get_bind().dialect.name == "sqlite"
    to_certificates = sa.ForeignKeyConstraint(["certificate_id"], ["certificates.id"], name="runs_certificate_id_fk")
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("port", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("firmware_version", sa.Text, nullable=False),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("started_at", sa.String(30), nullable=False),
        sa.Column("mac", sa.String(17)),
        sa.Column("chip", sa.Text),
        sa.Column("certificate_id", sa.Integer),
        sa.Column("last_step", sa.String(12)),
        sa.Column("finished_at", sa.String(30)),
        sa.Column("verdict", sa.String(8)),
        sa.Column("code", sa.String(8)),
        sa.Column("message", sa.Text, nullable=False, server_default=""),
        sa.Column("seconds", sa.Float),
        sa.Column("data", sa.Text, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("id", name="runs_pk"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="runs_batch_id_fk"),
        sa.CheckConstraint("verdict IN ('PASS', 'FAIL', 'ERROR', 'ABORTED')", name=op.f("runs_verdict_known")),
        sa.CheckConstraint("(finished_at IS NULL) = (verdict IS NULL)", name=op.f("runs_verdict_when_finished")),
        sa.CheckConstraint("certificate_id IS NULL OR mac IS NOT NULL", name=op.f("runs_certificate_needs_mac")),
        sa.CheckConstraint("mac = lower(mac) AND length(mac) = 17", name=op.f("runs_mac_canonical")),
        *((to_certificates,) if early else ()),
    )
    _partial("runs_one_open_per_mac", "runs", ["mac"], "finished_at IS NULL AND mac IS NOT NULL", unique=True)
    _partial("runs_open", "runs", ["id"], "finished_at IS NULL")
    op.create_index("runs_by_mac", "runs", ["mac"])
    op.create_index("runs_by_certificate", "runs", ["certificate_id"])


def _make_certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("product_key", sa.String(20), nullable=False),
        sa.Column("device_name", sa.String(32), nullable=False),
        sa.Column("secret_fingerprint", sa.LargeBinary(16), nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("key_id", sa.Integer, nullable=False),
        sa.Column("extras", sa.Text),
        sa.Column("state", sa.String(12), nullable=False, server_default="available"),
        sa.Column("mac", sa.String(17)),
        sa.Column("run_id", sa.Integer),
        sa.Column("changed_at", sa.String(30), nullable=False),
        sa.Column("void_reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="certificates_pk"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="certificates_batch_id_fk"),
        sa.ForeignKeyConstraint(["key_id"], ["ledger_keys.id"], name="certificates_key_id_fk"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="certificates_run_id_fk"),
        sa.UniqueConstraint("device_name", "product_key", name="certificates_identity_unique"),
        sa.UniqueConstraint("secret_fingerprint", name="certificates_secret_unique"),
        sa.UniqueConstraint("batch_id", "position", name="certificates_position_unique"),
        sa.CheckConstraint(
            "state IN ('available', 'allocated', 'installing', 'installed', 'activated', 'void')",
            name=op.f("certificates_state_known"),
        ),
        sa.CheckConstraint(
            "state <> 'available' OR (mac IS NULL AND run_id IS NULL)", name=op.f("certificates_available_is_nobodys")
        ),
        sa.CheckConstraint(
            "state IN ('available', 'void') OR (mac IS NOT NULL AND run_id IS NOT NULL)",
            name=op.f("certificates_held_names_its_mac"),
        ),
        sa.CheckConstraint("(state = 'void') = (void_reason IS NOT NULL)", name=op.f("certificates_void_has_a_reason")),
        sa.CheckConstraint("length(void_reason) > 0", name=op.f("certificates_void_reason_says_something")),
        sa.CheckConstraint("mac = lower(mac) AND length(mac) = 17", name=op.f("certificates_mac_canonical")),
    )
    live = "state IN ('allocated', 'installing', 'installed', 'activated')"
    _partial("certificates_one_live_per_mac", "certificates", ["mac", "product_key"], live, unique=True)
    _partial("certificates_next", "certificates", ["batch_id", "position"], "state = 'available'")
    _partial("certificates_by_mac", "certificates", ["mac"], "mac IS NOT NULL")
    if op.get_bind().dialect.name != "sqlite":
        op.create_foreign_key("runs_certificate_id_fk", "runs", "certificates", ["certificate_id"], ["id"])


def _make_audit() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("station", name="audit_heads_pk"),
    )
    op.create_table(
        "audit_signatures",
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("at", sa.String(30), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("station", "number", name="audit_signatures_pk"),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("station", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.String(30), nullable=False),
        sa.Column("lane", sa.Integer),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("mac", sa.String(17)),
        sa.Column("device_name", sa.String(32)),
        sa.Column("batch", sa.String(200)),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("prev", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="audit_events_pk"),
        sa.UniqueConstraint("station", "number", name="audit_events_number_unique"),
    )
    _partial("audit_events_by_mac", "audit_events", ["mac"], "mac IS NOT NULL")
    _partial("audit_events_by_device_name", "audit_events", ["device_name"], "device_name IS NOT NULL")


def _make_operators() -> None:
    op.create_table(
        "operators",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("name_key", sa.String(200), nullable=False),
        sa.Column("badge", sa.String(64)),
        sa.Column("badge_key", sa.String(200)),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("pin_hash", sa.Text),
        sa.Column("wrong_pins", sa.Integer, nullable=False, server_default="0"),
        sa.Column("locked_at", sa.String(30)),
        sa.Column("added_at", sa.String(30), nullable=False),
        sa.Column("removed_at", sa.String(30)),
        sa.PrimaryKeyConstraint("id", name="operators_pk"),
        sa.UniqueConstraint("name_key", name="operators_name_unique"),
        sa.UniqueConstraint("badge_key", name="operators_badge_unique"),
        sa.CheckConstraint("role IN ('technician', 'line_lead')", name=op.f("operators_role_known")),
        sa.CheckConstraint(
            "(pin_hash IS NOT NULL) = (role = 'line_lead' AND removed_at IS NULL)",
            name=op.f("operators_line_leads_have_a_pin"),
        ),
        sa.CheckConstraint("(badge IS NULL) = (badge_key IS NULL)", name=op.f("operators_badge_has_its_key")),
        sa.CheckConstraint("removed_at IS NULL OR badge IS NULL", name=op.f("operators_a_removed_one_has_no_badge")),
    )
