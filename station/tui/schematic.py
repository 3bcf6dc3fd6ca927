"""Schematics of what a failure most often is: drawn once, labelled in the language that is spoken, aligned in cells."""

from __future__ import annotations

import re
from typing import Final

from station.texts import Texts
from station.tui.cell_text import pad

WIDTH_MAX: Final = 60

_SEAT: Final = """\
 ✔ {flat:25} ✘ {tilted:25}
                                        ┌──────────┐
 ┌───────────────────┐      ┌───────────┘ {board:8} │
 │ {board:17} │      └──┬──┬─────┐          │
 └─┬──┬──┬──┬──┬──┬──┘         │  │     └──────────┘
   │  │  │  │  │  │            │  │  ╵  ╵  ╵  ╵ ← {open:10}
 ══╧══╧══╧══╧══╧══╧═══     ════╧══╧══╧══╧══╧══╧════
   {fixture:22}     {fixture:20}
"""
_BUTTONS: Final = """\
 ┌──────────────────────────┐
 │ ┌──────┐        ┌──────┐ │   1  {hold:24}
 │ │ BOOT │        │  EN  │ │   2  {press:24}
 │ └──────┘        └──────┘ │   3  {release:24}
 │          ESP32           │
 └──────────┤ USB ├─────────┘
"""
_PIN: Final = """\
 ✔ {up:24} ✘ {stuck:24}
      ┌─┐
      │ │ BOOT                    ┌─┐ BOOT
   ───┘ └───                   ───┘ └───
   ─────────                   ────┴────
   {board:20}        {board:20}
"""
_CABLE: Final = """\
 ┌────────┐          ┌────────────┐       ┌────────────┐
 │   PC   ├──┤ ✘ ├───┤ {adapter:10} ├───────┤ {fixture:10} │
 └────────┘    ↑     └────────────┘       └────────────┘
               {plug:40}
"""
_CHIP: Final = """\
 ┌───────────────────┐
 │ ┌┐┌┐┌┐┌┐┌┐┌┐┌┐┌── │ ← {antenna:30}
 ├───────────────────┤
 │ ESP32-WROOM-32E   │ ← {chip:30}
 │ N4                │ ← {flash:30}
 └─┬─┬─┬─┬─┬─┬─┬─┬─┬─┘
"""
_POWER: Final = """\
 ┌────────────┐   3.3 V   ┌────────────┐
 │            ├───────────┤            │  ✔ {good:16}
 │ {supply:10} │           │ {board:10} │
 │            ├───────────┤            │  ✘ {weak:16}
 └────────────┘    0 V    └────────────┘
"""
DRAWINGS: Final = {
    "seat": _SEAT,
    "buttons": _BUTTONS,
    "pin": _PIN,
    "cable": _CABLE,
    "chip": _CHIP,
    "power": _POWER,
}
"""`{label:cells}` stands for a label of the catalogue, cut or filled to so many cells."""
BY_CODE: Final = {
    "F10": "seat",
    "F11": "buttons",
    "F12": "chip",
    "F13": "chip",
    "F15": "chip",
    "F21": "seat",
    "F23": "power",
    "F30": "power",
    "F31": "pin",
    "E10": "cable",
    "E13": "cable",
    "E14": "cable",
}
"""The failures that a drawing helps with."""
LABEL: Final = re.compile(r"\{([a-z]+):(\d+)\}")


def schematic(code: str | None, texts: Texts) -> tuple[str, ...]:
    """Give the rows of a failure's drawing, not wider than WIDTH_MAX cells; none where a drawing would not help."""
    name = BY_CODE.get(code or "")
    if name is None:
        return ()
    drawn = LABEL.sub(lambda place: pad(texts.say(f"schematic.{name}.{place[1]}"), int(place[2])), DRAWINGS[name])
    return tuple(row.rstrip() for row in drawn.splitlines())
