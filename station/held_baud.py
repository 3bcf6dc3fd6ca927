"""Which baud rate an adapter and its cable have held."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeldBaud:
    """`baud` is what the next unit gets; `clean_units` went at it in a row; `failed_baud` failed `failures` times, if any did."""

    baud: int
    clean_units: int = 0
    failed_baud: int | None = None
    failures: int = 0
