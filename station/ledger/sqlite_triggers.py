"""SQLite's texts of what the ledger's database refuses; PostgreSQL's stand in `postgresql_triggers`.

Source: sqlite.org/lang_createtrigger.html.
"""

from __future__ import annotations

from typing import Final

TRIGGERS_0001: Final[tuple[str, ...]] = (
    # The life of a certificate: only the moves of DESIGN §4.
    """CREATE TRIGGER certificates_moves BEFORE UPDATE OF state ON certificates
    WHEN NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN (
        'available>allocated', 'available>void', 'allocated>available', 'allocated>installing', 'allocated>void',
        'installing>installed', 'installing>void', 'installed>activated', 'installed>void', 'activated>void')
    BEGIN SELECT RAISE(ABORT, 'certificates: this move is not allowed'); END""",
    # I1: a MAC comes with the allocation and goes only with the way back to available.
    """CREATE TRIGGER certificates_bound BEFORE UPDATE OF mac ON certificates
    WHEN NEW.mac IS NOT OLD.mac AND NOT (
        (OLD.state = 'available' AND NEW.state = 'allocated') OR (OLD.state = 'allocated' AND NEW.state = 'available'))
    BEGIN SELECT RAISE(ABORT, 'certificates: bound to its MAC'); END""",
    """CREATE TRIGGER certificates_void_is_final BEFORE UPDATE OF run_id, void_reason, changed_at ON certificates
    WHEN OLD.state = 'void'
    BEGIN SELECT RAISE(ABORT, 'certificates: void is final'); END""",
    """CREATE TRIGGER certificates_identity BEFORE UPDATE OF id, batch_id, position, product_key, device_name
    ON certificates
    BEGIN SELECT RAISE(ABORT, 'certificates: an identity never changes'); END""",
    """CREATE TRIGGER certificates_kept BEFORE DELETE ON certificates
    BEGIN SELECT RAISE(ABORT, 'certificates: none is ever deleted'); END""",
    """CREATE TRIGGER batches_kept BEFORE DELETE ON batches
    BEGIN SELECT RAISE(ABORT, 'batches: none is ever deleted'); END""",
    """CREATE TRIGGER runs_final BEFORE UPDATE ON runs WHEN OLD.finished_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'runs: a finished run never changes'); END""",
    """CREATE TRIGGER runs_one_unit BEFORE UPDATE OF mac ON runs WHEN OLD.mac IS NOT NULL AND NEW.mac IS NOT OLD.mac
    BEGIN SELECT RAISE(ABORT, 'runs: a run has one unit'); END""",
    """CREATE TRIGGER runs_kept BEFORE DELETE ON runs
    BEGIN SELECT RAISE(ABORT, 'runs: none is ever deleted'); END""",
    """CREATE TRIGGER operators_kept BEFORE DELETE ON operators
    BEGIN SELECT RAISE(ABORT, 'operators: none is ever deleted'); END""",
    """CREATE TRIGGER operators_named_once BEFORE UPDATE OF id, name_key ON operators
    WHEN NEW.id <> OLD.id OR NEW.name_key <> OLD.name_key
    BEGIN SELECT RAISE(ABORT, 'operators: the log knows this name'); END""",
    """CREATE TRIGGER operators_last_line_lead BEFORE UPDATE OF role, removed_at ON operators
    WHEN OLD.role = 'line_lead' AND OLD.removed_at IS NULL
        AND (NEW.role <> 'line_lead' OR NEW.removed_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM operators WHERE role = 'line_lead' AND removed_at IS NULL AND id <> OLD.id)
    BEGIN SELECT RAISE(ABORT, 'operators: the last line lead stays'); END""",
    """CREATE TRIGGER audit_events_unchanged BEFORE UPDATE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'audit_events: rows are only ever appended'); END""",
    """CREATE TRIGGER audit_events_kept BEFORE DELETE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'audit_events: rows are only ever appended'); END""",
    """CREATE TRIGGER audit_events_in_order BEFORE INSERT ON audit_events
    WHEN NEW.number <> 1 + coalesce((SELECT max(number) FROM audit_events WHERE station = NEW.station), 0)
        OR EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'audit_events: rows are only ever appended'); END""",
    """CREATE TRIGGER audit_signatures_unchanged BEFORE UPDATE ON audit_signatures
    BEGIN SELECT RAISE(ABORT, 'audit_signatures: rows are only ever appended'); END""",
    """CREATE TRIGGER audit_signatures_kept BEFORE DELETE ON audit_signatures
    BEGIN SELECT RAISE(ABORT, 'audit_signatures: rows are only ever appended'); END""",
    """CREATE TRIGGER audit_signatures_of_events BEFORE INSERT ON audit_signatures
    WHEN EXISTS (SELECT 1 FROM audit_signatures WHERE station = NEW.station AND number = NEW.number) OR NOT EXISTS (
        SELECT 1 FROM audit_events WHERE station = NEW.station AND number = NEW.number AND hash = NEW.hash)
    BEGIN SELECT RAISE(ABORT, 'audit_signatures: only what the chain holds is signed'); END""",
    """CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads WHEN NEW.number <= OLD.number
    BEGIN SELECT RAISE(ABORT, 'audit_heads: the chain only grows'); END""",
    """CREATE TRIGGER audit_heads_kept BEFORE DELETE ON audit_heads
    BEGIN SELECT RAISE(ABORT, 'audit_heads: the chain only grows'); END""",
)

TRIGGERS_0004: Final[tuple[str, ...]] = (
    *(
        f"""CREATE TRIGGER batch_counts_not_negative_{event.lower()} AFTER {event} ON batch_counts
    WHEN NEW.quantity < 0
        AND 0 > (SELECT sum(quantity) FROM batch_counts WHERE batch_id = NEW.batch_id AND state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'batch_counts: there are no fewer than none'); END"""  # noqa: S608  our own words
        for event in ("INSERT", "UPDATE")
    ),
    """CREATE TRIGGER stations_named_once BEFORE UPDATE OF station, public_key ON stations
    BEGIN SELECT RAISE(ABORT, 'stations: a name is given once'); END""",
    """CREATE TRIGGER stations_kept BEFORE DELETE ON stations
    BEGIN SELECT RAISE(ABORT, 'stations: a name is given once'); END""",
)

TRIGGERS_0005: Final[tuple[str, ...]] = (
    """CREATE TRIGGER serial_numbers_kept BEFORE DELETE ON serial_numbers
    BEGIN SELECT RAISE(ABORT, 'serial_numbers: none is ever deleted'); END""",
    """CREATE TRIGGER serial_numbers_bound
    BEFORE UPDATE OF id, product_key, serial_number, mac, run_id, entry, fields, bound_at ON serial_numbers
    BEGIN SELECT RAISE(ABORT, 'serial_numbers: bound to its unit'); END""",
    """CREATE TRIGGER serial_numbers_released_once BEFORE UPDATE ON serial_numbers WHEN OLD.released_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'serial_numbers: released once'); END""",
    """CREATE TRIGGER serial_numbers_of_its_run BEFORE INSERT ON serial_numbers
    WHEN NOT EXISTS (SELECT 1 FROM runs WHERE id = NEW.run_id AND mac = NEW.mac AND finished_at IS NULL)
    BEGIN SELECT RAISE(ABORT, 'serial_numbers: read in a run of its unit'); END""",
    """CREATE TRIGGER runs_bear_their_units_number BEFORE UPDATE OF serial_number ON runs
    WHEN OLD.serial_number IS NOT NULL OR NOT EXISTS (SELECT 1 FROM serial_numbers
        WHERE serial_number = NEW.serial_number AND mac = NEW.mac AND released_at IS NULL)
    BEGIN SELECT RAISE(ABORT, 'runs: not the serial number of its unit'); END""",
)
