"""What happened is found by number, kind and device, and takes a bounded memory."""

from __future__ import annotations

import pytest

from station.virtual.platform import event_log
from station.virtual.platform.device import DeviceKey
from station.virtual.platform.event_log import EventLog, NothingHappened
from station.virtual.platform.message_rate import MESSAGES_A_SECOND_MAX, MessageRate

KEY = DeviceKey("a1Product", "plug-1")


def test_an_event_is_found_from_a_mark_on() -> None:
    log = EventLog(lambda: 5.0)
    log.add("online", KEY)
    mark = log.mark
    log.add("offline", KEY, reason="x")
    assert [event.kind for event in log.list(since=mark)] == ["offline"]
    assert log.list("online", KEY)[0].at == 5.0
    found = log.wait("offline", KEY, since=0, timeout_s=0, where=lambda event: event.data["reason"] == "x")
    assert found.number == mark
    with pytest.raises(NothingHappened, match="offline"):
        log.wait("online", KEY, since=mark, timeout_s=0, where=lambda _event: True)


def test_large_messages_push_older_events_out_and_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "DATA_BYTES_MAX", 10_000)
    log = EventLog(lambda: 0.0)
    for number in range(1000):
        log.add("received", KEY, payload=bytes(1000), topic=str(number))
        assert sum(len(event.data["payload"]) for event in log.list()) <= 10_000
    assert [event.number for event in log.list(since=998)] == [998, 999]
    assert log.list(since=998)[0].data["topic"] == "998"


def test_a_device_has_thirty_messages_a_second() -> None:
    rate = MessageRate()
    assert [rate.admits(10.0 + n / 100) for n in range(40)] == [True] * MESSAGES_A_SECOND_MAX + [False] * 10
    assert rate.admits(11.0)
    assert rate.admits(3.0), "a clock that was set back stops nobody"
