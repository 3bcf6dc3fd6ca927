"""Device shadows: what a device reported and what the cloud wants of it, with versions.

Messages and error codes as the platform's documentation of device shadows has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from station.virtual.platform.alink import AlinkFault, dump, read_object
from station.virtual.platform.core import Core
from station.virtual.platform.device import DeviceKey

ATTRIBUTES_MAX: Final = 128
_NOTHING: Final = "null"
"""What removes an attribute, or a whole part: the text, or JSON's null."""
_RESET: Final = -1
"""A version that starts counting anew."""


@dataclass(slots=True)
class Shadow:
    """One device's shadow; times are seconds since 1970."""

    state: dict[str, dict[str, Any]] = field(default_factory=lambda: {"reported": {}, "desired": {}})
    times: dict[str, dict[str, int]] = field(default_factory=lambda: {"reported": {}, "desired": {}})
    version: int = 0

    def put(self, part: str, values: Any, now: int) -> None:
        """Merge values, an object or null, into `reported` or `desired`; null removes."""
        if values in (None, _NOTHING):
            self.state[part].clear()
            self.times[part].clear()
            return
        for name, value in values.items():
            if value in (None, _NOTHING):
                self.state[part].pop(name, None)
                self.times[part].pop(name, None)
            else:
                self.state[part][name] = value
                self.times[part][name] = now

    def view(self) -> dict[str, Any]:
        """State and metadata, without an empty `desired`."""
        parts = [part for part in ("reported", "desired") if self.state[part] or part == "reported"]
        return {
            "state": {part: dict(self.state[part]) for part in parts},
            "metadata": {part: {name: {"timestamp": at} for name, at in self.times[part].items()} for part in parts},
        }


class Shadows:
    """All shadows."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._shadows: dict[DeviceKey, Shadow] = {}

    def of(self, key: DeviceKey) -> Shadow:
        """A device's shadow; an empty one of version 0 when nothing was ever put there."""
        return self._shadows.setdefault(key, Shadow())

    def forget(self, key: DeviceKey) -> None:
        """The device was deleted."""
        self._shadows.pop(key, None)

    def take(self, key: DeviceKey, payload: bytes) -> None:
        """A device updates, gets or deletes; it is answered on /shadow/get."""
        shadow = self.of(key)
        try:
            message = read_object(payload)
            method = message.get("method")
            match method:
                case "get":
                    self._send(key, "reply", {"status": "success", **shadow.view()}, shadow.version)
                    return
                case "update" | "delete":
                    self._change(shadow, message, is_delete=method == "delete")
                case None:
                    raise AlinkFault(401, "method is missing")  # noqa: TRY301  one way out
                case _:
                    raise AlinkFault(406, "no such method")  # noqa: TRY301  one way out
        except AlinkFault as fault:
            code = 400 if fault.code == 460 else fault.code
            content = {"errorcode": str(code), "errormessage": str(fault)}
            self._send(key, "reply", {"status": "error", "content": content}, None)
            return
        self._core.log.add("shadow", key, method=method, version=shadow.version, **shadow.view())
        self._send(key, "reply", {"status": "success", "version": shadow.version}, None)

    def desire(self, key: DeviceKey, values: dict[str, Any]) -> int:
        """The cloud wants values; an online device is told. Gives the new version. RegistryFault."""
        self._core.registry.device(key)
        shadow = self.of(key)
        shadow.put("desired", values, int(self._core.settings.clock()))
        shadow.version += 1
        self._send(key, "control", {"status": "success", **shadow.view()}, shadow.version)
        return shadow.version

    def _change(self, shadow: Shadow, message: dict[str, Any], *, is_delete: bool) -> None:
        state, version = message.get("state"), message.get("version")
        if not isinstance(state, dict) or not state:
            raise AlinkFault(402, "state is missing")
        if type(version) is not int:
            raise AlinkFault(403, "version is not a number")
        if version <= shadow.version and version != _RESET:
            raise AlinkFault(409, "version conflict")
        parts = {part: state[part] for part in ("reported", "desired") if part in state}
        if not parts or (is_delete and "reported" not in parts):
            raise AlinkFault(404, "reported is missing")
        for part, values in parts.items():
            if isinstance(values, dict) and len(values) > ATTRIBUTES_MAX:
                raise AlinkFault(408, "more than 128 attributes")
            if not isinstance(values, dict) and values not in (None, _NOTHING):
                raise AlinkFault(400, f"{part} is not an object")
        for part, values in parts.items():
            gone = dict.fromkeys(values) if is_delete and isinstance(values, dict) else values
            shadow.put(part, gone, int(self._core.settings.clock()))
        shadow.version = 0 if version == _RESET else version

    def _send(self, key: DeviceKey, method: str, payload: dict[str, Any], version: int | None) -> None:
        message: dict[str, Any] = {"method": method, "payload": payload, "timestamp": int(self._core.settings.clock())}
        if version is not None:
            message["version"] = version
        self._core.broker.send(key, f"/shadow/get/{key.product_key}/{key.device_name}", dump(message))
