"""A port on which nobody listens."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Give the number of a TCP port of 127.0.0.1 that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
