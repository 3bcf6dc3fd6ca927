"""A lane belongs to a place, whatever the system calls its port."""

from __future__ import annotations

from station.chip.ports import Place, PortInfo, in_order
from station.line.lane_places import LanePlaces
from tests.line.ports import adapter

TAUGHT = {1: Place("A5069RR4", "1-1.2"), 2: Place(None, "1-1.3"), 4: Place("A5069RR5", "1-1.4")}


def test_taught_places_have_their_numbers_and_others_come_after_them() -> None:
    found = LanePlaces(TAUGHT).number(
        [adapter("ttyUSB0", "1-1.3"), adapter("ttyUSB1", "1-9"), adapter("ttyUSB2", "1-1.2", "A5069RR4")]
    )
    assert list(found.items()) == [(1, "ttyUSB2"), (2, "ttyUSB0"), (5, "ttyUSB1")]


def test_a_place_keeps_its_number_under_another_name() -> None:
    places = LanePlaces()
    assert places.number([adapter("ttyUSB0", "1-1"), adapter("ttyUSB1", "1-2")]) == {1: "ttyUSB0", 2: "ttyUSB1"}
    assert places.number([adapter("ttyUSB0", "1-2")]) == {2: "ttyUSB0"}
    assert places.number([adapter("ttyUSB0", "1-2"), adapter("ttyUSB3", "1-1")]) == {1: "ttyUSB3", 2: "ttyUSB0"}


def test_an_adapter_with_a_number_of_its_own_keeps_its_lane_in_another_socket() -> None:
    exchanged = [adapter("COM7", "1-1.4", "A5069RR4"), adapter("COM8", "1-1.2", "A5069RR5")]
    assert LanePlaces(TAUGHT).number(exchanged) == {1: "COM7", 4: "COM8"}


def test_a_new_adapter_in_an_old_ones_socket_takes_its_lane_over() -> None:
    assert LanePlaces(TAUGHT).number([adapter("COM9", "1-1.2", "B7777777")]) == {1: "COM9"}


def test_a_factory_serial_number_and_that_of_a_unit_say_nothing_of_the_place() -> None:
    twins = [adapter("ttyUSB0", "1-1", "0001"), adapter("ttyUSB1", "1-2", "0001")]
    assert [port.place for port in twins] == [Place(None, "1-1"), Place(None, "1-2")]
    own_usb = PortInfo("ttyACM0", "USB JTAG", "303a:1001", "24:0A:C4:5E:10:9C", "1-3", usable=True)
    assert own_usb.place == Place(None, "1-3")


def test_two_ports_of_one_adapter_are_told_apart_by_their_location() -> None:
    places = LanePlaces()
    one, other = adapter("ttyUSB0", "1-1:1.0", "FT9ABCDE"), adapter("ttyUSB1", "1-1:1.1", "FT9ABCDE")
    assert places.number([one, other]) == {1: "ttyUSB0", 2: "ttyUSB1"}
    renamed = [adapter("ttyUSB4", "1-1:1.0", "FT9ABCDE"), adapter("ttyUSB3", "1-1:1.1", "FT9ABCDE")]
    assert places.number(renamed) == {1: "ttyUSB4", 2: "ttyUSB3"}


def test_ports_on_board_and_without_new_lanes_are_no_lanes() -> None:
    on_board = PortInfo("/dev/ttyS0", "ttyS0", None, None, None, usable=True)
    assert LanePlaces().number([on_board]) == {}
    assert LanePlaces().number([adapter("ttyUSB0", "1-1")], new=False) == {}


def test_ports_are_counted_as_people_count() -> None:
    ports = [adapter(name) for name in ("/dev/ttyUSB10", "/dev/ttyUSB2", "COM11", "COM9")]
    assert [port.url for port in in_order(ports)] == ["/dev/ttyUSB2", "/dev/ttyUSB10", "COM9", "COM11"]
