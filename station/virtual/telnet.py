"""The server's half of Telnet with COM port control (RFC 854, RFC 2217), without any input or output."""

from __future__ import annotations

from typing import Final, Protocol

IAC: Final = 0xFF
DONT: Final = 0xFE
DO: Final = 0xFD
WONT: Final = 0xFC
WILL: Final = 0xFB
SUB_BEGIN: Final = 0xFA
SUB_END: Final = 0xF0
BINARY: Final = 0
ECHO: Final = 1
SUPPRESS_GO_AHEAD: Final = 3
COM_PORT: Final = 44
SERVER_OFFSET: Final = 100

SIGNATURE: Final = 0
SET_BAUD: Final = 1
SET_CONTROL: Final = 5
NOTIFY_MODEM_STATE: Final = 7
FLOW_SUSPEND: Final = 8
FLOW_RESUME: Final = 9
PURGE: Final = 12
_PORT_SETTINGS: Final = {2: 8, 3: 1, 4: 1}
"""Data size, parity, stop size → what the port is set to: 8 bits, none, 1."""
_CONTROL_QUERIES: Final = {0: 1, 4: 6, 13: 14}
"""Flow control, break state, inbound flow control → none, off, none."""
MODEM_STATE: Final = 0xB0
"""Carrier, data set ready, clear to send."""
SUBOPTION_MAX_BYTES: Final = 64


class PortControl(Protocol):
    """What a client may do to the port."""

    baud: int
    dtr: bool
    rts: bool

    def purge(self, *, received: bool, unsent: bool) -> None:
        """Empty the adapter's buffers."""


class TelnetServer:
    """One client's connection: `feed` gives the serial bytes, `take_replies` what has to go back."""

    def __init__(self, port: PortControl) -> None:
        self._port = port
        self._pending = b""
        self._replies = bytearray()
        self._ours: dict[int, bool] = {}
        self._theirs: dict[int, bool] = {}
        self._announced = False
        for option in (ECHO, SUPPRESS_GO_AHEAD, COM_PORT):
            self._offer(WILL, option)
        for option in (BINARY, COM_PORT):
            self._offer(DO, option)

    def take_replies(self) -> bytes:
        """Give the bytes that the server has to send, and forget them."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    @staticmethod
    def escape(data: bytes) -> bytes:
        """Give serial bytes as they go to the client."""
        return data.replace(b"\xff", b"\xff\xff")

    def feed(self, received: bytes) -> bytes:
        """Take the client's bytes; carry out its commands; give the serial bytes among them."""
        data = self._pending + received
        serial = bytearray()
        place = 0
        while True:
            command = data.find(IAC, place)
            if command < 0:
                serial += data[place:]
                self._pending = b""
                break
            serial += data[place:command]
            after = self._command_end(data, command)
            if after is None:
                self._pending = data[command:]
                break
            if data[command + 1] == IAC:
                serial.append(IAC)
            place = after
        return bytes(serial)

    def _command_end(self, data: bytes, start: int) -> int | None:
        """Carry out the command at `start`; give the place after it, None when it is not complete."""
        if len(data) < start + 2:
            return None
        verb = data[start + 1]
        if verb in (WILL, WONT, DO, DONT):
            if len(data) < start + 3:
                return None
            self._negotiate(verb, data[start + 2])
            return start + 3
        if verb == SUB_BEGIN:
            return self._subnegotiation_end(data, start + 2)
        return start + 2

    def _subnegotiation_end(self, data: bytes, start: int) -> int | None:
        option = bytearray()
        place = start
        while place + 1 < len(data):
            if data[place] != IAC:
                option.append(data[place])
                place += 1
            elif data[place + 1] == IAC:
                option.append(IAC)
                place += 2
            else:
                if option[:1] == bytes([COM_PORT]) and len(option) > 1:
                    self._control(option[1], bytes(option[2:]))
                return place + 2
            if len(option) > SUBOPTION_MAX_BYTES:
                return place
        return None

    def _offer(self, verb: int, option: int) -> None:
        (self._ours if verb == WILL else self._theirs)[option] = True
        self._replies += bytes([IAC, verb, option])

    def _negotiate(self, verb: int, option: int) -> None:
        known = option in (BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT)
        wanted = verb in (DO, WILL) and known
        states, yes, no = (self._ours, WILL, WONT) if verb in (DO, DONT) else (self._theirs, DO, DONT)
        asked = option in states
        if states.get(option, False) != wanted or (not known and verb in (DO, WILL)):
            states[option] = wanted
            self._replies += bytes([IAC, yes if wanted else no, option])
        elif not asked:
            states[option] = wanted
        if option == COM_PORT and wanted and not self._announced:
            self._announced = True
            self._answer(NOTIFY_MODEM_STATE, bytes([MODEM_STATE]))

    def _answer(self, command: int, value: bytes) -> None:
        body = bytes([COM_PORT, command + SERVER_OFFSET]) + value
        self._replies += bytes([IAC, SUB_BEGIN]) + self.escape(body) + bytes([IAC, SUB_END])

    def _control(self, command: int, value: bytes) -> None:
        if command == SET_BAUD and len(value) == 4:
            baud = int.from_bytes(value, "big")
            if baud:
                self._port.baud = baud
            self._answer(command, self._port.baud.to_bytes(4, "big"))
        elif command in _PORT_SETTINGS and value:
            self._answer(command, value if value[0] else bytes([_PORT_SETTINGS[command]]))
        elif command == SET_CONTROL and value:
            self._answer(command, bytes([self._set_control(value[0])]))
        elif command == PURGE and value:
            self._port.purge(received=value[0] in (1, 3), unsent=value[0] in (2, 3))
            self._answer(command, value)
        elif command == NOTIFY_MODEM_STATE:
            self._answer(command, bytes([MODEM_STATE]))
        elif command == SIGNATURE:
            self._answer(command, b"virtual chip")
        elif command < SERVER_OFFSET and command not in (FLOW_SUSPEND, FLOW_RESUME):
            self._answer(command, value)

    def _set_control(self, value: int) -> int:
        """Switch a line or answer a question; give the value to answer with."""
        port = self._port
        match value:
            case 7:
                return 8 if port.dtr else 9
            case 8 | 9:
                port.dtr = value == 8
            case 10:
                return 11 if port.rts else 12
            case 11 | 12:
                port.rts = value == 11
        return _CONTROL_QUERIES.get(value, value)
