"""What the platform tells about products, orders and devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from station.certificate import Secret
from station.platform.device_state import DeviceState


@dataclass(frozen=True, slots=True)
class Product:
    """One product. `created` is in UTC."""

    product_key: str
    name: str
    devices: int
    is_gateway: bool
    created: datetime | None


class JobState(StrEnum):
    """How far an order of devices is, in the platform's words."""

    CHECK = "CHECK"
    CHECK_SUCCESS = "CHECK_SUCCESS"
    CHECK_FAILED = "CHECK_FAILED"
    CREATE = "CREATE"
    CREATE_SUCCESS = "CREATE_SUCCESS"
    CREATE_FAILED = "CREATE_FAILED"


@dataclass(frozen=True, slots=True)
class Job:
    """An order's state and the names that cannot be had."""

    state: JobState
    invalid_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """A device that was registered, and its secret."""

    device_name: str
    device_secret: Secret


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """One page of an order's devices; `total` counts those of all pages."""

    certificates: tuple[DeviceCertificate, ...]
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """One device as the platform keeps it. Times are in UTC, None for never."""

    product_key: str
    device_name: str
    state: DeviceState
    device_secret: Secret
    activated: datetime | None
    online: datetime | None
    firmware_version: str

    @property
    def was_activated(self) -> bool:
        """Whether it ever connected."""
        return self.activated is not None or self.state in {DeviceState.ONLINE, DeviceState.OFFLINE}
