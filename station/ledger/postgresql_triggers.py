"""PostgreSQL's texts of what the ledger's database refuses: the same refusals as SQLite's triggers, and TRUNCATE besides.

Source: postgresql.org/docs/current/sql-createtrigger.html. A condition without a query stands in WHEN, the others in functions,
which look into the ledger's own schema only: `migrating` has set the search path that they keep.
"""

from __future__ import annotations

from typing import Final

_REFUSE: Final = """CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"""


def _refused(name: str, event: str, table: str, message: str, when: str = "") -> str:
    """Give a trigger that refuses each row for which `when` holds."""
    condition = f" WHEN ({when})" if when else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW{condition} "
        f"EXECUTE FUNCTION ledger_refuse('{message}')"
    )


def _never_emptied(table: str, message: str) -> str:
    return (
        f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION ledger_refuse('{message}')"
    )


def checked(
    name: str,
    event: str,
    table: str,
    message: str,
    forbidden: str,
    *,
    first: str = "",
    when: str = "BEFORE",
    error: str = "integrity_constraint_violation",
) -> tuple[str, str]:
    """Give a function and its trigger that refuses when `forbidden`, which may ask the database, is true after `first`."""
    return (
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN {first}
  IF {forbidden} THEN
    RAISE EXCEPTION '{message}' USING ERRCODE = '{error}';
  END IF;
  RETURN NEW;
END $$""",
        f"CREATE TRIGGER {name} {when} {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


_APPENDED: Final = "audit_events: rows are only ever appended"
_SIGNATURES_APPENDED: Final = "audit_signatures: rows are only ever appended"
_GROWS: Final = "audit_heads: the chain only grows"

TRIGGERS_0001: Final[tuple[str, ...]] = (
    _REFUSE,
    _refused(
        "certificates_moves",
        "UPDATE OF state",
        "certificates",
        "certificates: this move is not allowed",
        """NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN (
        'available>allocated', 'available>void', 'allocated>available', 'allocated>installing', 'allocated>void',
        'installing>installed', 'installing>void', 'installed>activated', 'installed>void', 'activated>void')""",
    ),
    _refused(
        "certificates_bound",
        "UPDATE OF mac",
        "certificates",
        "certificates: bound to its MAC",
        """NEW.mac IS DISTINCT FROM OLD.mac AND NOT ((OLD.state = 'available' AND NEW.state = 'allocated')
        OR (OLD.state = 'allocated' AND NEW.state = 'available'))""",
    ),
    _refused(
        "certificates_void_is_final",
        "UPDATE OF run_id, void_reason, changed_at",
        "certificates",
        "certificates: void is final",
        "OLD.state = 'void'",
    ),
    _refused(
        "certificates_identity",
        "UPDATE OF id, batch_id, position, product_key, device_name",
        "certificates",
        "certificates: an identity never changes",
    ),
    _refused("certificates_kept", "DELETE", "certificates", "certificates: none is ever deleted"),
    _never_emptied("certificates", "certificates: none is ever deleted"),
    _refused("batches_kept", "DELETE", "batches", "batches: none is ever deleted"),
    _never_emptied("batches", "batches: none is ever deleted"),
    _refused("runs_final", "UPDATE", "runs", "runs: a finished run never changes", "OLD.finished_at IS NOT NULL"),
    _refused(
        "runs_one_unit",
        "UPDATE OF mac",
        "runs",
        "runs: a run has one unit",
        "OLD.mac IS NOT NULL AND NEW.mac IS DISTINCT FROM OLD.mac",
    ),
    _refused("runs_kept", "DELETE", "runs", "runs: none is ever deleted"),
    _never_emptied("runs", "runs: none is ever deleted"),
    _refused("operators_kept", "DELETE", "operators", "operators: none is ever deleted"),
    _never_emptied("operators", "operators: none is ever deleted"),
    _refused(
        "operators_named_once",
        "UPDATE OF id, name_key",
        "operators",
        "operators: the log knows this name",
        "NEW.id <> OLD.id OR NEW.name_key <> OLD.name_key",
    ),
    # Two leads that remove each other at once are told apart by the lock.
    *checked(
        "operators_last_line_lead",
        "UPDATE OF role, removed_at",
        "operators",
        "operators: the last line lead stays",
        """OLD.role = 'line_lead' AND OLD.removed_at IS NULL
        AND (NEW.role <> 'line_lead' OR NEW.removed_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM operators WHERE role = 'line_lead' AND removed_at IS NULL AND id <> OLD.id)""",
        first="PERFORM pg_advisory_xact_lock(hashtext('station-ledger'), hashtext('line leads'));",
    ),
    _refused("audit_events_unchanged", "UPDATE", "audit_events", _APPENDED),
    _refused("audit_events_kept", "DELETE", "audit_events", _APPENDED),
    _never_emptied("audit_events", _APPENDED),
    *checked(
        "audit_events_in_order",
        "INSERT",
        "audit_events",
        _APPENDED,
        "NEW.number <> 1 + coalesce((SELECT max(number) FROM audit_events WHERE station = NEW.station), 0)",
    ),
    _refused("audit_signatures_unchanged", "UPDATE", "audit_signatures", _SIGNATURES_APPENDED),
    _refused("audit_signatures_kept", "DELETE", "audit_signatures", _SIGNATURES_APPENDED),
    _never_emptied("audit_signatures", _SIGNATURES_APPENDED),
    *checked(
        "audit_signatures_of_events",
        "INSERT",
        "audit_signatures",
        "audit_signatures: only what the chain holds is signed",
        """NOT EXISTS (SELECT 1 FROM audit_events
        WHERE station = NEW.station AND number = NEW.number AND hash = NEW.hash)""",
    ),
    _refused("audit_heads_forward", "UPDATE", "audit_heads", _GROWS, "NEW.number <= OLD.number"),
    _refused("audit_heads_kept", "DELETE", "audit_heads", _GROWS),
    _never_emptied("audit_heads", _GROWS),
)

_OTHER_LOGIN: Final = (
    "EXISTS (SELECT 1 FROM stations WHERE stations.station = NEW.station AND stations.login <> session_user)"
)
ANOTHER_LOGIN: Final = "stations: this name belongs to another login"


def _own(table: str, event: str) -> tuple[str, str]:
    """Let a login write only in the name of its own station."""
    return checked(f"{table}_own", event, table, ANOTHER_LOGIN, _OTHER_LOGIN, error="insufficient_privilege")


TRIGGERS_0004: Final[tuple[str, ...]] = (
    *checked(
        "batch_counts_not_negative",
        "INSERT OR UPDATE",
        "batch_counts",
        "batch_counts: there are no fewer than none",
        """NEW.quantity < 0
        AND 0 > (SELECT sum(quantity) FROM batch_counts WHERE batch_id = NEW.batch_id AND state = NEW.state)""",
        when="AFTER",
    ),
    """CREATE FUNCTION stations_login() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.login := session_user; RETURN NEW; END $$""",
    "CREATE TRIGGER stations_login BEFORE INSERT ON stations FOR EACH ROW EXECUTE FUNCTION stations_login()",
    _refused("stations_kept", "DELETE", "stations", "stations: a name is given once"),
    _never_emptied("stations", "stations: a name is given once"),
    _refused("stations_named_once", "UPDATE OF station, public_key", "stations", "stations: a name is given once"),
    *_own("audit_events", "INSERT"),
    *_own("audit_heads", "INSERT OR UPDATE"),
    *_own("audit_signatures", "INSERT"),
    *_own("runs", "INSERT"),
    # A login that may not read `secrets` gets them here, of the certificate that its own open run holds.
    """CREATE FUNCTION ledger_secrets(certificate integer, run integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
SELECT c.secrets FROM certificates c JOIN runs r ON r.id = c.run_id JOIN stations s ON s.station = r.station
WHERE c.id = certificate AND r.id = run AND r.mac = c.mac AND r.finished_at IS NULL AND s.login = session_user
  AND c.state IN ('allocated', 'installing', 'installed', 'activated') $$""",
    "REVOKE ALL ON FUNCTION ledger_secrets(integer, integer) FROM PUBLIC",
)

TRIGGERS_0005: Final[tuple[str, ...]] = (
    _refused("serial_numbers_kept", "DELETE", "serial_numbers", "serial_numbers: none is ever deleted"),
    _never_emptied("serial_numbers", "serial_numbers: none is ever deleted"),
    _refused(
        "serial_numbers_bound",
        "UPDATE OF id, product_key, serial_number, mac, run_id, entry, fields, bound_at",
        "serial_numbers",
        "serial_numbers: bound to its unit",
    ),
    _refused(
        "serial_numbers_released_once",
        "UPDATE",
        "serial_numbers",
        "serial_numbers: released once",
        "OLD.released_at IS NOT NULL",
    ),
    *checked(
        "serial_numbers_of_its_run",
        "INSERT",
        "serial_numbers",
        "serial_numbers: read in a run of its unit",
        "NOT EXISTS (SELECT 1 FROM runs WHERE id = NEW.run_id AND mac = NEW.mac AND finished_at IS NULL)",
    ),
    *checked(
        "runs_bear_their_units_number",
        "UPDATE OF serial_number",
        "runs",
        "runs: not the serial number of its unit",
        """OLD.serial_number IS NOT NULL OR NOT EXISTS (SELECT 1 FROM serial_numbers
        WHERE serial_number = NEW.serial_number AND mac = NEW.mac AND released_at IS NULL)""",
    ),
)
