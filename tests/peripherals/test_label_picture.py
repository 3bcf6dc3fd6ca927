"""What a preview shows is what stands on the label: its barcodes are read back by a scanner's own library."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image

from station.errors import UsageError
from station.peripherals.label_drawing import TextShape, draw_label
from station.peripherals.label_picture import label_image, label_in_terminal, label_svg, write_picture
from station.peripherals.label_template import VALUES, read_template

EXAMPLE = Path(__file__).parents[2] / "profiles" / "labelled.zpl"
CODE_128 = "^XA^PW600^LL200^FO40,40^BY3^BCN,100,N^FDPLUG-0001^FS^XZ"


def test_the_examples_barcodes_are_read_back(tmp_path: Path) -> None:
    write_picture(draw_label(read_template(EXAMPLE).fill(VALUES)), tmp_path / "label.png")

    picture = Image.open(tmp_path / "label.png").convert("L")
    read = {code.format.name: code.text for code in zxingcpp.read_barcodes(picture)}
    assert read == {"QRCode": "SN2611000001;R02", "DataMatrix": "240AC45E109C"}
    assert picture.size == (448, 240)


def test_a_linear_barcode_is_read_back() -> None:
    read = zxingcpp.read_barcodes(label_image(draw_label(CODE_128)).convert("L"))
    assert [code.text for code in read] == ["PLUG-0001"]


def test_a_vector_picture_has_the_words_and_nothing_that_could_run() -> None:
    svg = label_svg(draw_label("^XA^FO1,1^A0N,20^FD<script>&^FS^XZ"))

    root = ElementTree.fromstring(svg)  # noqa: S314  our own
    assert [element.text for element in root.iter() if element.text and element.text.strip()] == ["<script>&"]


def test_a_terminal_shows_the_words_as_words() -> None:
    lines = label_in_terminal(draw_label(read_template(EXAMPLE).fill(VALUES)), 80)

    assert max(map(len, lines)) <= 80
    for words in ("SN2611000001", "plug-00000001", "24:0a:c4:5e:10:9c"):
        assert any(words in line for line in lines)
    assert any("█" in line for line in lines)


def test_what_is_not_drawn_is_named() -> None:
    drawing = draw_label("^XA^FO1,1^GFA,8,8,1,00FF^FS^FO1,9^FDx^FS^XZ")

    assert drawing.not_drawn == ("^GF",)
    assert drawing.shapes == (TextShape(1, 9, 30, "x"),)


@pytest.mark.parametrize("name", ["label.bmp", "no/such/folder.png"])
def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        write_picture(draw_label(CODE_128), tmp_path / name)
