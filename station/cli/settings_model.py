"""Everything that a station may set: the model of `station.yaml` in the data folder. A section is one key here and its model.

Descriptions stand in the JSON Schema and in the file that `station settings init` writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from station.chip.ports import Place
from station.errors import UsageError
from station.ledger.station_name import STATION_PATTERN
from station.peripherals.label_printer import open_printer
from station.peripherals.stack_light import LightState
from station.platform.settings import PlatformSettings
from station.profile.part import Part
from station.profile.quantities import as_written, refusal, shown
from station.results.settings import ChannelName, ChannelSettings
from station.tui.settings import DEFAULTS, Settings

LANES_MAX: Final = 99
SIGNAL_BYTES_MAX: Final = 64
LANE_FORM: Final = "Write 1: {serial_number: A5069RR4, location: 1-1.2}, or teach it: station lanes learn"
_PLACE_TEXT: Final = re.compile(r"[!-~][ -~]{0,63}")


def _station_name(value: str) -> str:
    if not STATION_PATTERN.fullmatch(value):
        raise refusal(f"{shown(value)} is no name of a station", "Write letters, digits and . - _, up to 64")
    return value


def _lane_number(value: Any) -> int:
    text = str(as_written(value))
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise refusal(f"{shown(text)} is no lane number from 1 to {LANES_MAX}", LANE_FORM)
    return int(text)


def _place_text(value: Any, info: ValidationInfo) -> Any:
    """Give a text; a serial number of digits is one, too."""
    text = as_written(value)
    if not isinstance(text, str) or not _PLACE_TEXT.fullmatch(text):
        raise refusal(f"{info.field_name} is no text of up to 64 plain characters", LANE_FORM)
    return text


PlaceText = Annotated[str, BeforeValidator(_place_text)]


class LanePlace(Part):
    """Where a lane is: its adapter's serial number, the USB location of its plug, or both."""

    serial_number: PlaceText | None = None
    location: PlaceText | None = None

    @model_validator(mode="after")
    def _names_a_place(self) -> LanePlace:
        if self.serial_number is None and self.location is None:
            raise refusal("the lane names no place", LANE_FORM)
        return self

    @property
    def place(self) -> Place:
        """The place, as the ports know it."""
        return Place(self.serial_number, self.location)


LaneNumber = Annotated[int, BeforeValidator(_lane_number)]


class LogSettings(Part):
    """What is written into `station.log`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """debug (esptool's own words too), info, warning or error."""
    size_mb: Annotated[int, Field(ge=1, le=1024)] = 2
    """How large one file becomes."""
    files: Annotated[int, Field(ge=2, le=100)] = 6
    """How many files are kept."""


def _printer_address(value: str) -> str:
    try:
        open_printer(value, Path())
    except UsageError as error:
        raise refusal(error.cause, error.mend) from None
    return value


class PrinterSettings(Part):
    """The label printer."""

    address: Annotated[str, AfterValidator(_printer_address), Field(examples=["tcp://192.168.1.50"])] | None = None
    """tcp://HOST[:9100], queue:NAME for a print queue of this system, or file:NAME in the data folder. Without it none prints."""


def _light_state(value: Any) -> Any:
    text = str(as_written(value))
    if text not in list(LightState):
        raise refusal(f"{shown(text)} is no state of the light", f"Write one of {', '.join(LightState)}")
    return text


def _signal(value: Any) -> str:
    text = str(as_written(value))
    try:
        signal = bytes.fromhex(text)
    except ValueError:
        signal = b""
    if not 0 < len(signal) <= SIGNAL_BYTES_MAX:
        raise refusal(
            f"{shown(text)} is no signal of 1 to {SIGNAL_BYTES_MAX} bytes", "Write hexadecimal bytes: 'A0 01 01 A2'"
        )
    return signal.hex(" ").upper()


class LightSettings(Part):
    """A stack light whose controller is on a serial port."""

    port: Annotated[str, Field(min_length=1, examples=["/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"])] | None = (
        None
    )
    """Its port's name, a link to it, or socket://host:port; it is no lane then."""
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    """Its baud rate."""
    signals: Annotated[
        Mapping[Annotated[LightState, BeforeValidator(_light_state)], Annotated[str, BeforeValidator(_signal)]],
        Field(examples=[{"fault": "A0 01 01 A2", "off": "A0 01 00 A1"}]),
    ] = {}
    """The bytes, in hexadecimal, for fault, fail, pass, working, waiting and off; a state left out leaves the light as it is."""

    @property
    def signal_bytes(self) -> dict[LightState, bytes]:
        """The bytes of each state."""
        return {state: bytes.fromhex(text) for state, text in self.signals.items()}


class StationSettings(Part):
    """Settings of a station. Each key may be left out."""

    station: Annotated[str, AfterValidator(_station_name), Field(examples=["bench-1"])] | None = None
    """The name of this station in the ledger and in its audit log, made at the first start. Keep it."""
    platform: PlatformSettings = PlatformSettings()
    """Where the IoT platform is, and how long its answers may take."""
    lanes: Mapping[LaneNumber, LanePlace] = {}
    """Which lane is at which adapter or plug; `station lanes learn` writes it."""
    screen: Settings = DEFAULTS
    """The technician's screen. Language, colours and bell are written back when they are changed there."""
    printer: PrinterSettings = PrinterSettings()
    """Where the labels of units that passed are printed; what stands on them is the profile's `label`."""
    stack_light: LightSettings = LightSettings()
    """A stack light on a serial port, one for all lanes: what its manual says for each state of the line."""
    results: Mapping[ChannelName, ChannelSettings] = {}
    """Other systems that are told each result, by name: `mes: {url: 'https://mes/results'}`, `files: {folder: 'D:/results'}`."""
    log: LogSettings = LogSettings()
    """The log, `station.log` in the data folder."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, tree: Any) -> Any:
        """Take a section without any key, as `settings init` leaves it, for one that is not there."""
        return {key: value for key, value in tree.items() if value is not None} if isinstance(tree, dict) else tree
