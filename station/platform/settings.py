"""Where the platform is and how it is spoken to. Never holds an access key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """How a station reaches its platform; the defaults are the vendor's public instance in Shanghai."""

    region: str = "cn-shanghai"
    endpoint: str = ""
    """`host` or `host:port` of the OpenAPI; empty: the vendor's own for the region."""
    protocol: Literal["https", "http"] = "https"
    instance_id: str = ""
    """IotInstanceId; empty for a public instance that has none."""
    ca_file: str = ""
    """Root certificate (PEM) of an endpoint that no public authority vouches for."""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0

    @property
    def address(self) -> str:
        """`host` or `host:port` of the OpenAPI."""
        return self.endpoint or f"iot.{self.region}.aliyuncs.com"

    @property
    def host(self) -> str:
        """The host alone."""
        return self.address.rpartition(":")[0].strip("[]") if ":" in self.address else self.address
