"""The stack light gets the bytes of each state on its serial port, and comes back by itself after its port was away."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
import serial

from station.chip.plain_port import PlainPort
from station.errors import Code, PeripheralFault
from station.peripherals.stack_light import LightState, StackLight
from tests.free_port import free_port
from tests.peripherals.light_double import LightDouble
from tests.peripherals.tcp_double import WAIT_S

SIGNALS = {
    LightState.OFF: b"\xa0\x00",
    LightState.WORKING: b"\xa0\x01",
    LightState.UNIT_BAD: b"\xa0\x02",
}


class Told(list[PeripheralFault]):
    """What trouble was told."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def append(self, fault: PeripheralFault) -> None:
        super().append(fault)
        self.came.set()


@contextmanager
def light_at(url: str) -> Iterator[tuple[StackLight, Told]]:
    told = Told()
    light = StackLight(partial(PlainPort, url, 9600), SIGNALS, told.append, retry_period_s=0.05)
    try:
        yield light, told
    finally:
        light.close()


def read(descriptor: int, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        taken += os.read(descriptor, count - len(taken))
    return taken


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal")
def test_each_state_sends_its_bytes_to_a_serial_port_and_the_end_puts_it_out() -> None:
    controller, port = os.openpty()
    try:
        with light_at(os.ttyname(port)) as (light, told):
            light.show(LightState.WORKING)
            light.check()
            light.show(LightState.UNIT_BAD)
            light.check()
            assert read(controller, 4) == b"\xa0\x01\xa0\x02"
        assert read(controller, 2) == b"\xa0\x00"
        assert told == []
    finally:
        os.close(port)
        os.close(controller)


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal")
def test_a_port_that_is_pulled_between_its_bytes_and_their_end_is_told_with_the_systems_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controller, port = os.openpty()
    plain = PlainPort(os.ttyname(port), 9600)
    os.close(controller)
    try:
        monkeypatch.setattr(serial.Serial, "write", lambda _port, data: len(data))
        with pytest.raises(PeripheralFault, match="Input/output error") as caught:
            plain.write(b"\xa0\x01")
        assert caught.value.code is Code.LIGHT_UNREACHABLE
    finally:
        plain.close()
        os.close(port)


def test_a_state_without_bytes_leaves_the_light_as_it_is() -> None:
    with LightDouble() as double, light_at(double.url) as (light, _):
        light.show(LightState.WORKING)
        light.check()
        light.show(LightState.WAITING)
        light.check()
        light.show(LightState.UNIT_BAD)
        light.check()
        double.wait(b"\xa0\x01\xa0\x02")


def test_a_port_that_is_away_is_told_once_and_shows_the_newest_state_when_it_comes() -> None:
    port = free_port()
    with ExitStack() as came_later, light_at(f"socket://127.0.0.1:{port}") as (light, told):
        light.show(LightState.WORKING)
        assert told.came.wait(WAIT_S)
        with pytest.raises(PeripheralFault) as caught:
            light.check()
        assert caught.value.code is Code.LIGHT_UNREACHABLE
        assert str(port) in caught.value.place
        assert light.is_lost

        light.show(LightState.UNIT_BAD)
        double = came_later.enter_context(LightDouble(port))
        double.wait(b"\xa0\x02")
        with light._changed:
            assert light._changed.wait_for(lambda: not light.is_lost, WAIT_S)
    assert len(told) == 1


def test_the_end_waits_for_no_port_that_is_away() -> None:
    with light_at(f"socket://127.0.0.1:{free_port()}") as (light, told):
        light.show(LightState.WORKING)
        assert told.came.wait(WAIT_S)
    assert not [thread for thread in threading.enumerate() if thread.name == "stack-light"]
