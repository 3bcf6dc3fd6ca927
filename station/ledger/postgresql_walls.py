"""What one station's login may not do to another station: its runs are its own while it lives, and secrets leave a trace.

`audit_events`, their heads and a run's begin have this since 0004. Sources: postgresql.org/docs/current
(functions-info, view-pg-locks).
"""

from __future__ import annotations

from typing import Final

from station.ledger.postgresql_triggers import checked

_ANOTHERS: Final = "runs: another station has this run"

WALLS_0008: Final[tuple[str, ...]] = (
    """CREATE FUNCTION ledger_is_anothers(run integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT EXISTS (SELECT 1 FROM runs r JOIN stations s ON s.station = r.station WHERE r.id = run AND s.login <> session_user) $$""",
    # A process holds the lock that its token names as long as it lives, see `postgresql_session`.
    """CREATE FUNCTION ledger_is_at_work(run integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT EXISTS (SELECT 1 FROM runs r JOIN pg_locks l ON (l.classid::bigint << 32 | l.objid::bigint) =
    CASE WHEN r.process ~ '^[0-9a-f]{16}' THEN ('x' || substr(r.process, 1, 16))::bit(64)::bigint END
  WHERE r.id = run AND r.finished_at IS NULL AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) $$""",
    # A run that another station left behind by its death can be ended, as interrupted, and in no other way.
    *checked(
        "runs_own_changes",
        "UPDATE",
        "runs",
        _ANOTHERS,
        """NEW.id <> OLD.id OR NEW.station <> OLD.station OR (
        EXISTS (SELECT 1 FROM stations WHERE station = OLD.station AND login <> session_user) AND (
            ledger_is_at_work(OLD.id) OR NEW.verdict IS DISTINCT FROM 'ABORTED' OR NEW.code IS DISTINCT FROM 'A02'
            OR to_jsonb(NEW) - ARRAY['finished_at', 'verdict', 'code', 'message', 'seconds', 'data']
                <> to_jsonb(OLD) - ARRAY['finished_at', 'verdict', 'code', 'message', 'seconds', 'data']))""",
        error="insufficient_privilege",
    ),
    # Only what has not left the other's PC may be taken back from a living run: the unit that brings it has it.
    *checked(
        "certificates_own_runs",
        "UPDATE OF state, run_id",
        "certificates",
        "certificates: in the hands of another station",
        """(OLD.run_id IS NOT NULL AND NOT (OLD.state = 'allocated' AND NEW.state = 'available')
            AND ledger_is_anothers(OLD.run_id) AND ledger_is_at_work(OLD.run_id))
        OR (NEW.run_id IS DISTINCT FROM OLD.run_id AND NEW.run_id IS NOT NULL AND ledger_is_anothers(NEW.run_id))""",
        error="insufficient_privilege",
    ),
    # Not in the transaction that writes the event, nor in one that wrote anything: that could still be rolled back.
    """CREATE OR REPLACE FUNCTION ledger_secrets(certificate integer, run integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
SELECT c.secrets FROM certificates c JOIN runs r ON r.id = c.run_id JOIN stations s ON s.station = r.station
WHERE c.id = certificate AND r.id = run AND r.mac = c.mac AND r.finished_at IS NULL AND s.login = session_user
  AND c.state IN ('allocated', 'installing', 'installed', 'activated') AND pg_current_xact_id_if_assigned() IS NULL
  AND EXISTS (SELECT 1 FROM audit_events e WHERE e.device_name = c.device_name
    AND CASE WHEN e.station = r.station AND e.mac = r.mac AND e.kind = 'certificate_allocated'
      THEN e.data::jsonb ->> 'run' END = r.id::text) $$""",
)

PLANNED_0011: Final[tuple[str, ...]] = (
    """CREATE OR REPLACE FUNCTION ledger_is_anothers(run integer) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$ BEGIN RETURN
EXISTS (SELECT 1 FROM runs r JOIN stations s ON s.station = r.station WHERE r.id = run AND s.login <> session_user);
END $$""",
    # Most numbers below zero are those of a station that took what another one imported: only they are summed up.
    "DROP TRIGGER batch_counts_not_negative ON batch_counts",
    """CREATE TRIGGER batch_counts_not_negative AFTER INSERT OR UPDATE ON batch_counts FOR EACH ROW
WHEN (NEW.quantity < 0) EXECUTE FUNCTION batch_counts_not_negative()""",
    """CREATE OR REPLACE FUNCTION ledger_secrets(certificate integer, run integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$ BEGIN RETURN (
SELECT c.secrets FROM certificates c JOIN runs r ON r.id = c.run_id JOIN stations s ON s.station = r.station
WHERE c.id = certificate AND r.id = run AND r.mac = c.mac AND r.finished_at IS NULL AND s.login = session_user
  AND c.state IN ('allocated', 'installing', 'installed', 'activated') AND pg_current_xact_id_if_assigned() IS NULL
  AND EXISTS (SELECT 1 FROM audit_events e WHERE e.device_name = c.device_name
    AND CASE WHEN e.station = r.station AND e.mac = r.mac AND e.kind = 'certificate_allocated'
      THEN e.data::jsonb ->> 'run' END = r.id::text)); END $$""",
)

BY_NUMBER_0013: Final[tuple[str, ...]] = (
    # Before there are statistics `finished_at IS NULL` is taken for as good as the run's number, and every open run is read.
    """CREATE OR REPLACE FUNCTION ledger_secrets(certificate integer, run integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$ BEGIN RETURN (
SELECT c.secrets FROM certificates c JOIN runs r ON r.id = c.run_id JOIN stations s ON s.station = r.station
WHERE c.id = certificate AND r.id = run AND r.mac = c.mac AND coalesce(r.finished_at, '') = '' AND s.login = session_user
  AND c.state IN ('allocated', 'installing', 'installed', 'activated') AND pg_current_xact_id_if_assigned() IS NULL
  AND EXISTS (SELECT 1 FROM audit_events e WHERE e.device_name = c.device_name
    AND CASE WHEN e.station = r.station AND e.mac = r.mac AND e.kind = 'certificate_allocated'
      THEN e.data::jsonb ->> 'run' END = r.id::text)); END $$""",
)
