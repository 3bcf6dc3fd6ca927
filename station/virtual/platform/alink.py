"""Alink messages: JSON requests with an id, and their replies on the same topic with `_reply`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SUCCESS: Final = 200
BAD_PARAMETER: Final = 460
NO_SUCH_DEVICE: Final = 6100
REPLY: Final = "_reply"


class AlinkFault(ValueError):
    """A request is answered with this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """What a device asks. `params` is whatever JSON it sent."""

    id: str
    method: str
    params: Any
    is_answered: bool
    """Whether the device wants a reply: `sys.ack` 0 says no."""

    def fields(self) -> dict[str, Any]:
        """The parameters as an object. AlinkFault."""
        if not isinstance(self.params, dict):
            raise AlinkFault(BAD_PARAMETER, "params is not an object")
        return self.params

    def text(self, name: str) -> str:
        """One parameter that is text. AlinkFault."""
        value = self.fields().get(name)
        if not isinstance(value, str) or not value:
            raise AlinkFault(BAD_PARAMETER, f"{name} is missing")
        return value


def read_object(payload: bytes) -> dict[str, Any]:
    """Read a JSON object. AlinkFault.

    What cannot be written as JSON again is refused too: half surrogates, NaN, numbers beyond a double.
    """
    try:
        value = json.loads(payload.decode("utf-8"))
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise AlinkFault(BAD_PARAMETER, "the message is not JSON") from None
    if not isinstance(value, dict):
        raise AlinkFault(BAD_PARAMETER, "the message is not an object")
    return value


def read_request(payload: bytes) -> Request:
    """Read a request. AlinkFault."""
    message = read_object(payload)
    options = message.get("sys")
    is_answered = not (isinstance(options, dict) and options.get("ack") == 0)
    # The official SDK sends the id of its version report as a number.
    return Request(str(message.get("id", "")), str(message.get("method", "")), message.get("params", {}), is_answered)


def reply(request_id: str, method: str, data: Any = None, *, code: int = SUCCESS, message: str = "success") -> bytes:
    """Make a reply."""
    return dump(
        {
            "code": code,
            "data": {} if data is None else data,
            "id": request_id,
            "message": message,
            "method": method,
            "version": "1.0",
        }
    )


def command(request_id: str, method: str, params: Mapping[str, Any]) -> bytes:
    """Make a request of the platform."""
    return dump({"id": request_id, "method": method, "params": params, "version": "1.0.0"})


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
