"""A file that is no good YAML gets one clear message, whatever it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.errors import ProfileError
from station.profile.reading import draft_of, load_profile
from station.profile.yaml_source import parse_yaml
from tests.profile.workplace import GOOD, Workplace


@pytest.mark.parametrize(
    ("change", "needle", "cause", "mend"),
    [
        (("chip: esp32", "chip: esp32\nchip: esp32c3"), "esp32c3", "`chip` stands twice (before in line 5)", "Remove"),
        (("  version:", "\tversion:"), "version", "begins with a tab", "spaces"),
        (("name: smart-plug", "name: !!python/object:os.system smart"), "name:", "tags", "quotes"),
        (("name: smart-plug", "name: smart: plug"), "name:", "a colon stands where none may be", "quotes"),
        ((r"'ready: \S+'", r'"ready: \S+"'), "boot:", "backslash in double quotes", "single quotes"),
        (("{preset: esp-aliyun}", "{preset: esp-aliyun"), "sdk_config", "closing bracket", "Close"),
        (("name: smart-plug", "name: *plug"), "name:", "alias", "quotes"),
        (("  erase: [nvs]", "   erase: [nvs]"), "erase", "indented otherwise", "alike"),
        (("checks:", "---\nchecks:"), "---", "second document", "one file"),
        (("name: smart-plug", "name: @plug"), "name:", "keeps for itself", "quotes"),
        (("name: smart-plug", "[a]: smart-plug"), "[a]", "a key is a list", "key: value"),
    ],
)
def test_a_mistake_of_the_text_is_told_with_its_line(
    workplace: Workplace, change: tuple[str, str], needle: str, cause: str, mend: str
) -> None:
    """PyYAML's words become ours."""
    workplace.write(change)

    fault = workplace.faults()[0] if "[a]" not in needle else workplace.faults()[-1]

    assert fault.line == workplace.line(needle)
    assert cause in fault.cause
    assert mend in fault.mend


BOMB = b"""\
a: &a [x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c]
e: [*d, *d, *d, *d, *d]
"""


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "holds nothing"),
        (b"# only a comment\n", "holds nothing"),
        (b"- a\n- b\n", "no mapping"),
        (b"smart-plug\n", "no mapping"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (GOOD.encode().replace(b"smart-plug", b"sm\xe4rt"), "not UTF-8"),
        (b"name: a\x00b\n", "control character"),
        (b"#" * (1 << 20) + b"\n", "larger than 1 MB"),
        (b"[" * 5000, "nested too deeply"),
        (b"a: " + b"{a: " * 200 + b"1" + b"}" * 200, "nested too deeply"),
        (b"- x\n" * 60_000, "too many values"),
        (BOMB, "too many values"),
        (b"a: &a [x]\n" + b"b: [*a, *a, *a, *a, *a, *a, *a]\n" * 3, "aliases"),
        (b"&a a: *a\n", ""),
        (b"a: &a [*a]\n", "nested too deeply"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, data: bytes, cause: str) -> None:
    """No traceback, no endless work; the message names the file."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(data)

    with pytest.raises(ProfileError) as caught:
        load_profile(path)

    assert cause in str(caught.value)
    assert caught.value.place == str(path)
    assert all(fault.file == str(path) for fault in caught.value.faults)


def test_a_file_full_of_mistakes_is_told_in_part(tmp_path: Path) -> None:
    """A hundred of them, and how many there are."""
    path = tmp_path / "odd.yaml"
    path.write_text("".join(f"k{number}: v\n" for number in range(2000)), encoding="utf-8")

    with pytest.raises(ProfileError) as caught:
        load_profile(path)

    assert len(caught.value.faults) == 100
    assert "mistakes" in caught.value.cause


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """The line of the first bad byte."""
    path = tmp_path / "latin.yaml"
    path.write_bytes("schema: 1\nname: Gerät\n".encode("latin-1"))

    with pytest.raises(ProfileError) as caught:
        load_profile(path)

    assert caught.value.faults[0].line == 2


@pytest.mark.parametrize("name", ["no-such.yaml", "."])
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """Missing file and folder."""
    with pytest.raises(ProfileError, match=r"does not exist|is no file"):
        load_profile(tmp_path / name)


def test_a_byte_order_mark_and_crlf_are_allowed(workplace: Workplace) -> None:
    """As Windows editors write."""
    workplace.write_text("\ufeff" + GOOD.replace("\n", "\r\n"))

    assert workplace.recipe().profile.name == "smart-plug"


def test_a_few_aliases_are_allowed(workplace: Workplace) -> None:
    """An anchor is a value written once."""
    workplace.write(("name: smart-plug", "name: &plug smart-plug"), ("region: cn-shanghai", "region: *plug"))

    config = workplace.recipe().profile.sdk_config

    assert config is not None
    assert config.values["region"].value == "smart-plug"


def test_load_profile_reads_no_other_file(tmp_path: Path) -> None:
    """The model alone; its images need not be there."""
    path = tmp_path / "plug.yaml"
    path.write_text(GOOD, encoding="utf-8")

    assert load_profile(path).product_key == "a1B2c3D4e5F"


@pytest.mark.parametrize("text", ["&a ", "~", "null"])
def test_a_file_that_holds_only_nothing_is_a_mistake(text: str) -> None:
    draft = draft_of(parse_yaml(Path("nothing.yaml"), text))
    assert draft.profile is None
    assert draft.faults
