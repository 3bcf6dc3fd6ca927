"""The platform as one thing: started and stopped, asked and told from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from station.virtual.platform.broker import Broker
from station.virtual.platform.certificate_authority import make_tls
from station.virtual.platform.connection import Connection
from station.virtual.platform.console_csv import console_csv, read_console_csv
from station.virtual.platform.core import Core
from station.virtual.platform.device import Device, DeviceKey, DeviceState
from station.virtual.platform.event_log import EventLog, PlatformEvent
from station.virtual.platform.http_server import HttpServer
from station.virtual.platform.openapi import OpenApi
from station.virtual.platform.registry import Registry
from station.virtual.platform.settings import HOST, Settings
from station.virtual.platform.uplink import Uplink

ANSWER_TIMEOUT_S: Final = 10.0
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class DeviceView:
    """What the platform knows of a device at one moment. Times are seconds since 1970, None for never."""

    key: DeviceKey
    state: DeviceState
    secret: str = field(repr=False)
    activated_at: float | None
    online_at: float | None
    firmware_version: str
    properties: Mapping[str, Any]


class VirtualPlatform:
    """A platform on 127.0.0.1, in a thread of its own. Use it as a context manager.

    RegistryFault from most methods: there is no such product or device, or the name is taken; its `code` is the OpenAPI's.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.mqtt_port = self.tls_port = self.openapi_port = 0
        self.ca_pem = ""
        """The root certificate of the TLS listener."""
        self._log = EventLog(self.settings.clock)
        registry = Registry(self.settings.clock)
        broker = Broker(self.settings, registry, self._log, self._receive)
        self._core = Core(self.settings, registry, self._log, broker)
        self._uplink = Uplink(self._core)
        self._openapi = OpenApi(self._core, self._uplink)
        self._http = HttpServer(self._openapi.handle, self._core.files, self._openapi.take_upload, self._console_csv)
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None

    # Life.

    def start(self) -> None:
        """Open all listeners. OSError: a port is taken."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="virtual platform", daemon=True)
        self._thread.start()
        try:
            self._await(self._listen())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close everything; may be called twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._await(self._close(), thread)
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def go_away(self) -> None:
        """Be not reached by anybody until `come_back`: every connection ends, no port answers; what is known stays known."""
        self._await(self._close())

    def come_back(self) -> None:
        """Listen on the same ports as before `go_away`. OSError: one was taken meanwhile."""
        self._await(self._open(self.mqtt_port, self.tls_port, self.openapi_port))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def mqtt_url(self) -> str:
        """Address of the plain listener."""
        return f"mqtt://{HOST}:{self.mqtt_port}"

    @property
    def openapi_endpoint(self) -> str:
        """What the official client takes as its endpoint, with protocol HTTP."""
        return f"{HOST}:{self.openapi_port}"

    # Products and devices.

    def create_product(
        self,
        name: str,
        *,
        product_key: str | None = None,
        is_gateway: bool = False,
        thing_model: dict[str, Any] | None = None,
    ) -> str:
        """Make a product and give its ProductKey; `thing_model` is the platform's TSL JSON. RegistryFault."""
        make = self._core.registry.create_product
        return self._call(
            lambda: make(name, product_key=product_key, is_gateway=is_gateway, thing_model=thing_model).product_key
        )

    def register(self, product_key: str, names: Iterable[str]) -> tuple[DeviceView, ...]:
        """Register devices; each gets a secret of its own. RegistryFault."""
        add = self._core.registry.add_device
        return self._call(lambda: tuple(_view(add(product_key, name)) for name in names))

    def load_csv(self, data: bytes) -> int:
        """Register the devices of a console's file with their secrets, and their products; gives how many.

        ValueError: the file cannot be read; RegistryFault: a name is taken.
        """
        rows = read_console_csv(data)

        def load() -> int:
            for name, secret, product_key in rows:
                if product_key not in self._core.registry.products:
                    self._core.registry.create_product(product_key, product_key=product_key)
                self._core.registry.add_device(product_key, name, secret=secret)
            return len(rows)

        return self._call(load)

    def csv(self, product_key: str) -> bytes:
        """The product's certificates as the console's file. RegistryFault."""
        return self._call(lambda: console_csv(self._core.registry.product(product_key).devices.values()))

    @property
    def console_url(self) -> str:
        """Where a product's certificates are downloaded as `<ProductKey>.csv`."""
        return f"http://{self.openapi_endpoint}/console"

    def device(self, product_key: str, name: str) -> DeviceView:
        """Give what is known of a device. RegistryFault."""
        return self._call(lambda: _view(self._core.registry.device(DeviceKey(product_key, name))))

    def disable(self, product_key: str, name: str) -> None:
        """Forbid a device to connect, and end its connection. RegistryFault."""
        self._call(lambda: self._openapi.devices.set_disabled(DeviceKey(product_key, name), is_disabled=True))

    def enable(self, product_key: str, name: str) -> None:
        """Allow a device to connect again. RegistryFault."""
        self._call(lambda: self._openapi.devices.set_disabled(DeviceKey(product_key, name), is_disabled=False))

    def delete(self, product_key: str, name: str) -> None:
        """Delete a device for ever. RegistryFault."""
        self._call(lambda: self._openapi.devices.delete(DeviceKey(product_key, name)))

    # To devices.

    def push_property_set(self, product_key: str, name: str, values: dict[str, Any]) -> PlatformEvent:
        """Set properties and give the device's answer. RegistryFault; NothingHappened: no answer."""
        return self._answer_to(product_key, name, lambda key: self._uplink.things.set_properties(key, values))

    def get_properties(self, product_key: str, name: str, names: list[str]) -> PlatformEvent:
        """Ask for properties and give the device's answer. RegistryFault; NothingHappened: no answer."""
        return self._answer_to(product_key, name, lambda key: self._uplink.things.get_properties(key, names))

    def invoke_service(
        self, product_key: str, name: str, service: str, arguments: dict[str, Any], timeout_s: float = ANSWER_TIMEOUT_S
    ) -> PlatformEvent:
        """Call a service and give the device's answer: `data["code"]`, `data["value"]`, and `data["fault"]` when the
        answer does not fit the thing model. RegistryFault; NothingHappened: no answer."""
        return self._answer_to(
            product_key, name, lambda key: self._uplink.things.invoke(key, service, arguments), timeout_s
        )

    def desire(self, product_key: str, name: str, values: dict[str, Any]) -> int:
        """Put values into `desired` of a shadow; gives its version. RegistryFault."""
        return self._call(lambda: self._uplink.shadows.desire(DeviceKey(product_key, name), values))

    def shadow(self, product_key: str, name: str) -> dict[str, Any]:
        """Give a shadow: state, metadata, version."""
        key = DeviceKey(product_key, name)
        return self._call(
            lambda: {**self._uplink.shadows.of(key).view(), "version": self._uplink.shadows.of(key).version}
        )

    def order_upgrade(
        self,
        product_key: str,
        names: list[str],
        version: str,
        data: bytes,
        *,
        module: str = "default",
        sign_method: str = "SHA256",
    ) -> str:
        """Order devices to run a firmware and give the URL of its file. RegistryFault, ValueError."""

        def order() -> str:
            upgrades = self._uplink.upgrades
            firmware = upgrades.add_firmware(product_key, version, data, module=module, sign_method=sign_method)
            upgrades.order(firmware.id, names)
            return firmware.url

        return self._call(order)

    def push_config(self, product_key: str, data: bytes) -> int:
        """Configure a product's devices; gives how many were told. RegistryFault."""
        return self._call(lambda: self._uplink.config.push(product_key, data))

    def send(self, product_key: str, name: str, topic: str, payload: bytes) -> bool:
        """Send to a topic that the device subscribed; tells whether it did."""
        return self._call(
            lambda: self._core.broker.send(DeviceKey(product_key, name), topic, payload, is_unasked=False)
        )

    # The OpenAPI's moods.

    def fail_next(self, action: str, code: str, message: str = "", *, status: int = 200, times: int = 1) -> None:
        """Let the next calls of an action fail: status 200 answers with Success false, 4xx and 5xx with that status."""
        self._call(lambda: self._openapi.fail_next(action, code, message, status=status, times=times))

    # What happened.

    @property
    def mark(self) -> int:
        """From here on, for `wait_for(since=…)`."""
        return self._log.mark

    def events(self, kind: str | None = None, since: int = 0) -> tuple[PlatformEvent, ...]:
        """Give what happened; see PlatformEvent for the kinds."""
        return self._log.list(kind, since=since)

    def wait_for(
        self,
        kind: str,
        product_key: str = "",
        name: str = "",
        *,
        since: int = 0,
        timeout_s: float = ANSWER_TIMEOUT_S,
        where: Callable[[PlatformEvent], bool] = lambda _event: True,
    ) -> PlatformEvent:
        """Give the first such event, at once when it has been. NothingHappened."""
        key = DeviceKey(product_key, name) if name else None
        return self._log.wait(kind, key, since=since, timeout_s=timeout_s, where=where)

    # Inside.

    def _answer_to(
        self, product_key: str, name: str, ask: Callable[[DeviceKey], str], timeout_s: float = ANSWER_TIMEOUT_S
    ) -> PlatformEvent:
        key, since = DeviceKey(product_key, name), self._log.mark
        number = self._call(lambda: ask(key))
        return self._log.wait(
            "service_reply", key, since=since, timeout_s=timeout_s, where=lambda event: event.data["id"] == number
        )

    def _receive(self, key: DeviceKey, connection: Connection, topic: str, payload: bytes) -> None:
        self._uplink.receive(key, connection, topic, payload)

    def _console_csv(self, product_key: str) -> bytes | None:
        product = self._core.registry.products.get(product_key)
        return None if product is None else console_csv(product.devices.values())

    async def _listen(self) -> None:
        self._tls, self.ca_pem = make_tls()
        await self._open(self.settings.mqtt_port, self.settings.tls_port, self.settings.openapi_port)
        self._core.file_url = f"http://{HOST}:{self.openapi_port}"

    async def _open(self, mqtt_port: int, tls_port: int, openapi_port: int) -> None:
        self.mqtt_port = await self._core.broker.listen(mqtt_port)
        self.tls_port = await self._core.broker.listen(tls_port, self._tls)
        self.openapi_port = await self._http.listen(openapi_port)

    async def _close(self) -> None:
        await self._core.broker.close()
        await self._http.close()

    def _call(self, work: Callable[[], _Answer]) -> _Answer:
        async def run() -> _Answer:
            return work()

        return self._await(run())

    def _await(self, work: Coroutine[Any, Any, _Answer], thread: threading.Thread | None = None) -> _Answer:
        if (thread or self._thread) is None:
            work.close()
            raise RuntimeError("the platform is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _view(device: Device) -> DeviceView:
    return DeviceView(
        device.key,
        device.state,
        device.secret,
        device.activated_at,
        device.online_at,
        device.firmware_version,
        dict(device.properties),
    )
