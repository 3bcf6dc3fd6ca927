"""What the screen says of a failure is in the language that is spoken, with what the station found filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import station
from station.errors import ChipError, Code, CodedError, LedgerFault, UsageError
from station.line.readiness import ReadinessItem
from station.platform.refusals import refusal
from station.platform.settings import PlatformSettings
from station.texts import LANGUAGES, Texts
from station.tui.error_words import error_words, found_words
from station.tui.readiness_list import readiness_rows

CHINESE = Texts("zh-CN")
PLATFORMS = {"E30", "E31", "E32", "E33"}
"""Raised in one place, whichever of them it is."""
OURS = [code for code in Code if code[0] in "FEA"]


def places(sentence: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", sentence))


def sites() -> Iterator[tuple[str, str | None, set[str]]]:
    """Each place that raises with facts: where, the code as far as it stands there, and the facts' names."""
    root = Path(station.__file__).parent
    for folder in ("chip", "line", "ledger", "platform"):
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                facts = next((one.value for one in node.keywords if one.arg == "facts"), None)
                if isinstance(facts, ast.Dict):
                    first = node.args[0]
                    code = (
                        Code[first.attr]
                        if isinstance(first, ast.Attribute) and first.attr in Code.__members__
                        else None
                    )
                    names = {key.value for key in facts.keys if isinstance(key, ast.Constant)}
                    yield f"{path.name}:{node.lineno}", code, {str(name) for name in names}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_raised_fills_its_codes_sentence(language: str) -> None:
    details = {
        key.removeprefix("detail."): places(text) for key, text in Texts(language).sentences.items() if "detail." in key
    }
    details.pop("pane", None)
    found = list(sites())

    assert len(found) > 20
    for place, code, names in found:
        if code is None:
            assert names in details.values(), place
        else:
            assert details[code] == names, place
    told = {code for _, code, _ in found}
    assert set(details) - told == {"F31", "F40", "E29", "E90", *PLATFORMS} - told


@pytest.mark.parametrize("code", OURS)
def test_no_failure_is_told_in_english_on_a_chinese_screen(code: Code) -> None:
    error = CodedError(code, "An English cause", "An English mend")

    words = error_words(error, CHINESE)
    (row, *more) = readiness_rows([ReadinessItem.of_fault("ports", error)], CHINESE, 120)

    assert "English" not in words.line + row.plain + "".join(line.plain for line in more)
    assert found_words(code, "An English cause", {}, CHINESE) == ""
    assert words.mend


def test_what_the_station_found_is_filled_in() -> None:
    error = ChipError(Code.WRONG_CHIP, "It is an esp32c3", "Change it", facts={"chip": "esp32c3", "wanted": "esp32"})

    assert (
        error_words(error, CHINESE).line
        == "F12 芯片型号不对: 它是 esp32c3，配置文件要 esp32。 " + CHINESE.failures["F12"].tries[0]
    )
    assert error_words(error, Texts("en")).line == "F12 This is another chip: It is an esp32c3. Change it"


def test_a_fault_says_where_and_a_platform_its_own_code() -> None:
    key = LedgerFault(Code.KEY_WRONG, "another key", "Bring back the right one", "data/ledger.key")
    refused = refusal("QueryDevice", "iot.system.Odd", "odd", 200, PlatformSettings())

    assert error_words(key, CHINESE).cause == CHINESE.failures["E24"].cause + "请看 data/ledger.key。"
    assert error_words(refused, CHINESE).cause == "平台自己的代码是 iot.system.Odd。"


def test_what_a_file_lacks_stays_in_the_words_for_who_wrote_it() -> None:
    assert "'plug' names nothing" in error_words(UsageError("'plug' names nothing", "Say which"), CHINESE).line
