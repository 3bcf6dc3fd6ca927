"""What a PostgreSQL server's errors mean for the line. No address is shown with a password, no statement with its values.

Source: postgresql.org/docs/current/errcodes-appendix.html. A connection that fails has no SQLSTATE, only the server's text.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import sqlalchemy
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError

from station.errors import Code, CodedError, InternalFault, LedgerFault, UsageError, Why
from station.ledger.postgresql_triggers import ANOTHER_LOGIN
from station.ledger.server_confirmations import standby_instead


class _Meaning(NamedTuple):
    code: Code
    cause: str
    mend: str
    why: Why | None = None

    def at(self, place: str) -> LedgerFault:
        return LedgerFault(self.code, self.cause, self.mend, place, why=self.why)


_UNREACHABLE: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the server of the factory's ledger does not answer",
    "Look at the network cable and at the server; nothing was changed, the unit can be repeated",
)
_OTHER_LANGUAGE: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the server of the factory's ledger does not answer, or refuses this login in another language than English",
    "Look at the network and the server, then at user, password and database; lc_messages = 'C' there makes it speak English",
)
_NO_NAME: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the server of the factory's ledger does not answer: this PC's network does not know its name",
    "Look at the server's name in --ledger, at the network cable, and at the PC's name server (DNS)",
)
_NOBODY_LISTENS: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the server of the factory's ledger does not answer: no program listens at this address",
    "Look whether PostgreSQL runs on that server and listens to the network (listen_addresses), then at host and port in --ledger",
)
_COMES_OR_GOES: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the server of the factory's ledger is starting, stopping or recovering",
    "Wait a moment; if it stays so, look at that server's log",
)
_NO_POSTGRESQL: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "what answers at the address of the factory's ledger is no PostgreSQL server",
    "Look at host and port in --ledger",
)
_REFUSED: Final = _Meaning(
    Code.LEDGER_NOT_WRITABLE,
    "the server of the factory's ledger refuses this login",
    "Look at user and password: they belong into ~/.pgpass, PGPASSFILE or PGPASSWORD",
)
_NOT_LET_IN: Final = _Meaning(
    Code.LEDGER_NOT_WRITABLE,
    "the server of the factory's ledger lets no such login in from this PC",
    "Look at the login in --ledger; on the server, at its line for this PC and for TLS in pg_hba.conf",
)
_NO_CONNECT: Final = _Meaning(
    Code.LEDGER_NOT_WRITABLE,
    "this login may not open the ledger's database",
    "Let its owner give the right there: GRANT CONNECT ON DATABASE NAME TO station_ledger",
)
_NO_DATABASE: Final = _Meaning(
    Code.LEDGER_UNREADABLE,
    "the server has no database of this name",
    "Name the right one with --ledger, or make it: createdb NAME",
)
_TLS: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the connection to the ledger's server cannot be encrypted as sslmode asks",
    "Look at sslmode and sslrootcert in --ledger and at the server's certificate",
)
_NO_TLS: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the ledger's server does not encrypt, and sslmode wants it",
    "Give the server a certificate and switch it on there: ssl = on",
)
_NO_CA: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "there is no CA certificate on this PC to know the ledger's server by",
    "Bring the file with the certificate of the CA that signed the server's, and name it: sslrootcert=FILE in --ledger",
)
_OTHER_CA: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the certificate of the ledger's server is not by the CA that sslrootcert names, or its time is over",
    "Look who answers at this address, at the certificate's dates, and at this PC's clock; name the right CA with sslrootcert",
)
_OTHER_HOST: Final = _Meaning(
    Code.LEDGER_UNREACHABLE,
    "the certificate of the ledger's server is for another name than --ledger says",
    "Write the server's name as its certificate has it, or have a certificate made for this one",
)
_BUSY: Final = _Meaning(
    Code.LEDGER_BUSY,
    "the ledger is held by another station",
    "Try again; if it stays so, look at the server for a program that holds it",
    Why.OTHER_STATION,
)
_FULL_HOUSE: Final = _Meaning(
    Code.LEDGER_BUSY,
    "the ledger's server takes no further connection",
    "Raise max_connections there, or end programs that use it",
    Why.TOO_MANY,
)
_NOT_ALLOWED: Final = _Meaning(
    Code.LEDGER_NOT_WRITABLE,
    "this login may not do that in the ledger",
    "Do it with the owner's login, or apply the rights again: station ledger roles",
)
_ANOTHERS: Final = _Meaning(
    Code.LEDGER_NOT_WRITABLE,
    "another login has worked with the ledger in this data folder, and its station's name is that login's",
    "Take another data folder, or let the owner give the name to this login: station ledger roles --login LOGIN=STATION --apply",
)
_READ_ONLY: Final = _Meaning(
    Code.LEDGER_NOT_WRITABLE,
    "the ledger cannot be written: it was opened for reading",
    "Open it for writing",
)
_UNREADABLE: Final = _Meaning(
    Code.LEDGER_UNREADABLE,
    "the ledger cannot be read: it is damaged or is no ledger",
    "Stop the stations, keep the database, and bring back the last backup",
)
_DISK_FULL: Final = _Meaning(
    Code.DISK_FULL,
    "the disk of the ledger's server is full",
    "Free some space there; nothing was changed",
    Why.OF_SERVER,
)
_OF_STATE: Final[dict[str, _Meaning]] = {
    "28P01": _REFUSED,
    "28000": _REFUSED,
    "3D000": _NO_DATABASE,
    "40001": _BUSY,
    "40P01": _BUSY,
    "55P03": _BUSY,
    "57014": _BUSY,
    "53300": _FULL_HOUSE,
    "53100": _DISK_FULL,
    "53200": _FULL_HOUSE,
    "42501": _NOT_ALLOWED,
    "25006": _READ_ONLY,
    "42P01": _UNREADABLE,
    "42703": _UNREADABLE,
    "42883": _UNREADABLE,
    "58030": _UNREADABLE,
    "25P03": _UNREACHABLE,
}
_OF_CLASS: Final[dict[str, _Meaning]] = {"08": _UNREACHABLE, "57": _UNREACHABLE, "XX": _UNREADABLE}
_OF_TEXT: Final[tuple[tuple[str, _Meaning], ...]] = (
    ("failed to resolve host", _NO_NAME),
    ("could not translate host name", _NO_NAME),
    ("the database system is", _COMES_OR_GOES),
    ("not currently accepting connections", _UNREACHABLE),
    ("too many connections", _FULL_HOUSE),
    ("too many clients", _FULL_HOUSE),
    ("remaining connection slots", _FULL_HOUSE),
    ("permission denied for database", _NO_CONNECT),
    ("pg_hba.conf", _NOT_LET_IN),
    ("password", _REFUSED),
    ("authentication failed", _REFUSED),
    ("role ", _REFUSED),
    ("invalid response to SSL negotiation", _NO_POSTGRESQL),
    ("expected authentication request", _NO_POSTGRESQL),
    ("root certificate file", _NO_CA),
    ("certificate verify failed", _OTHER_CA),
    ("does not match host name", _OTHER_HOST),
    ("server does not support SSL", _NO_TLS),
    ("SSL", _TLS),
    ("certificate", _TLS),
    ("database ", _NO_DATABASE),
    ("Connection refused", _NOBODY_LISTENS),
    ("on socket ", _NOBODY_LISTENS),
)
"""What connecting says, in libpq's and the server's English. Names are left out."""
_OF_ADDRESS: Final = re.compile(
    r"non-integer port|invalid (?:connection option|integer value|\w+ value|port number)|definition of service"
)
"""What the client or SQLAlchemy says of an address before anybody is asked."""


def place_of_url(url: sqlalchemy.URL) -> str:
    """Name a server and its database for people: no user, no password."""
    if "service" in url.query:
        return f"service {url.query['service']}"
    host = url.host or url.query.get("host") or "local socket"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database}"


def translated(error: Exception, place: str, *, read_only: bool = False) -> CodedError:
    """Say what an error of psycopg or SQLAlchemy means for the line, in a ledger that was perhaps opened for reading."""
    original = getattr(error, "orig", None) or error
    if isinstance(original, CodedError):  # raised while the library made a cursor, as what waited went first
        return original
    if _is_without_connection(error):
        return _UNREACHABLE.at(place)
    state = str(getattr(original, "sqlstate", None) or "")
    if state.startswith("23"):
        return InternalFault(f"the ledger refused a change that must never happen: {_first_line(original)}")
    known = _OF_STATE.get(state) or _OF_CLASS.get(state[:2])
    if known is _READ_ONLY and not read_only:
        return standby_instead(place)
    if known is _NOT_ALLOWED and _first_line(original) == ANOTHER_LOGIN:
        known = _ANOTHERS
    is_new = not (isinstance(error, DBAPIError) and error.connection_invalidated)
    if known is None and not state and is_new and _OF_ADDRESS.search(str(original)):
        return UsageError(
            f"the ledger's address cannot be used: {str(original).strip().removeprefix('connection is bad: ')}",
            "Write it as postgresql://user@host/database?sslmode=verify-full&sslrootcert=FILE",
            "--ledger",
        )
    if known is None and not state and type(original).__name__ in {"OperationalError", "ConnectionTimeout"}:
        text = re.sub(r'"[^"]*"', '""', str(original))
        other = _UNREACHABLE if text.isascii() else _OTHER_LANGUAGE
        known = next((meaning for word, meaning in _OF_TEXT if word in text), other) if is_new else _UNREACHABLE
    if known is None:
        return InternalFault(f"the ledger's program failed: {type(original).__name__} {state}".rstrip())
    return known.at(place)


def _is_without_connection(error: Exception) -> bool:
    """Say whether the pool gave up: each new connection died as it was to be used. It has no class or code for that."""
    return isinstance(error, DisconnectionError) or (
        isinstance(error, InvalidRequestError) and str(error) == "This connection is closed"
    )


def _first_line(error: BaseException) -> str:
    """Give the server's message without the row that it shows in its details."""
    diagnosis = getattr(error, "diag", None)
    return str(getattr(diagnosis, "message_primary", None) or type(error).__name__)
