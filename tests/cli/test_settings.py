"""`station.yaml`: one file of settings, told wrong with its lines, begun with every key, and changed line by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.cli.context import Session
from station.cli.screen import _keep
from station.cli.settings_file import read_settings, write_values
from station.cli.settings_model import StationSettings
from station.ledger import Ledger
from station.tui.settings import Bell, Colours, Settings
from tests.cli.calling import station_in


def given(data: Path, text: str | bytes) -> Path:
    path = data / "station.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", [None, "", "# nothing\n\n", "screen:\n"])
def test_no_file_and_an_empty_one_give_the_defaults(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        given(tmp_path, text)
    assert read_settings(tmp_path) == StationSettings()
    assert station_in(tmp_path)("settings", "check").code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("screeen: {colours: dark}", "1: the key `screeen` is not known. Did you mean `screen`?"),
        ("colours: dark", "1: the key `colours` is not known. It belongs in `screen`; move it there"),
        ("screen:\n  colour: dark", "2: the key `colour` is not known in `screen`. Did you mean `colours`?"),
        ("screen:\n  bell: loud", "2: `bell` cannot be `loud`"),
        ("screen:\n  few_certificates: -1", "2: `few_certificates` is too small"),
        ("screen: {scanner: {suffixes: []}}", "1: `suffixes` is too small"),
        ("screen: {scanner: {between_keys_ms: 999}}", "1: `between_keys_ms` is too large. The limit is 200"),
        ("printer:\n  address: 192.168.1.50", "2: '192.168.1.50' names no printer. Write tcp://"),
        ("stack_light:\n  signals: {fail: A0 0}", "2: `A0 0` is no signal of 1 to 64 bytes"),
        ("stack_light:\n  signals: {red: A0}", "2: `red` is no state of the light. Write one of fault, fail"),
        ("station: a b", "1: `a b` is no name of a station"),
        ("screen: dark", "1: `screen` is a mapping"),
        ("- 1", "the file of settings is a mapping"),
        ("a: [", "station.yaml"),
        (b"\xff", "byte 0xff is not UTF-8"),
        ("platform: {token: abc123}", "an access key never stands in a file of the station"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    path = given(tmp_path, text)
    done = station_in(tmp_path)("settings", "check")
    assert done.code == 2
    assert told in done.err
    assert "abc123" not in done.err
    assert path.read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_every_mistake_is_told_in_one_go(tmp_path: Path) -> None:
    given(tmp_path, "screen:\n  bell: loud\n  colours: pink\nplatform: {regoin: x}\n")
    told = json.loads(station_in(tmp_path)("settings", "check", "--json").out)
    assert [fault["line"] for fault in told["faults"]] == [2, 3, 4]


def test_a_file_that_is_begun_holds_every_key_with_its_default(tmp_path: Path) -> None:
    assert station_in(tmp_path)("settings", "init").code == 0
    text = (tmp_path / "station.yaml").read_text(encoding="utf-8")
    assert read_settings(tmp_path) == StationSettings(station=read_settings(tmp_path).station)
    for name, field in StationSettings.model_fields.items():
        assert f"\n{name}:" in text
        for key in getattr(type(field.default), "model_fields", {}):
            assert f"\n#  {key}: " in text

    given(tmp_path, text.replace("\n#  ", "\n  ").replace("  ca_file:", "#  ca_file:"))
    taken = read_settings(tmp_path)
    for name, field in StationSettings.model_fields.items():
        for key, inner in getattr(type(field.default), "model_fields", {}).items():
            if not inner.examples:
                assert getattr(getattr(taken, name), key) == getattr(field.default, key)
    assert taken.screen.language == "zh-CN"


def test_a_begun_file_opens_a_ledger_and_beginning_it_again_changes_nothing(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    named = read_settings(tmp_path).station
    given(tmp_path, f"station: {named}  # ours\nscreen: {{bell: bad}}\n")
    added = json.loads(station_in(tmp_path)("settings", "init", "--json").out)["added"]
    assert added == ["platform", "lanes", "printer", "stack_light", "results", "log"]
    text = (tmp_path / "station.yaml").read_text(encoding="utf-8")
    assert text.startswith(f"station: {named}  # ours\nscreen: {{bell: bad}}\n")
    station_in(tmp_path)("settings", "init")
    assert (tmp_path / "station.yaml").read_text(encoding="utf-8") == text
    Ledger.open(tmp_path).close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# x\nscreen:\n  bell: all   # ours\nplatform:\n", "# x\nscreen:\n  bell: bad   # ours\nplatform:\n"),
        ("screen:\n#  bell: all\nplatform:\n", "screen:\n  bell: bad\n#  bell: all\nplatform:\n"),
        ("screen:\r\n    colours: dark\r\n", "screen:\r\n    bell: bad\r\n    colours: dark\r\n"),
        ("screen: {colours: dark}", "screen: {bell: bad, colours: dark}"),
        ("screen: {}\n", "screen: {bell: bad}\n"),
        ("screen:\n  bell:\n", "screen:\n  bell: bad\n"),
        ("screen:", "screen:\n  bell: bad\n"),
        ("platform:", "platform:\nscreen:\n  bell: bad\n"),
    ],
)
def test_one_value_is_written_and_every_other_sign_stays(tmp_path: Path, before: str, after: str) -> None:
    path = given(tmp_path, before)
    write_values(tmp_path, "screen", {"bell": "bad"})
    assert path.read_bytes().decode() == after
    assert read_settings(tmp_path).screen.bell is Bell.BAD


def test_what_was_changed_on_the_screen_is_there_in_the_next_shift(tmp_path: Path) -> None:
    station_in(tmp_path)("settings", "init")
    changed = Settings(language="zh-CN", colours=Colours.CONTRAST)
    _keep(Session(data=tmp_path), changed)
    assert read_settings(tmp_path).screen == changed
    _keep(Session(data=tmp_path), changed.model_copy(update={"colours": Colours.DARK}))
    assert read_settings(tmp_path).screen.colours is Colours.DARK


def test_a_key_that_changes_the_screen_ends_no_shift_whose_settings_somebody_has_spoiled(tmp_path: Path) -> None:
    spoiled = given(tmp_path, "screen: {colours: pink}\n")

    _keep(Session(data=tmp_path), Settings(colours=Colours.CONTRAST))

    assert spoiled.read_text() == "screen: {colours: pink}\n"


def test_the_settings_in_force_are_shown(tmp_path: Path) -> None:
    given(tmp_path, "screen: {colours: light}\n")
    assert json.loads(station_in(tmp_path)("settings", "show", "--json").out)["screen"]["colours"] == "light"
    assert "  region: cn-shanghai" in station_in(tmp_path)("settings", "show").out


def test_the_schema_knows_every_section(tmp_path: Path) -> None:
    schema = json.loads(station_in(tmp_path)("settings", "schema").out)
    assert set(schema["properties"]) == set(StationSettings.model_fields)
    assert schema["additionalProperties"] is False
