"""The ledger: who got which certificate, what happened, and the proof of it. `Ledger` is the only door.

A name's module is loaded when the name is asked for: a row that the screen paints, or a role, needs no SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from station.ledger.audit import canonical_json, event_hash, event_object, utc_now
    from station.ledger.event_kind import EventKind
    from station.ledger.heads import SignedHead
    from station.ledger.ledger import Ledger
    from station.ledger.line_watch import LedgerWatch, LineLook
    from station.ledger.operator_rows import Operator, OperatorName, Role
    from station.ledger.operators import Operators
    from station.ledger.orders import Order, OrderPart, Orders, OrderState
    from station.ledger.pins import read_pin
    from station.ledger.printed_labels import LabelJob, LabelOrder
    from station.ledger.records import (
        Allocation,
        AuditEvent,
        BatchSummary,
        CarriedCertificate,
        CarriedDecision,
        CarriedFinding,
        CertificateRow,
        ExportResult,
        ImportResult,
        JsonValue,
        RunRow,
        SerialNumberRow,
        UnitStanding,
        UnitStory,
    )
    from station.ledger.results import Outgoing, RefusedResult, Results, ToldChannel
    from station.ledger.run_history import PastRun, RunHistory, RunScope
    from station.ledger.work_orders import WorkOrder, WorkOrders, open_orders_of

__all__ = [
    "Allocation",
    "AuditEvent",
    "BatchSummary",
    "CarriedCertificate",
    "CarriedDecision",
    "CarriedFinding",
    "CertificateRow",
    "EventKind",
    "ExportResult",
    "ImportResult",
    "JsonValue",
    "LabelJob",
    "LabelOrder",
    "Ledger",
    "LedgerWatch",
    "LineLook",
    "Operator",
    "OperatorName",
    "Operators",
    "Order",
    "OrderPart",
    "OrderState",
    "Orders",
    "Outgoing",
    "PastRun",
    "RefusedResult",
    "Results",
    "Role",
    "RunHistory",
    "RunRow",
    "RunScope",
    "SerialNumberRow",
    "SignedHead",
    "ToldChannel",
    "UnitStanding",
    "UnitStory",
    "WorkOrder",
    "WorkOrders",
    "canonical_json",
    "event_hash",
    "event_object",
    "open_orders_of",
    "read_pin",
    "utc_now",
]

_MODULES: Final = {
    "audit": ("canonical_json", "event_hash", "event_object", "utc_now"),
    "event_kind": ("EventKind",),
    "heads": ("SignedHead",),
    "ledger": ("Ledger",),
    "line_watch": ("LedgerWatch", "LineLook"),
    "operator_rows": ("Operator", "OperatorName", "Role"),
    "operators": ("Operators",),
    "orders": ("Order", "OrderPart", "Orders", "OrderState"),
    "pins": ("read_pin",),
    "printed_labels": ("LabelJob", "LabelOrder"),
    "results": ("Outgoing", "RefusedResult", "Results", "ToldChannel"),
    "run_history": ("PastRun", "RunHistory", "RunScope"),
    "work_orders": ("WorkOrder", "WorkOrders", "open_orders_of"),
}
"""Where the names of `__all__` stand; `records` has all others."""
_MODULE_OF: Final = dict.fromkeys(__all__, "records") | {
    name: module for module, names in _MODULES.items() for name in names
}

if not TYPE_CHECKING:  # mypy would take every name for one that is here

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=None)
        found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = found
        return found
