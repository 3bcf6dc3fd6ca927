"""Which lanes `run`, `flash` and `demo` work on, how, and the line of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from station.chip.chip import ResetMode
from station.chip.ports import PortInfo, list_serial_ports
from station.cli.context import Session
from station.cli.lane_settings import learnt_lanes
from station.cli.light_settings import is_light
from station.cli.platform_settings import platform_of
from station.cli.printer_settings import printer_of
from station.cli.signing_in import LeadDecisions
from station.cli.station_log import log_line
from station.errors import Code, PortFault
from station.line.lane import LaneInfo, LanePlan, Startup
from station.line.lane_places import NOTHING_LEARNT, LanePlaces
from station.line.line import HotPlug, Line
from station.line.named_ports import check_ports
from station.line.port_watch import PortWatch
from station.line.shift import Shift
from station.profile.serial_number import ScanTime


class LaneFinder:
    """Which lanes a command works on: the ports named, numbered from 1, or the USB serial ports that are there."""

    def __init__(self, session: Session, named: Sequence[str]) -> None:
        """UsageError when a port is named twice, SettingsError when the station's settings are wrong."""
        check_ports(named)
        self._named = dict(enumerate(named, start=1))
        self._places = LanePlaces(NOTHING_LEARNT if named else learnt_lanes(session.data))
        self._light_port = None if named else session.settings().stack_light.port
        self._unbound = frozenset(self._named)

    def lanes(self) -> dict[int, str]:
        """Lane number → port, as it is now; a port that is named by the system's own name is known by its place from here on."""
        ports = self._ports()
        if not self._named:
            return self._places.number(ports)
        here = {port.url: port for port in ports if port.place is not None}
        bound = {lane: here[url] for lane, url in self._named.items() if url in here}
        for lane, port in bound.items():
            self._places.keep(lane, port)
        self._unbound -= frozenset(bound)
        return self._named

    def _ports(self) -> list[PortInfo]:
        """The ports of this PC but the stack light's."""
        return [port for port in list_serial_ports() if not is_light(port.url, self._light_port)]

    def found(self) -> dict[int, str]:
        """As `lanes`; PortFault when there is none."""
        lanes = self.lanes()
        if not lanes:
            raise PortFault(
                Code.PORT_MISSING,
                "No serial port was found",
                "Plug an adapter in, or name a port with --port; `station ports` lists them",
            )
        return lanes

    def hot_plug(self, plan: Callable[[int, str], LanePlan]) -> HotPlug | None:
        """Let lanes follow their adapters; new ones come where no port is named. None where each port is an address."""
        if self._named and self._unbound == frozenset(self._named):
            return None
        watch = PortWatch(self._places, self._ports, new_lanes=not self._named)
        return HotPlug(watch, plan, self._unbound)


def plan_lane(shift: Shift, number: int, port: str, units: int | None = None, end_on_error: bool = False) -> LanePlan:
    """A lane as the profile wants it."""
    profile = shift.recipe.profile
    return LanePlan(
        LaneInfo(number, port),
        reset=ResetMode(profile.reset),
        startup=Startup(profile.start),
        units=units,
        end_on_error=end_on_error,
        label_first=profile.serial_number is not None and profile.serial_number.scan is ScanTime.BEFORE,
    )


def plan_lanes(
    shift: Shift, lanes: Mapping[int, str], units: int | None = None, end_on_error: bool = False
) -> list[LanePlan]:
    """One lane for each number and port."""
    return [plan_lane(shift, number, port, units, end_on_error) for number, port in lanes.items()]


def make_line(
    session: Session,
    shift: Shift,
    plans: Sequence[LanePlan],
    operator: str,
    allowed: LeadDecisions,
    *,
    hot_plug: HotPlug | None = None,
) -> Line:
    """Make the line with the platform and the printer that the settings name; what happens at it goes into the log."""
    line = Line(
        shift,
        plans,
        operator=operator,
        replace_foreign=allowed.replace_foreign,
        keep_foreign=allowed.keep_foreign,
        force_security=allowed.force_security,
        platform=platform_of(session, shift),
        printer=printer_of(session, shift),
        hot_plug=hot_plug,
    )
    log_line(line)
    return line
