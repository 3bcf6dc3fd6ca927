"""A label's template is filled so that no value is ever more than text, and each of its mistakes is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.errors import Code, InputError, ProfileError
from station.peripherals.label_template import VALUES, read_template
from station.peripherals.zpl import commands, unescaped

PLAIN = "^XA\n^CI28\n^FO10,10^A0N,30,30^FD${device_name}^FS\n^XZ\n"


def faults_of(folder: Path, text: str) -> list[tuple[int | None, str]]:
    """Give line and cause of each mistake."""
    with pytest.raises(ProfileError) as caught:
        read_template(written(folder, text))
    return [(fault.line, fault.cause) for fault in caught.value.faults] or [(None, caught.value.cause)]


def written(folder: Path, text: str) -> Path:
    path = folder / "label.zpl"
    path.write_text(text, encoding="utf-8")
    return path


def field_data(zpl: str) -> list[str]:
    """Give what a printer takes for data, with ^FH as it stands before it."""
    found, sign = [], None
    for command in commands(zpl):
        if command.name == "^FH":
            sign = command.text[:1] or "_"
        elif command.name == "^FD":
            found.append(command.text if sign is None else unescaped(command.text, sign))
        elif command.name == "^FS":
            sign = None
    return found


def test_a_label_has_its_values_in_their_places(tmp_path: Path) -> None:
    text = "^XA\n^FO1,1^BQN,2,5^FDMA,${device_name}^FS\n^FO1,9^FDSN ${serial_number} of ${batch}_1^FS\n^XZ"
    filled = read_template(written(tmp_path, text)).fill(VALUES)

    assert field_data(filled) == ["MA,plug-00000001", "SN SN2611000001 of smart-plug-2026-11_1"]
    assert [command.name for command in commands(filled)][-1] == "^XZ"


@settings(max_examples=60, deadline=None)
@given(value=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(str.isprintable))
@pytest.mark.parametrize("escape", ["", "^FH", "^FH\\"])
def test_no_value_becomes_a_command(tmp_path_factory: pytest.TempPathFactory, escape: str, value: str) -> None:
    template = read_template(
        written(tmp_path_factory.getbasetemp(), f"^XA^CI28^FO1,1{escape}^FD${{device_name}}^FS^XZ")
    )

    filled = template.fill({**VALUES, "device_name": value})

    names = [command.name for command in commands(filled)]
    assert names == ["^XA", "^CI", "^FO", "^FH", "^FD", "^FS", "^XZ"]
    assert field_data(filled) == [value]


@pytest.mark.parametrize("value", ["^XZ^XA", "~JR", "^FS^FO0,0^FDx", "a_5Eb", "\\7E"])
def test_what_looks_like_a_command_is_printed_as_it_is(tmp_path: Path, value: str) -> None:
    filled = read_template(written(tmp_path, PLAIN)).fill({**VALUES, "device_name": value})

    assert field_data(filled) == [value]
    assert filled.count("^") == PLAIN.count("^") + 1  # ^FH
    assert "~" not in filled


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("^XA^FO1,1^FD${device_secret}^FS^XZ", (1, "a DeviceSecret is never printed")),
        ("^XA\n^FO1,1\n^FD${DeviceSecret}^FS^XZ", (3, "a DeviceSecret is never printed")),
        ("^XA^FO1,1^FD${secret}^FS^XZ", (1, "a DeviceSecret is never printed")),
        ("^XA\n^FO1,1^FD${devicename}^FS\n^XZ", (2, "there is no value 'devicename'")),
        ("^XA\n^FO${mac},1^FDx^FS\n^XZ", (2, "^FO names a value")),
        ("^XA^FD${mac}^FS^XZ\n^XA^FD${mac}^FS^XZ", (None, "a label has one ^XA and one ^XZ, not 2 and 2")),
        ("^XA^FDhello^FS^XZ", (None, "every unit would get the same label")),
        ("^XA\n~JC\n^FD${mac}^FS^XZ", (2, "~JC is a command to the printer")),
        ("^XA^CC+\n^FD${mac}^FS^XZ", (1, "^CC gives the commands other signs")),
        ("^XA^FHA^FD${mac}^FS^XZ", (1, "'A' cannot be the sign before hexadecimal digits")),
        ("^XA\n^FO1,1^BXN,10,200^FD${device_name}^FS^XZ", (2, "the DataMatrix names no escape sign")),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, told: tuple[int | None, str]) -> None:
    assert faults_of(tmp_path, text) == [told]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    assert len(faults_of(tmp_path, "^XA\n^FD${one}^FS\n^FD${two}^FS\n~JR\n^XZ")) == 3


def test_no_value_is_the_device_secret() -> None:
    assert not [name for name in VALUES if "secret" in name]


@pytest.mark.parametrize(
    ("text", "value", "why"),
    [
        (PLAIN, None, "this unit has none"),
        (PLAIN, "", "this unit has none"),
        (PLAIN, "a\nb", "a control code"),
        (PLAIN, "a\x1b^XZ", "a control code"),
        (PLAIN.replace("^CI28\n", ""), "漢", "not plain ASCII"),
        ("^XA^BCN,80^FD${device_name}^FS^XZ", "a>8b", "which ^BC takes for a command"),
        ("^XA^BXN,10,200,,,,~^FD${device_name}^FS^XZ", "a~1b", "which ^BX takes for a command"),
    ],
)
def test_a_value_that_cannot_be_printed_is_refused_by_its_name(
    tmp_path: Path, text: str, value: str | None, why: str
) -> None:
    template = read_template(written(tmp_path, text))

    with pytest.raises(InputError) as caught:
        template.fill({**VALUES, "device_name": value})

    assert caught.value.code is Code.LABEL
    assert why in caught.value.cause
    assert caught.value.place == "label.zpl: ${device_name}"


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        read_template(tmp_path / "none.zpl")
    (tmp_path / "label.zpl").write_bytes(b"^XA\xff^XZ")
    with pytest.raises(ProfileError, match="not UTF-8"):
        read_template(tmp_path / "label.zpl")
