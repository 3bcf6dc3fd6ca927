"""What a label shows, as shapes: the part of ZPL II that labels of units are made of. Lengths are dots, from the top left.

Source: Zebra, ZPL II Programming Guide (P1099958). Printers' fonts are not ours: a preview shows places, sizes and barcodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from station.peripherals.zpl import HEX_SIGN, ZplCommand, commands, unescaped

WIDTH_DOTS: Final = 448
HEIGHT_DOTS: Final = 240
"""What a label measures that does not say (^PW, ^LL): 56 × 30 mm at 8 dots per millimetre."""
SIDE_DOTS_MAX: Final = 4000
_SILENT: Final = frozenset(
    {
        "^XA",
        "^XZ",
        "^CI",
        "^PQ",
        "^FX",
        "^MM",
        "^MN",
        "^MT",
        "^MD",
        "^PR",
        "^LH",
        "^LT",
        "^LS",
        "^PO",
        "^JM",
        "^FS",
        "^SD",
    }
)
"""Commands that draw nothing."""


class Symbology(StrEnum):
    """The barcodes that a preview draws."""

    QR_CODE = "QRCode"
    DATA_MATRIX = "DataMatrix"
    CODE_128 = "Code128"


@dataclass(frozen=True, slots=True)
class TextShape:
    """A line of text: its left top, the height of its letters, and its words."""

    x: int
    y: int
    height: int
    words: str


@dataclass(frozen=True, slots=True)
class BoxShape:
    """A frame `thickness` thick; a full one where that is as much as a side."""

    x: int
    y: int
    width: int
    height: int
    thickness: int


@dataclass(frozen=True, slots=True)
class BarcodeShape:
    """A barcode: each module is `module` wide; bars of a linear one are `height` high (0: as wide as they are).

    `level` is a QR code's error correction: L, M, Q or H.
    """

    x: int
    y: int
    symbology: Symbology
    module: int
    height: int
    words: str
    level: str = "M"


Shape = TextShape | BoxShape | BarcodeShape


@dataclass(frozen=True, slots=True)
class LabelDrawing:
    """The shapes, and by name the commands that a preview does not draw."""

    width: int
    height: int
    shapes: tuple[Shape, ...]
    not_drawn: tuple[str, ...]


@dataclass(slots=True)
class _Pen:
    """What the commands of a field have set so far."""

    x: int = 0
    y: int = 0
    from_baseline: bool = False
    font_height: int = 0
    default_height: int = 30
    module: int = 2
    bar_height: int = 10
    barcode: tuple[Symbology, int, int] | None = None
    hex_sign: str | None = None
    words: str = ""
    shapes: list[Shape] = field(default_factory=list)
    not_drawn: list[str] = field(default_factory=list)


def draw_label(zpl: str) -> LabelDrawing:
    """Give what a printer would draw for a filled label."""
    pen, width, height = _Pen(), WIDTH_DOTS, HEIGHT_DOTS
    for command in commands(zpl):
        if command.name == "^PW":
            width = command.number(0, width)
        elif command.name == "^LL":
            height = command.number(0, height)
        elif command.name == "^FS":
            _end_field(pen)
        elif not (_set_text(pen, command) or _set_barcode(pen, command)) and command.name not in _SILENT:
            pen.not_drawn.append(command.name)
    return LabelDrawing(
        min(width, SIDE_DOTS_MAX), min(height, SIDE_DOTS_MAX), tuple(pen.shapes), tuple(dict.fromkeys(pen.not_drawn))
    )


def _set_text(pen: _Pen, command: ZplCommand) -> bool:
    match command.name:
        case "^FO" | "^FT":
            pen.x, pen.y = command.number(0, 0), command.number(1, 0)
            pen.from_baseline = command.name == "^FT"
        case "^CF":
            pen.default_height = command.number(1, pen.default_height)
        case "^A":
            pen.font_height = command.number(1, pen.default_height)
        case "^FH":
            pen.hex_sign = command.text[:1] or HEX_SIGN
        case "^FD":
            pen.words = command.text if pen.hex_sign is None else unescaped(command.text, pen.hex_sign)
        case "^GB":
            thickness = command.number(2, 1)
            sides = max(command.number(0, thickness), thickness), max(command.number(1, thickness), thickness)
            pen.shapes.append(BoxShape(pen.x, pen.y, *sides, thickness))
        case _:
            return False
    return True


def _set_barcode(pen: _Pen, command: ZplCommand) -> bool:
    match command.name:
        case "^BY":
            pen.module, pen.bar_height = command.number(0, pen.module), command.number(2, pen.bar_height)
        case "^BQ":
            pen.barcode = Symbology.QR_CODE, command.number(2, 3), 0
        case "^BX":
            pen.barcode = Symbology.DATA_MATRIX, command.number(1, 4), 0
        case "^BC":
            pen.barcode = Symbology.CODE_128, pen.module, command.number(1, pen.bar_height)
        case _:
            return False
    return True


def _end_field(pen: _Pen) -> None:
    if pen.words and pen.barcode is not None:
        symbology, module, height = pen.barcode
        # ^BQ's data begins with its error correction and its way of reading: `QA,`.
        way, _, words = pen.words.partition(",") if symbology is Symbology.QR_CODE else ("", "", pen.words)
        level = way[:1] if way[:1] in {"L", "M", "Q", "H"} else "M"
        pen.shapes.append(BarcodeShape(pen.x, pen.y, symbology, max(1, module), height, words, level))
    elif pen.words:
        height = pen.font_height or pen.default_height
        top = pen.y - height if pen.from_baseline else pen.y
        pen.shapes.append(TextShape(pen.x, top, height, pen.words))
    pen.words, pen.barcode, pen.hex_sign, pen.font_height = "", None, None, 0
