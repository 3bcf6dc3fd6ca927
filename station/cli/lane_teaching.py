"""Which lane is at which plug: told, and taught by plugging one adapter after another."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

from station.chip.ports import Place, PortInfo, find_place, in_order, list_serial_ports
from station.cli.context import Session, say, say_json
from station.cli.lane_settings import learnt_lanes, write_learnt_lanes
from station.cli.light_settings import is_light
from station.cli.settings_model import LANES_MAX

LOOK_PERIOD_S: Final = 0.3


def tell_lanes(session: Session) -> None:
    """Print the lanes that were taught, for a person or as JSON."""
    learnt, found = learnt_lanes(session.data), list_serial_ports()
    rows = [(lane, place, find_place(place, found)) for lane, place in sorted(learnt.items())]
    if session.json:
        say_json(
            [
                {
                    "lane": lane,
                    "serial_number": place.serial_number,
                    "location": place.location,
                    "port": port.url if port else None,
                }
                for lane, place, port in rows
            ]
        )
        return
    for lane, place, port in rows:
        say(f"{lane:>2}  {port.url if port else 'not plugged in':<20} {place}")
    if not rows:
        say("Nothing was taught: lanes are numbered as the ports are named. Teach it: station lanes learn")


def teach_lanes(session: Session) -> None:
    """Number the lanes as their adapters are plugged in, until Enter."""
    learnt_lanes(session.data)  # wrong settings are told before anybody plugs
    ended = threading.Event()

    def await_enter() -> None:
        sys.stdin.readline()
        ended.set()

    threading.Thread(target=await_enter, name="enter", daemon=True).start()

    def tell(lane: int, port: PortInfo, is_new: bool) -> None:
        if session.json:
            kind = "learnt" if is_new else "known"
            said = {"serial_number": port.serial_number, "location": port.location, "port": port.url}
            say_json({"event": kind, "lane": lane, **said})
        else:
            say(f"Lane {lane}{'' if is_new else ' already'}: {port.url}, {port.place}")

    if not session.json:
        say("Plug in the adapter of lane 1, then of lane 2, and so on. One that is in already: pull it out, put it in.")
        say("Press Enter when the last one is in.")
    light_port = session.settings().stack_light.port

    def look() -> list[PortInfo]:
        return [port for port in list_serial_ports() if not is_light(port.url, light_port)]

    taught = learn_places(look, lambda: ended.wait(LOOK_PERIOD_S), tell)
    if taught:
        write_learnt_lanes(session.data, taught)
    if not session.json:
        say(f"Lanes known: {len(taught)}." if taught else "Nothing was plugged in; nothing is changed.")


def learn_places(
    look: Callable[[], Sequence[PortInfo]], ended: Callable[[], bool], tell: Callable[[int, PortInfo, bool], None]
) -> dict[int, Place]:
    """Give each place where something is plugged in between the looks the next number.

    `ended` waits between two looks and says whether it was the last; `tell` hears the number, the port, and whether it is new.
    """
    taught: dict[int, Place] = {}
    before = {port.url: port.place for port in look()}
    while True:
        last = ended()
        ports = in_order([port for port in look() if port.likely_unit and port.place is not None])
        for port in ports:
            if port.place is None or before.get(port.url) == port.place:
                continue
            known = next((lane for lane, place in taught.items() if find_place(place, [port]) is not None), None)
            lane = known or len(taught) + 1
            if lane <= LANES_MAX:
                taught.setdefault(lane, port.place)
                tell(lane, port, known is None)
        before = {port.url: port.place for port in ports}
        if last:
            return taught
