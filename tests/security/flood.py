"""Port servers on 127.0.0.1 that say whatever a hostile chip would."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

Speech = Callable[[], Iterable[bytes]]


class Flood:
    """Speaks to each client without listening, until it hangs up or the speech is over; then keeps silent."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    @property
    def url(self) -> str:
        return f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        with socket.create_connection(self._listener.getsockname()):
            pass  # wakes the accept
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while not self._done.is_set():
            client, _ = self._listener.accept()
            with client:
                client.settimeout(0.05)
                self._speak(client)

    def _speak(self, client: socket.socket) -> None:
        try:
            for data in itertools.chain(self._speech(), itertools.repeat(b"")):
                rest = memoryview(data)
                while not self._done.is_set():
                    try:
                        rest = rest[client.send(rest) :] if rest else rest
                        if not rest and not data and client.recv(4096) == b"":
                            return
                    except TimeoutError:
                        pass
                    if not rest:
                        break
                if self._done.is_set():
                    return
        except OSError:
            return  # the client had enough


class TalkingPort:
    """A pyserial port whose other side has said certain bytes already, and nothing more."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self.timeout = 0.0
        self.baudrate = 115200
        self.name = "talking"
        self.written_bytes = 0

    @property
    def in_waiting(self) -> int:
        return len(self._said)

    def read(self, size: int) -> bytes:
        data, self._said = self._said[:size], self._said[size:]
        return data

    def write(self, data: bytes) -> int:
        self.written_bytes += len(data)
        return len(data)

    def reset_input_buffer(self) -> None:
        pass

    def flushOutput(self) -> None:  # noqa: N802  esptool's name for it
        pass

    def close(self) -> None:
        pass
