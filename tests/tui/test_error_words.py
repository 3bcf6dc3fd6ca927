"""What the screen says of a failure is in the language that is spoken, with what the station found filled in."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psycopg
import pytest

import station
from station.errors import (
    NO_FACTS,
    WHY,
    ChipError,
    Code,
    CodedError,
    Facts,
    Fault,
    LedgerFault,
    ProfileError,
    UsageError,
    Why,
)
from station.ledger.owner_only import require_owner_only
from station.ledger.postgresql_errors import translated
from station.line.readiness import Readiness, ReadinessItem, Sentence
from station.platform.refusals import no_access_key, refusal
from station.platform.settings import PlatformSettings
from station.profile.doubts import DoubtKind
from station.texts import LANGUAGES, Texts
from station.tui.error_words import error_words, found_words, tries_of
from station.tui.readiness_list import readiness_rows, words_of

CHINESE = Texts("zh-CN")
PRINTER_WHYS = (Why.HEAD_OPEN, Why.PAPER_OUT, Why.PAUSED, Why.RIBBON_OUT)
"""Raised in one place, whichever of them it is."""
LABEL_WHYS = (Why.CONTROL_CODE, Why.FIELD_MISSING, Why.NOT_ASCII, Why.SIGN_OF_BARCODE)
"""Raised in one place, too."""
SERVER_WHYS = {"E21.other_station", "E21.too_many", "E27.of_server"}
"""Raised in one place, by what the ledger's server says."""
ROOT = Path(station.__file__).parent
CLASS_CODES = {
    "UsageError": Code.USAGE,
    "ProfileError": Code.PROFILE,
    "ImageFault": Code.PROFILE,
    "BatchError": Code.BATCH,
}
MISTAKE_ADDERS = {"add", "add_at"}
"""They add a mistake to a profile's list."""
REACHED = {
    "chip": ("*",),
    "ledger/batches.py": ("batch_row",),
    "ledger/dispositions.py": ("put",),
    "ledger/key_ring.py": ("*",),
    "ledger/operator_rows.py": ("one_form", "find_operator", "find_line_lead"),
    "ledger/operators.py": ("confirm_line_lead", "_locked"),
    "ledger/pins.py": ("require_good_pin",),
    "ledger/printed_labels.py": ("order",),
    "ledger/run_rows.py": ("*",),
    "ledger/secret_box.py": ("open", "read_key", "require_key_of"),
    "ledger/units.py": ("_bearer", "unit_story"),
    "ledger/work_orders.py": ("ensure", "order_row"),
    "line/label_faults.py": ("*",),
    "line/label_printing.py": ("*",),
    "line/shift.py": ("*",),
    "line/shift_record.py": ("*",),
    "profile/credentials.py": ("*",),
    "profile/recipe.py": ("*",),
}
"""What a technician's keys and scans call, by file and function: what is refused there stands on the screen."""


def places(sentence: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", sentence))


@dataclass(frozen=True)
class Site:
    """One place that raises: where, the code as far as it stands there, its Why and the names of its facts."""

    place: str
    function: str
    code: Code | None
    why: Why | None
    facts: frozenset[str]


@cache
def sites() -> tuple[Site, ...]:
    """Each place below `station` that makes an error of a code."""
    return tuple(_sites())


def _sites() -> Iterator[Site]:
    for folder in ("chip", "image", "line", "ledger", "peripherals", "platform", "profile"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            for function in functions:
                for node in ast.walk(function):
                    if isinstance(node, ast.Call):
                        yield from _site(path, function.name, node)


def _site(path: Path, function: str, call: ast.Call) -> Iterator[Site]:
    keywords = {one.arg: one.value for one in call.keywords}
    named = call.func.id if isinstance(call.func, ast.Name) else ""
    first = call.args[0] if call.args else None
    code = CLASS_CODES.get(named)
    if isinstance(call.func, ast.Attribute) and call.func.attr in MISTAKE_ADDERS and "why" in keywords:
        code = Code.PROFILE
    if isinstance(first, ast.Attribute) and ast.unparse(first.value) == "Code":
        code = Code[first.attr]
    facts, why = keywords.get("facts"), keywords.get("why")
    if isinstance(why, ast.Name):
        code = None  # whichever its callers name
    if code is not None or isinstance(facts, ast.Dict):
        names = (
            {key.value for key in facts.keys if isinstance(key, ast.Constant)} if isinstance(facts, ast.Dict) else ()
        )
        if named == "PlatformRefused":
            names = {*names, "platform_code"}
        found = Why[why.attr] if isinstance(why, ast.Attribute) else None
        where = f"{path.relative_to(ROOT).as_posix()}:{call.lineno}"
        yield Site(where, function, code, found, frozenset(str(name) for name in names))


@pytest.mark.parametrize(
    ("code", "why", "said"),
    [
        (Code.LEDGER_UNREACHABLE, Why.LABEL_IN_DOUBT, "station label print"),
        (Code.LEDGER_UNREACHABLE, Why.LABEL_WAITS, "自动打印"),
        (Code.LEDGER_BUSY, Why.LABEL_WAITS, "自动打印"),
    ],
)
def test_a_label_that_the_ledger_keeps_back_is_told_in_chinese_with_what_becomes_of_it(
    code: Code, why: Why, said: str
) -> None:
    fault = LedgerFault(code, "cause", "mend", why=why)

    assert said in error_words(fault, CHINESE).mend


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_raised_fills_its_codes_sentence(language: str) -> None:
    details = {
        key.removeprefix("detail."): places(text)
        for key, text in Texts(language).sentences.items()
        if key.startswith("detail.")
    }
    found = sites()

    assert len(found) > 60
    told = {"I31.mistakes", "I20.mistakes", "I30.mistakes", *(f"I31.{why}" for why in LABEL_WHYS)}
    told |= {f"E51.{why}" for why in PRINTER_WHYS} | SERVER_WHYS
    for site in found:
        if site.code is None:
            assert site.facts in details.values(), site
        elif site.facts or site.why:
            key = site.code if site.why is None else f"{site.code}.{site.why}"
            assert key in details, site
            assert details[key] == site.facts, site
            told.add(key)
    assert set(details) - told == {"F31", "F40.not_heard", "F40.not_seen", "E29", "E90"} - told


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mend_of_its_own_belongs_to_a_sentence_that_is_told(language: str) -> None:
    texts = Texts(language)

    own = {key.removeprefix("todo.") for key in texts.lists if key.startswith("todo.")}
    # Code and Why of an argument say together what to do; its code alone is for whoever gives arguments.
    told = {f"I10.{site.why}" for site in sites() if site.code is Code.USAGE and site.why is not None}
    assert {"F40.not_heard", "F40.not_seen", *told} <= own
    assert own <= {key.removeprefix("detail.") for key in texts.sentences if key.startswith("detail.")}


def test_what_a_technician_is_refused_is_told_by_facts_in_every_language() -> None:
    """A UsageError alone says nothing in Chinese: its code is the same for all."""
    unsaid = [
        site
        for site in sites()
        for file, functions in REACHED.items()
        if site.place.startswith(file) and (site.function in functions or functions == ("*",))
        if site.code is not None and site.code.startswith("I") and not site.facts and site.why is None
    ]

    assert unsaid == []


def test_the_functions_that_a_technician_reaches_are_there() -> None:
    made = {(site.place.rpartition(":")[0], site.function) for site in sites()}

    gone = [
        (file, function)
        for file, functions in REACHED.items()
        for function in functions
        if not any(place.startswith(file) and function in (name, "*") for place, name in made)
    ]
    assert gone == []


@pytest.mark.parametrize("code", Code)
def test_no_failure_is_told_in_english_first_on_a_chinese_screen(code: Code) -> None:
    error = CodedError(code, "An English cause", "An English mend")

    words = error_words(error, CHINESE)
    (row, *more) = readiness_rows([ReadinessItem.of_fault("ports", error)], CHINESE, 120)

    told = words.line + row.plain + "".join(line.plain for line in more)
    assert "English mend" not in told
    assert CHINESE.failures[code].cause in words.said
    # Only what a file or an argument lacks is quoted behind that, for who wrote it.
    assert ("English" in told) == code.startswith("I")
    assert words.mend == CHINESE.failures[code].tries[0]


def test_a_mistake_in_a_profile_is_told_in_chinese_with_its_place() -> None:
    error = ProfileError(
        "One mistake", "Correct it", "p.yaml", [Fault("p.yaml", 12, "app.bin is cut", "Copy it again")]
    )

    words = error_words(error, CHINESE)

    assert words.said.endswith("：第一处错误在 p.yaml:12。")
    assert words.mend == CHINESE.failures["I20"].tries[0]


def test_a_doubt_about_the_images_is_told_in_chinese() -> None:
    values: Facts = {
        "profile": "plug",
        "version": "1.4.2",
        "files": 3,
        "size_kb": 12,
        "partition": "otadata",
        "inside": "1.0",
    }
    for kind in DoubtKind:
        item = ReadinessItem("images", Readiness.WARNING, kind, values)
        said = " ".join(row.plain for row in readiness_rows([item], CHINESE, 120))

        assert re.findall(r"[a-z]{3,}", said.replace("otadata", "").replace("plug", "")) == []
        assert CHINESE.say("mend.images_no_checks") in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("why", "is_fixture_first"), [(Why.NOT_HEARD, True), (Why.NOT_SEEN, False)])
def test_a_unit_that_is_not_online_is_advised_on_by_what_was_waited_for(
    language: str, why: Why, is_fixture_first: bool
) -> None:
    texts = Texts(language)
    failure = texts.failures["F40"]

    first, *others = tries_of(failure, "F40", {"within_s": "30", "words": "-", WHY: why}, texts)

    assert ("BOOT" in first) is is_fixture_first
    assert not any("BOOT" in sentence for sentence in others)
    assert tries_of(failure, "F40", NO_FACTS, texts) == failure.tries


def test_a_mistake_of_the_technician_is_told_with_its_own_mend() -> None:
    error = UsageError("nobody is known", "See the list", facts={"name": "Li"}, why=Why.UNKNOWN_OPERATOR)

    assert error_words(error, CHINESE).line == "I10 命令不对：这里没有 Li。 再扫描一次工牌，或输入完整姓名。"
    assert error_words(error, Texts("en")).line.endswith("nobody is known. See the list")


def test_what_the_station_found_is_filled_in() -> None:
    error = ChipError(Code.WRONG_CHIP, "It is an esp32c3", "Change it", facts={"chip": "esp32c3", "wanted": "esp32"})

    assert (
        error_words(error, CHINESE).line
        == "F12 芯片型号不对：它是 esp32c3，配置文件要 esp32。 " + CHINESE.failures["F12"].tries[0]
    )
    assert error_words(error, Texts("en")).line == "F12 This is another chip: It is an esp32c3. Change it"


def test_a_fault_says_where_and_a_platform_its_own_code() -> None:
    key = LedgerFault(Code.KEY_WRONG, "another key", "Bring back the right one", "data/ledger.key")
    refused = refusal("QueryDevice", "iot.system.Odd", "odd", 200, PlatformSettings())

    assert error_words(key, CHINESE).said.endswith(CHINESE.failures["E24"].cause + "请看 data/ledger.key。")
    assert error_words(refused, CHINESE).said.endswith("：平台自己的代码是 iot.system.Odd。")


@pytest.mark.parametrize(
    ("error", "found", "mend"),
    [
        (
            refusal("QueryDevice", "InvalidTimeStamp.Expired", "late", 400, PlatformSettings()),
            "不接受这台电脑的时间",
            "时钟",
        ),
        (refusal("QueryDevice", "Forbidden.RAM", "no", 403, PlatformSettings()), "没有这个权限", "开通平台权限"),
        (no_access_key(), "本站没有访问密钥", "可以录入新的密钥"),
    ],
    ids=["the clock", "the rights", "no key"],
)
def test_why_the_platform_takes_no_key_is_told_apart_in_chinese(error: CodedError, found: str, mend: str) -> None:
    words = error_words(error, CHINESE)

    assert error.code is Code.PLATFORM_KEY_REFUSED
    assert found in words.said
    assert mend in words.mend


@pytest.mark.parametrize(
    ("said", "found", "mend"),
    [
        (psycopg.errors.LockNotAvailable(), "另一个工站", "F5"),
        (psycopg.errors.TooManyConnections(), "新的连接", "max_connections"),
        (psycopg.errors.DiskFull(), "服务器的磁盘", "那台服务器"),
    ],
    ids=["held", "too many", "full"],
)
def test_what_a_ledgers_server_lacks_is_told_apart_from_this_pcs_in_chinese(
    said: psycopg.Error, found: str, mend: str
) -> None:
    words = error_words(translated(said, "server/ledger"), CHINESE)

    assert found in words.said
    assert "server/ledger" in words.said
    assert mend in words.mend


@pytest.mark.skipif(sys.platform == "win32", reason="rights are not bits of the mode there")
def test_a_key_that_others_can_read_is_told_in_chinese_with_the_command_that_mends_it(tmp_path: Path) -> None:
    key = tmp_path / "ledger.key"
    key.touch()
    key.chmod(0o644)

    with pytest.raises(LedgerFault) as caught:
        require_owner_only(key, key.stat())

    assert error_words(caught.value, CHINESE).said.endswith(f"命令“chmod 600 {key}”可以改正。")


def test_what_no_sentence_tells_is_quoted_for_who_wrote_it() -> None:
    assert "'plug' names nothing" in error_words(UsageError("'plug' names nothing", "Say which"), CHINESE).line


def test_what_is_found_and_what_is_to_be_done_have_words_by_number_too(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts("zh-CN")
    by_number = {"detail.F12": "{count:one|many}", "mend.no_lanes": "{count:first|each}"}
    monkeypatch.setattr(texts, "_catalogue", replace(texts._catalogue, sentences={**texts.sentences, **by_number}))
    item = ReadinessItem("lanes", Readiness.BLOCKED, Sentence.NO_LANES, {"count": 1})

    assert found_words("F12", "", {"count": 2}, texts) == "many"
    assert words_of(item, texts)[1] == "first"
