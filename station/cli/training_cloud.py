"""The platform of the training bench: devices are ordered there, units connect there, and what they do there is proven."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from station.certificate import Secret
from station.cli.examples import examples_folder
from station.cli.training_products import has_official_client
from station.errors import Code, StationFault
from station.ledger import Ledger
from station.platform.device_state import DeviceState, DeviceStatus
from station.virtual.platform import NothingHappened, RegistryFault, VirtualPlatform

if TYPE_CHECKING:
    from station.line.status_link import StatusLink
    from station.platform.platform_api import PlatformApi

_logger = logging.getLogger(__name__)

PROFILE: Final = "smart-plug"
"""The product whose application reaches the platform."""
SERVICE: Final = "Toggle"
PROOF_TIMEOUT_S: Final = 10.0
_MARK_BYTES: Final = 3
_CHANGES: Final = {
    "product_key: a1SmartPlug": "product_key: {product_key}",
    "mqtt_port: {{i32: 1883}}": "mqtt_port: {{i32: {mqtt_port}}}",
}
_BY_PLATFORM: Final = "by: platform,"
_BY_CONSOLE: Final = "by: console, expect: 'station-app online',"


@dataclass(frozen=True, slots=True)
class CloudProof:
    """What a device did on the platform once it was online; None where it did not in time."""

    device_name: str
    posted: dict[str, Any] | None = None
    """The property that it reported by itself."""
    answered: dict[str, Any] | None = None
    """Its answer to the service that was called."""

    @property
    def is_whole(self) -> bool:
        return self.posted is not None and self.answered is not None


class TrainingCloud:
    """A virtual platform with one product of its own for each start, as a context manager.

    A product for each start, because the platform forgets everything at its end and units keep what they carry.
    """

    def __init__(self, profile: Path) -> None:
        """`profile` is the bench's own copy: it is changed to the platform that is served."""
        self._profile = profile
        self._platform = VirtualPlatform()
        self.product_key = ""
        self.has_client = has_official_client()
        self.proofs: dict[str, CloudProof] = {}

    def __enter__(self) -> Self:
        try:
            self._platform.start()
            model = json.loads((examples_folder() / "firmware" / "thing_model.json").read_bytes())
            name = f"{PROFILE}-{secrets.token_hex(_MARK_BYTES)}"
            self.product_key = self._platform.create_product(name, thing_model=model)
            self._point_profile_here()
        except OSError as error:
            self._platform.stop()
            raise StationFault(
                Code.INTERNAL, f"The bench's platform cannot be served ({error.strerror})", "Close other programs"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._platform.stop()

    def stock(self, ledger: Ledger, units: int) -> str:
        """Order devices and take their certificates into the ledger; gives the batch's name."""
        batch = f"training-{PROFILE}-{self.product_key}"
        if not self.has_client:
            self._platform.register(self.product_key, [""] * units)
            return self._import_console_csv(ledger, batch)
        from station.line.registering import Registering, make_names  # noqa: PLC0415  needs the official client

        order = ledger.orders.begin(
            batch, self.product_key, make_names("training-", units), part_max=units, work_order=None
        )
        return Registering(ledger, self._api(), order).run().batch

    def status_link(self) -> StatusLink | None:
        """Give who is asked whether a unit is online; None without the official client."""
        return _ProvenStatus(self._api(), self) if self.has_client else None

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Let nobody reach the platform within the block. OSError: it cannot come back."""
        self._platform.go_away()
        try:
            yield
        finally:
            self._platform.come_back()

    def prove(self, device_name: str) -> None:
        """See a device report a property and answer a service, once; what it does not do in time is left out."""
        if device_name in self.proofs:
            return
        proof = CloudProof(device_name)
        try:
            seen = self._platform.wait_for("property", self.product_key, device_name, timeout_s=PROOF_TIMEOUT_S)
            proof = replace(proof, posted={seen.data["name"]: seen.data["value"]})
            reply = self._platform.invoke_service(self.product_key, device_name, SERVICE, {}, PROOF_TIMEOUT_S)
            if not reply.data["fault"]:
                proof = replace(proof, answered={SERVICE: reply.data["value"]})
        except (NothingHappened, RegistryFault) as missing:
            _logger.warning("%s did not show on the platform what it can do: %s", device_name, missing)
        self.proofs[device_name] = proof

    def _api(self) -> PlatformApi:
        from station.platform.access_key import AccessKey  # noqa: PLC0415  as above
        from station.platform.openapi_client import OpenApiClient  # noqa: PLC0415  as above
        from station.platform.platform_api import PlatformApi  # noqa: PLC0415  as above
        from station.platform.settings import PlatformSettings  # noqa: PLC0415  as above

        settings = self._platform.settings
        key = AccessKey(settings.access_key_id, Secret(settings.access_key_secret))
        return PlatformApi(
            OpenApiClient(PlatformSettings(endpoint=self._platform.openapi_endpoint, protocol="http"), key)
        )

    def _point_profile_here(self) -> None:
        text = self._profile.read_text(encoding="utf-8")
        for before, after in _CHANGES.items():
            values = {"product_key": self.product_key, "mqtt_port": self._platform.mqtt_port}
            text = text.replace(before.format(**values), after.format(**values))
        if not self.has_client:
            text = text.replace(_BY_PLATFORM, _BY_CONSOLE)
        self._profile.write_text(text, encoding="utf-8")

    def _import_console_csv(self, ledger: Ledger, batch: str) -> str:
        csv = self._profile.parent / f"{batch}.csv"
        csv.write_bytes(self._platform.csv(self.product_key))
        try:
            return ledger.import_batch(csv, name=batch, product_key=self.product_key).batch
        finally:
            csv.unlink(missing_ok=True)


class _ProvenStatus:
    """The platform's word on a device; before the first ONLINE is passed on, the device has shown what it can do."""

    def __init__(self, api: PlatformApi, cloud: TrainingCloud) -> None:
        self._api = api
        self._cloud = cloud

    def device_status(self, product_key: str, device_name: str, /) -> DeviceStatus:
        status = self._api.device_status(product_key, device_name)
        if status.state is DeviceState.ONLINE:
            self._cloud.prove(device_name)
        return status
