"""The ledger: who got which certificate, what happened, and the proof of it. `Ledger` is the only door."""

from station.ledger.audit import EventKind, canonical_json, event_hash, event_object, utc_now
from station.ledger.heads import SignedHead
from station.ledger.ledger import Ledger
from station.ledger.line_watch import LedgerWatch, LineLook
from station.ledger.operator_rows import Operator, OperatorName, Role
from station.ledger.operators import Operators
from station.ledger.orders import Order, OrderPart, Orders, OrderState
from station.ledger.pins import read_pin
from station.ledger.printed_labels import LabelOrder
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
