"""What stands in an audit event is told in words, in both languages, and a unit's story tells all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from station.ledger import AuditEvent, EventKind, JsonValue
from station.texts import LANGUAGES, Texts
from station.tui.event_words import KIND_CELLS, event_row, event_rows, event_words
from tests.tui.fake_line import NOW
from tests.tui.made_shift import event

REPLACED: dict[str, JsonValue] = {
    "from": {"device_name": "desk-1"},
    "to": {"device_name": "plug-2"},
    "reason": "old",
    "decided_by": "Wang",
}
TOLD = [
    (
        event(1, "step", step="allocate", state="done", seconds=0.4, code=None),
        "✔ certificate · 0.4 s",
        "✔ 证书 · 0.4 秒",
    ),
    (
        event(2, "step", step="start", state="failed", seconds=20.0, code="F31"),
        "✘ start · 20.0 s · F31 The unit does not start",
        "✘ 启动 · 20.0 秒 · F31 产品没有启动",
    ),
    (
        event(3, "run_finished", verdict="FAIL", code="F21", seconds=5.3, message="it fell silent"),
        "✘ FAIL · 5.3 s · F21 The unit went away · it fell silent",
        "✘ FAIL · 5.3 秒 · F21 产品中途断开",
    ),
    (event(4, "run_begun", run=7, profile="plug", firmware_version="1.4.2", port="COM7"), "plug 1.4.2 · COM7", None),
    (
        event(5, "certificate_returned", **{"from": "allocated", "to": "available"}),
        "allocated → available",
        "已分配 → 可用",
    ),
    (event(6, "unit_disposed", to="hold", reason="odd smell"), "→ hold · odd smell", "→ 扣留 · odd smell"),
    (event(7, "unit_disposed", to=None, reason="it was dust"), "→ use again · it was dust", "→ 恢复使用"),
    (event(8, "serial_number_bound", serial_number="SP1", entry="typed", resumed=False), "SP1 · typed", "SP1 · 输入"),
    (event(8, "label_failed", code="E50", printer="tcp://10.0.0.7", cause="no answer"), "E50 The label printer", "E50"),
    (event(8, "certificate.replaced", **REPLACED), "desk-1 → plug-2 · old · Wang", None),
    (event(9, "step", step="sing", state="loud", seconds=None), "· sing", "· sing"),
    (
        event(10, "signed_in", by="badge", role="technician", again=False, line_lead=True),
        "by badge · role technician · by a",
        "方式 工牌 · 角色 技术员",
    ),
    (
        event(10, "line_lead_confirmed", action="put unit 24:0a:c4:00:00:01 to hold"),
        "what put unit 24:0a:c4:00:00:01 → hold",
        "事项 处置产品 24:0a:c4:00:00:01 → 扣留",
    ),
    (event(10, "line_lead_confirmed", action="add Wang Fang"), "what add Wang Fang", "事项 添加 Wang Fang"),
    (
        event(10, "without_line_lead", action="keep foreign certificates and write over security warnings"),
        "what keep foreign certificates · write over security warnings",
        "事项 保留外来证书 · 越过安全警告",
    ),
    (event(10, "without_line_lead", action="sing"), "what sing", "事项 sing"),
    (event(10, "line_lead_confirmed", action="add Li and Sons"), "what add Li and Sons", "事项 添加 Li and Sons"),
    (event(10, "line_lead_confirmed", action="add Wu to hold"), "what add Wu to hold", "事项 添加 Wu to hold"),
    (event(10, "without_line_lead", action="address the gap"), "what address the gap", "事项 address the gap"),
    (event(10, "something_new", colour="red", run=7), "colour red", "colour red"),
]


@pytest.mark.parametrize(("told", "english", "chinese"), TOLD)
def test_an_event_is_told_in_words(told: AuditEvent, english: str, chinese: str | None) -> None:
    assert event_words(told, Texts("en")).startswith(english)
    assert event_words(told, Texts("zh-CN")).startswith(chinese or english)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_for_every_kind_fits_its_column(language: str) -> None:
    words = [Texts(language).say(f"event.{kind}") for kind in EventKind]

    assert [word for word in words if cell_len(word) > KIND_CELLS] == []


@pytest.mark.parametrize("value", [None, 7, 1.5, True, "available", ["a"], {"a": {"b": 1}}])
@pytest.mark.parametrize("kind", [*EventKind, "unknown"])
def test_no_event_is_too_odd_to_be_told(kind: str, value: JsonValue) -> None:
    names = ("from", "to", "reason", "code", "step", "state", "seconds", "verdict", "entry", "description", "message")
    odd = replace(event(1, kind), data=dict.fromkeys(names, value))

    for language in LANGUAGES:
        assert event_row(odd, Texts(language), 79, NOW).cell_length <= 79


@pytest.mark.parametrize("width", [79, 118])
def test_a_story_tells_an_event_whole_with_its_day_and_within_its_width(width: int) -> None:
    reason = "the pin of the fixture was bent and the spring of the other one had come loose meanwhile"
    rows = [
        row.plain for row in event_rows(event(1, "unit_disposed", to="rework", reason=reason), Texts("en"), width, NOW)
    ]

    assert " ".join(" ".join(row.split()) for row in rows).endswith(f"→ rework · {reason}")
    assert "11-24 14:55:32" in rows[0]
    assert max(len(row) for row in rows) <= width


@pytest.mark.parametrize("width", [40, 79, 118])
def test_the_log_tells_each_event_in_one_row(width: int) -> None:
    assert event_row(event(1, "run_begun", profile="p" * 200), Texts("en"), width, NOW).cell_length <= width
