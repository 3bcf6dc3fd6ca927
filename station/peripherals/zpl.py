"""ZPL II as text: its commands with their places, and field data that no value can break out of.

Source: Zebra, ZPL II Programming Guide (P1099958): ^FD, ^FH, ^BX, ^CI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DATA: Final = "^FD"
HEX: Final = "^FH"
END: Final = "^FS"
HEX_SIGN: Final = "_"
"""What ^FH takes for the sign before two hexadecimal digits when it names none."""
_COMMAND: Final = re.compile(r"(\^A(?=[0-9A-Z@])|[\^~][A-Z0-9@][A-Z0-9@]?)((?:[^\^~]|~(?![A-Z]))*)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .:/@()+-]")


@dataclass(frozen=True, slots=True)
class ZplCommand:
    """One command: its `name` in capitals (`^FO`, `^A` for every font), what follows it, and its line, from 1."""

    name: str
    text: str
    line: int

    @property
    def parameters(self) -> list[str]:
        """What follows, cut at the commas."""
        return [part.strip() for part in self.text.split(",")]

    def number(self, index: int, default: int) -> int:
        """Give a parameter that is a whole number, or the default where it is left out or is none."""
        parameters = self.parameters
        text = parameters[index] if index < len(parameters) else ""
        return int(text) if text.isdecimal() else default


def commands(text: str) -> Iterator[ZplCommand]:
    """Give the commands of a label format in their order; what stands before the first is left out."""
    line, reached = 1, 0
    for found in _COMMAND.finditer(text):
        line += text.count("\n", reached, found.start())
        reached = found.start()
        yield ZplCommand(found[1].upper(), found[2].rstrip("\r\n"), line)


def escaped(value: str, sign: str = HEX_SIGN) -> str:
    """Give a value as field data under ^FH: whatever could be a command or an escape becomes hexadecimal UTF-8."""
    return "".join(
        letter if _PLAIN.match(letter) and letter != sign else "".join(f"{sign}{byte:02X}" for byte in letter.encode())
        for letter in value
    )


def unescaped(data: str, sign: str = HEX_SIGN) -> str:
    """Give what a printer makes of field data under ^FH."""
    pattern = re.compile(f"(?:{re.escape(sign)}[0-9A-Fa-f]{{2}})+")
    return pattern.sub(lambda found: bytes.fromhex(found[0].replace(sign, "")).decode("utf-8", "replace"), data)
