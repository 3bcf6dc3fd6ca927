"""How a virtual platform is set up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """Ports (0 takes a free one), identity and pace of a platform."""

    mqtt_port: int = 0
    tls_port: int = 0
    openapi_port: int = 0
    instance_id: str = ""
    """With an ID every OpenAPI call must name it, without one none may."""
    region: str = "cn-shanghai"
    access_key_id: str = "virtual-access-key"
    access_key_secret: str = "virtual-access-secret"  # noqa: S105  the virtual platform's own, known to everybody
    connect_timeout_s: float = 10.0
    """How long a connection may be open without a CONNECT."""
    second_s: float = 1.0
    """How long one second of a keepalive lasts; tests make it shorter."""
    has_call_limits: bool = True
    """Whether an action that is called too often in a second is refused as the platform does."""
    job_polls: int = 0
    """How many queries still see a batch being checked, and being created, before it is done."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    retransmit_s: float = 10.0
    """After how long an unacknowledged QoS 1 message is sent again."""
