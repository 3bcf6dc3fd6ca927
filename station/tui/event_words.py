"""An audit event in the language that is spoken: what it was, and what stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from station.certificate import CertificateState
from station.ledger import AuditEvent, EventKind
from station.texts import Texts
from station.tui.blocks import Row
from station.tui.cell_text import fit, pad, plain, wrap
from station.tui.error_words import found_words
from station.tui.lane_picture import STEP_SIGNS, SYMBOLS
from station.tui.quantity import seconds_words
from station.verdict import StepState, Verdict

KIND_CELLS: Final = 19
"""As wide as the longest word for a kind."""
_WHOM_CELLS: Final = 17
_OPERATOR_CELLS: Final = 10
_WIDE_CELLS: Final = 100
_EVERYWHERE: Final = frozenset({"run", "job", "product_key", "fingerprint", "source_digest"})
_PUTS: Final = "put unit"
"""The action that tells a place too: `put unit MAC to PLACE`."""
_LEAST_CELLS: Final = 16
"""A narrower column holds no words."""


def event_row(event: AuditEvent, texts: Texts, width: int, now: datetime) -> Row:
    """One event in one row: number, time, lane, what, about whom, in a wide room by whom, and what stands in it."""
    head = _head(event, f"{_at(event, now):%H:%M:%S}")
    whom = pad(plain(event.device_name or event.mac or event.batch or ""), _WHOM_CELLS)
    words = [_kind(event, texts), whom, *_by(event, width), event_words(event, texts)]
    return Content.assemble((head, "$quiet"), fit(" ".join(words), max(0, width - cell_len(head))))


def event_rows(event: AuditEvent, texts: Texts, width: int, now: datetime) -> list[Row]:
    """One event of one unit, with its day, and whole: in as many rows as it takes."""
    head = _head(event, f"{_at(event, now):%m-%d %H:%M:%S}")
    before = " ".join([_kind(event, texts), *_by(event, width), ""])
    indent = cell_len(head) + cell_len(before)
    first, *others = wrap(event_words(event, texts), max(_LEAST_CELLS, width - indent)) or [""]
    rows = [Content.assemble((head, "$quiet"), fit(before + first, max(0, width - cell_len(head))))]
    return rows + [Content(fit(" " * indent + line, width)) for line in others]


def event_words(event: AuditEvent, texts: Texts) -> str:
    """Say what stands in an event; a kind without words of its own tells its plain values."""
    data = event.data
    parts: Sequence[object]
    match event.kind:
        case EventKind.STEP:
            return _step_words(data, texts)
        case EventKind.RUN_FINISHED | EventKind.RUN_INTERRUPTED:
            return _verdict_words(data, texts)
        case EventKind.RUN_BEGUN:
            parts = [f"{data.get('profile', '')} {data.get('firmware_version', '')}".strip(), data.get("port")]
        case EventKind.UNIT_IDENTIFIED:
            parts = [data.get("description") or data.get("chip")]
        case EventKind.UNIT_DISPOSED:
            place = _text(data.get("to")) or "free"
            parts = [f"→ {texts.sentences.get(f'disposition.{place}', place)}", data.get("reason")]
        case EventKind.SERIAL_NUMBER_BOUND | EventKind.SERIAL_NUMBER_RELEASED:
            entry = f"entry.{data.get('entry')}"
            parts = [data.get("serial_number"), texts.sentences.get(entry), data.get("reason")]
        case EventKind.LABEL_FAILED:
            parts = [texts.titled(_text(data.get("code"))), data.get("printer")]
        case EventKind.CERTIFICATE_REPLACED:
            names = [_device_name(data.get(end)) for end in ("from", "to")]
            parts = [" → ".join(names), data.get("reason"), data.get("decided_by")]
        case _ if _is_state(data.get("to")):
            states = [texts.say(f"state.{state}") for name in ("from", "to") if _is_state(state := data.get(name))]
            parts = [" → ".join(states), data.get("reason")]
        case _:
            return _brief(data, texts)
    return _joined(parts)


def _step_words(data: Mapping[str, object], texts: Texts) -> str:
    step, state = _text(data.get("step")), _text(data.get("state"))
    name = texts.sentences.get(f"step.{step}", step or "")
    sign = STEP_SIGNS[StepState(state)] if state in set(StepState) else "·"
    return _joined([f"{sign} {name}", _took(data, texts), texts.titled(_text(data.get("code")))])


def _verdict_words(data: Mapping[str, object], texts: Texts) -> str:
    verdict, code = _text(data.get("verdict")), _text(data.get("code"))
    word = f"{SYMBOLS[Verdict(verdict)]} {verdict}" if verdict in set(Verdict) else verdict or ""
    found = found_words(code, str(data.get("message") or ""), {}, texts)
    return _joined([word, _took(data, texts), texts.titled(code), found])


def _took(data: Mapping[str, object], texts: Texts) -> str:
    seconds = data.get("seconds")
    return seconds_words(seconds, texts) if isinstance(seconds, int | float) else ""


def _brief(data: Mapping[str, object], texts: Texts) -> str:
    """An event's plain values with their names, without what every event has; what holds has its name alone."""
    parts: list[object] = []
    for key, value in data.items():
        if key not in _EVERYWHERE and isinstance(value, str | int | float) and value is not False and value != "":
            name = texts.sentences.get(f"data.{key}", key)
            parts.append(name if value is True else f"{name} {_value(key, value, texts)}")
    return _joined(parts)


def _joined(parts: Sequence[object]) -> str:
    return plain(" · ".join(str(part) for part in parts if part))


def _value(key: str, value: object, texts: Texts) -> object:
    """Say a value that the record has as one of a few words, or as what a line lead was asked for."""
    if key == "action":
        return _actions(str(value), texts)
    return texts.sentences.get(f"value.{key}.{value}", value)


def _actions(actions: str, texts: Texts) -> str:
    """Say what a line lead was asked for at once; an `and` that no action follows stands in somebody's name."""
    said = [_action(one, texts) for one in actions.split(" and ")]
    known = [one for one in said if one is not None]
    return " · ".join(known) if len(known) == len(said) else _action(actions, texts) or actions


def _action(action: str, texts: Texts) -> str | None:
    """Say one; the record has it in English, as one of the sentences `value.action` begins with. None: as none of them."""
    for key, begin in texts.sentences.items():
        english = key.removeprefix("value.action.")
        if english != key and (action == english or action.startswith(f"{english} ")):
            whom, place = action.removeprefix(english).strip(), ""
            if english == _PUTS:
                whom, _, place = whom.partition(" to ")
            said = texts.sentences.get(f"disposition.{'free' if place == 'use again' else place}", place)
            return " ".join(word for word in (begin, whom, said and f"→ {said}") if word)
    return None


def _head(event: AuditEvent, at: str) -> str:
    lane = "" if event.lane is None else str(event.lane)
    return f" {event.number:>6} {at} {lane:>2}  "


def _at(event: AuditEvent, now: datetime) -> datetime:
    return datetime.fromisoformat(event.at).astimezone(now.tzinfo)


def _kind(event: AuditEvent, texts: Texts) -> str:
    return pad(texts.sentences.get(f"event.{event.kind}", plain(event.kind)), KIND_CELLS)


def _by(event: AuditEvent, width: int) -> list[str]:
    return [pad(plain(event.operator), _OPERATOR_CELLS)] if width >= _WIDE_CELLS else []


def _device_name(certificate: object) -> str:
    return str(certificate.get("device_name", "")) if isinstance(certificate, Mapping) else ""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_state(value: object) -> bool:
    return isinstance(value, str) and value in set(CertificateState)
