"""What is told of labels that the ledger keeps back, and of those that it may tell as printed though no printer has them."""

from __future__ import annotations

from typing import Final

from station.errors import Code, CodedError, LedgerFault, PeripheralFault, StationFault, Why

PASSING: Final = frozenset({Code.LEDGER_UNREACHABLE, Code.LEDGER_BUSY})
"""What the ledger answers for a while, and a label waits for."""


class LabelInDoubt(StationFault):
    """No printer has the label, and the log may tell it as printed. `hindrance` is why it was not printed."""

    def __init__(self, hindrance: CodedError, unnoted: LedgerFault) -> None:
        """`unnoted` is why the log may not tell that."""
        self.hindrance = hindrance
        if isinstance(hindrance, PeripheralFault) and unnoted.code != Code.LEDGER_UNREACHABLE:
            super().__init__(
                hindrance.code,
                f"{hindrance.cause}, and the log, which tells it as printed, could not be told so",
                f"{hindrance.mend}; then print it: station label print PROFILE UNIT",
                hindrance.place,
                facts=hindrance.facts,
            )
        else:
            super().__init__(
                Code.LEDGER_UNREACHABLE,
                "No printer has it, and the log may tell it as printed: the ledger's server was lost",
                "Keep the unit apart, and print its label when the server is back: station label print PROFILE UNIT",
                why=Why.LABEL_IN_DOUBT,
            )


def label_waits(code: Code = Code.LEDGER_UNREACHABLE) -> LedgerFault:
    """Give what is told of a label that waits until the ledger, which answered one of `PASSING`, can be asked again."""
    if code == Code.LEDGER_BUSY:
        return LedgerFault(
            Code.LEDGER_BUSY,
            "It waits for the ledger, which is busy",
            "Keep the unit apart: its label is printed by itself when the ledger is free",
            why=Why.LABEL_WAITS,
        )
    return LedgerFault(
        Code.LEDGER_UNREACHABLE,
        "It waits for the ledger's server",
        "Keep the unit apart: its label is printed by itself when the server is back",
        why=Why.LABEL_WAITS,
    )
