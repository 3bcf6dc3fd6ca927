"""Handler of `rfc2217://` addresses, by pyserial's naming."""

from station.chip.rfc2217 import QuickRfc2217 as Serial

__all__ = ["Serial"]
