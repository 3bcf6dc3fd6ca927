"""F12 on the line: which lane's good unit it is about, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

from station.errors import CodedError
from station.events import LabelPrinted
from station.tui.lane_view import LaneView
from station.tui.line_port import PrintPort
from station.unit import Mac


def lane_to_print(views: Mapping[int, LaneView], chosen: int) -> int | None:
    """Give the lane whose good unit has no label because it was not printed, the chosen one first; else the chosen one."""
    good = {number: unit for number, view in views.items() if (unit := view.good_unit) is not None}
    unprinted = [number for number, unit in good.items() if unit.printed is not None and unit.printed.code]
    if chosen in good and (chosen in unprinted or not unprinted):
        return chosen
    return next(iter(unprinted), None)


def print_again(prints: PrintPort, unit: LaneView) -> LabelPrinted:
    """Print the label of a good unit, and give what is told of it; waits for the printer."""
    mac = Mac(unit.mac or "")
    try:
        return prints.print_again(mac)
    except CodedError as error:
        return LabelPrinted(unit.lane, unit.run_id or 0, mac, unit.device_name).hindered_by(error)
