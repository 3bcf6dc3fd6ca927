"""A label's drawing as a picture: PNG, SVG, or the half blocks of a terminal. Pillow draws, ZXing makes the barcodes."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from station.errors import UsageError
from station.peripherals.label_drawing import BarcodeShape, BoxShape, LabelDrawing, Symbology, TextShape

if TYPE_CHECKING:
    from PIL.Image import Image

Rectangle = tuple[int, int, int, int]
"""x, y, width, height."""
_HALVES: Final = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


def label_svg(drawing: LabelDrawing) -> str:
    """Give the label as SVG, one unit a dot."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height}" width="{drawing.width}">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    parts += [f'<rect x="{x}" y="{y}" width="{w}" height="{h}"/>' for x, y, w, h in _rectangles(drawing)]
    for shape in drawing.shapes:
        if isinstance(shape, TextShape):
            place = f'x="{shape.x}" y="{shape.y + shape.height * 4 // 5}"'
            parts.append(
                f'<text {place} font-family="sans-serif" font-size="{shape.height}" xml:space="preserve">'
                f"{html.escape(shape.words)}</text>"
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def label_image(drawing: LabelDrawing) -> Image:
    """Give the label in black and white, one pixel a dot. UsageError without the extra `labels`."""
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  an extra
    except ImportError:
        raise _extra_missing() from None
    image = Image.new("1", (drawing.width, drawing.height), 1)
    pen = ImageDraw.Draw(image)
    for x, y, width, height in _rectangles(drawing):
        pen.rectangle((x, y, x + width - 1, y + height - 1), fill=0)
    for shape in drawing.shapes:
        if isinstance(shape, TextShape):
            pen.text((shape.x, shape.y), shape.words, fill=0, font=ImageFont.load_default(shape.height))
    return image


def write_picture(drawing: LabelDrawing, out: Path) -> None:
    """Write the label as PNG or SVG, as the name ends; UsageError for another ending, or where it cannot be written."""
    ending = out.suffix.lower()
    try:
        if ending == ".svg":
            out.write_text(label_svg(drawing), encoding="utf-8", newline="\n")
        elif ending == ".png":
            label_image(drawing).save(out, "PNG")
        else:
            raise UsageError(f"{out.name!a} names no kind of picture", "End it with .png or .svg", str(out))
    except OSError as error:
        raise UsageError(
            f"the picture cannot be written ({error.strerror})", "Name a file in a folder of yours", str(out)
        ) from None


def label_in_terminal(drawing: LabelDrawing, columns: int) -> list[str]:
    """Give the label as lines no wider than `columns`: barcodes as half blocks, words as they are, at their places."""
    pictures = tuple(shape for shape in drawing.shapes if not isinstance(shape, TextShape))
    image = label_image(replace(drawing, shapes=pictures))
    share = min(1.0, columns / image.width)
    small = (
        image.convert("L")
        .resize((max(1, int(image.width * share)), max(2, int(image.height * share))))
        .point(lambda grey: 255 if grey > 140 else 0)
    )
    dark = [[small.getpixel((x, y)) == 0 for x in range(small.width)] for y in range(small.height)]
    dark += [[False] * small.width] * (len(dark) % 2)
    lines = [
        [_HALVES[pair] for pair in zip(upper, lower, strict=True)]
        for upper, lower in zip(dark[::2], dark[1::2], strict=True)
    ]
    for shape in drawing.shapes:
        if isinstance(shape, TextShape):
            _put_words(lines, shape, share)
    return ["".join(line).rstrip() for line in lines]


def _put_words(lines: list[list[str]], shape: TextShape, share: float) -> None:
    row, column = int((shape.y + shape.height / 2) * share / 2), int(shape.x * share)
    if 0 <= row < len(lines):
        words = shape.words[: max(0, len(lines[row]) - column)]
        lines[row][column : column + len(words)] = words


def _rectangles(drawing: LabelDrawing) -> Iterator[Rectangle]:
    for shape in drawing.shapes:
        if isinstance(shape, BoxShape):
            yield from _frame(shape)
        elif isinstance(shape, BarcodeShape):
            yield from _bars(shape)


def _frame(box: BoxShape) -> Iterator[Rectangle]:
    thick = box.thickness
    if 2 * thick >= min(box.width, box.height):
        yield box.x, box.y, box.width, box.height
        return
    yield box.x, box.y, box.width, thick
    yield box.x, box.y + box.height - thick, box.width, thick
    yield box.x, box.y, thick, box.height
    yield box.x + box.width - thick, box.y, thick, box.height


def _bars(shape: BarcodeShape) -> Iterator[Rectangle]:
    try:
        import zxingcpp  # noqa: PLC0415  an extra
    except ImportError:
        raise _extra_missing() from None
    options: dict[str, Any] = {}
    if shape.symbology is Symbology.QR_CODE:
        options["ec_level"] = shape.level
    elif shape.symbology is Symbology.DATA_MATRIX:
        options["force_square"] = True  # as ^BX does unless told otherwise
    try:
        code = zxingcpp.create_barcode(shape.words, getattr(zxingcpp.BarcodeFormat, shape.symbology), **options)
    except ValueError:
        raise UsageError(f"{shape.words!a} does not go into a {shape.symbology}", "Shorten it") from None
    picture: Any = zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)  # a buffer, untyped
    rows: Any = memoryview(picture).tolist()
    if shape.height:
        rows, tall = rows[:1], shape.height
    else:
        tall = shape.module
    for down, row in enumerate(rows):
        for across, level in enumerate(row):
            if level == 0:
                yield shape.x + across * shape.module, shape.y + down * tall, shape.module, tall


def _extra_missing() -> UsageError:
    return UsageError(
        "pictures of labels need the extra `labels`", "Install it: pip install 'flashing-station[labels]'"
    )
