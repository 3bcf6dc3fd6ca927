"""Ports that a person named for the lanes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from station.errors import UsageError, Why


def check_ports(ports: Sequence[str]) -> None:
    """Refuse a port that is given to two lanes, under one name or two; UsageError."""
    seen: dict[str, str] = {}
    for port in ports:
        itself = _port_itself(port)
        if (other := seen.get(itself)) is not None:
            named = port if port == other else f"{port}, which is also {other},"
            raise UsageError(
                f"The port {named} is given to two lanes",
                "Give each lane a port of its own",
                port,
                why=Why.PORT_TWICE,
                facts={"port": port},
            )
        seen[itself] = port


def _port_itself(port: str) -> str:
    """Give one name for all the names of a port: links followed, letters of one case where the system takes no care."""
    scheme, is_address, rest = port.partition("://")
    if is_address:
        place = rest.split("?")[0].rstrip("/").lower()
        return f"{scheme.lower()}://{place.replace('localhost:', '127.0.0.1:')}"
    if os.name == "nt":
        return port.upper().removeprefix("\\\\.\\")
    return os.path.realpath(port)
