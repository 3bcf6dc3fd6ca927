"""The catalogues are complete in every language and say what the screens ask for."""

from __future__ import annotations

import gc
import re
import string
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml

import station.texts
import station.tui
from station.certificate import CertificateState
from station.errors import Code
from station.events import WaitReason
from station.ledger import EventKind
from station.line.readiness import Sentence
from station.profile.doubts import DoubtKind
from station.serial_number import EntryWay
from station.texts import LANGUAGES, Texts, read_tree
from station.tui import end_screen
from station.tui.asking_screen import AskingStage
from station.tui.decision_view import Stage
from station.tui.look_back_pages import Page
from station.unit import Disposition
from station.verdict import Step, Verdict

OTHERS = [language for language in LANGUAGES if language != "en"]
ENGLISH = Texts("en")


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_keys(language: str) -> None:
    texts = Texts(language)

    assert texts.sentences.keys() == ENGLISH.sentences.keys()
    assert {key: len(lines) for key, lines in texts.lists.items()} == {
        key: len(lines) for key, lines in ENGLISH.lists.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_of_a_catalogue_stands_twice(language: str) -> None:
    catalogue = Path(station.texts.__file__).with_name(f"{language}.yaml").read_text(encoding="utf-8")

    for more, is_refused in (("", False), ("\npane: {}\n", True), ("\nmore: {a: {b: 1, c: 2, b: 3}}\n", True)):
        with pytest.raises(yaml.YAMLError, match="twice") if is_refused else nullcontext():
            read_tree(catalogue + more)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_fills_the_same_places(language: str) -> None:
    texts = Texts(language)

    assert {key: _places(text) for key, text in texts.sentences.items()} == {
        key: _places(text) for key, text in ENGLISH.sentences.items()
    }


def test_the_ledger_has_one_word_in_chinese() -> None:
    sentences = Texts("zh-CN").sentences

    assert [key for key, text in sentences.items() if "账本" in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words(language: str) -> None:
    failures = Texts(language).failures

    assert set(failures) == {code.value for code in Code}
    for failure in failures.values():
        assert failure.title
        assert failure.cause
        assert 1 <= len(failure.tries) <= 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_line_is_told(language: str) -> None:
    texts = Texts(language)
    wanted = [
        *(f"wait.{reason}" for reason in WaitReason),
        *(f"step.{step}" for step in Step),
        *(f"doing.{step}" for step in Step),
        *(f"verdict.{verdict}" for verdict in Verdict),
        *(f"{group}.{place}" for group in ("disposition", "put", "decide") for place in Disposition),
        *(f"decide.ask_{stage}" for stage in Stage),
        *(f"{group}{page}" for group in ("page.", "look.ask_") for page in Page),
        *(f"end.ask_{stage}" for stage in end_screen.Stage),
        *(f"{asker}.ask_{stage}" for asker in ("sign_in", "label") for stage in AskingStage),
        *(f"event.{kind}" for kind in EventKind),
        *(f"entry.{entry}" for entry in EntryWay),
        *(f"state.{state}" for state in CertificateState),
        *(f"ready.{sentence}" for sentence in Sentence if sentence is not Sentence.FAULT),
        *(f"{group}.{doubt}" for group in ("ready", "mend") for doubt in DoubtKind),
    ]

    assert [key for key in wanted if not texts.sentences.get(key)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_calm(language: str) -> None:
    texts = Texts(language)
    words = [*texts.sentences.values(), *(line for lines in texts.lists.values() for line in lines)]
    for failure in texts.failures.values():
        words += [failure.title, failure.cause, *failure.tries]

    assert [text for text in words if re.search(r"[!！]", text)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_failures_offer_as_many_tries_in_every_language(language: str) -> None:
    texts = Texts(language)

    assert {code: len(failure.tries) for code, failure in texts.failures.items()} == {
        code: len(failure.tries) for code, failure in ENGLISH.failures.items()
    }


def test_every_key_that_a_screen_names_exists_and_every_one_is_used() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(station.tui.__path__[0]).glob("*.py"))
    named = set(
        re.findall(
            r"[\"']((?:key|action|now|pane|header|last|choice|leave|help|palette|decide|look|unit|end|sign_in|watch)\.[a-z_]+)[\"']",
            source,
        )
    )
    known = set(ENGLISH.sentences) | set(ENGLISH.lists)
    groups = ("key", "now", "pane", "header", "last", "leave", "palette", "watch")
    unused = {key for key in known if key.split(".")[0] in groups and key not in named}

    assert named - known == set()
    assert unused - {"now.retry_short"} == set()
    # The palette asks for the action of each key that a binding names.
    bound = set(re.findall(r'Binding\("[^"]+", "[^"]+", "key\.([a-z_]+)"', source)) - {"palette"}
    assert {key.removeprefix("action.") for key in known if key.startswith("action.")} == bound | {"theme", "lane"}


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
def test_a_change_of_language_reads_its_catalogue_in_a_moment() -> None:
    text = (Path(station.texts.__file__).parent / "zh-CN.yaml").read_text(encoding="utf-8")

    def cpu_s(call: Callable[[], object]) -> float:
        """Without the collector, which would look through all that other tests left."""
        gc.disable()
        try:
            began = time.thread_time()
            call()
            return time.thread_time() - began
        finally:
            gc.enable()

    in_python = cpu_s(lambda: yaml.safe_load(text))
    assert cpu_s(lambda: station.texts._catalogue.__wrapped__("zh-CN")) < in_python / 2


@pytest.mark.parametrize(("count", "said"), [(0, "0 faults"), (1, "1 fault"), (2, "2 faults")])
def test_one_is_told_in_the_singular(count: int, said: str) -> None:
    assert ENGLISH.say("header.errors", count=count) == said


def test_an_unknown_language_gives_english() -> None:
    assert Texts("tlh").language == "en"


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
