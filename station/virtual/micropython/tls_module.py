"""A stand-in for MicroPython's `ssl`: `SSLContext` with what MicroPython 1.21 documents, over the host's own TLS."""

from __future__ import annotations

import socket
import ssl
from types import ModuleType

from station.virtual.micropython.core_modules import make_module


class SSLContext:
    """Settings of TLS connections; unlike CPython's, a new one checks nothing until `verify_mode` is set."""

    def __init__(self, protocol: int) -> None:
        self._context = ssl.SSLContext(protocol)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    @property
    def verify_mode(self) -> int:
        return self._context.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode: int) -> None:
        self._context.check_hostname = False
        self._context.verify_mode = ssl.VerifyMode(mode)

    def load_verify_locations(self, cafile: str | None = None, cadata: bytes | None = None) -> None:
        """Trust these roots, DER or PEM; raises ValueError when they cannot be read."""
        roots: str | bytes | None = cadata
        if cadata is not None and cadata.startswith(b"-----BEGIN"):
            roots = cadata.decode("ascii")
        try:
            self._context.load_verify_locations(cafile, cadata=roots)
        except ssl.SSLError:
            raise ValueError("invalid cert") from None

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        server_hostname: str | None = None,
    ) -> ssl.SSLSocket:
        """Speak TLS over a connected socket; with a server name the certificate must be for it."""
        self._context.check_hostname = server_hostname is not None and self._context.verify_mode == ssl.CERT_REQUIRED
        return self._context.wrap_socket(sock, server_side, do_handshake_on_connect, server_hostname=server_hostname)


def tls_modules() -> dict[str, ModuleType]:
    """Make the stand-in by name."""
    module = make_module(
        "ssl",
        SSLContext=SSLContext,
        PROTOCOL_TLS_CLIENT=int(ssl.PROTOCOL_TLS_CLIENT),
        PROTOCOL_TLS_SERVER=int(ssl.PROTOCOL_TLS_SERVER),
        CERT_NONE=int(ssl.CERT_NONE),
        CERT_OPTIONAL=int(ssl.CERT_OPTIONAL),
        CERT_REQUIRED=int(ssl.CERT_REQUIRED),
    )
    return {"ssl": module}
