"""The OpenAPI's official client, with nothing but its endpoint changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alibabacloud_iot20180120 import models
from alibabacloud_iot20180120.client import Client
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from station.virtual.platform import VirtualPlatform

ACCESS_KEY = ("virtual-access-key", "virtual-access-secret")


@dataclass(frozen=True)
class Account:
    """The official client as an account's user has it."""

    client: Any

    def call(self, action: str, **parameters: Any) -> Any:
        """Give the answer's body; `QueryProduct` is the action."""
        method = next(name for name in dir(self.client) if name.replace("_", "") == action.lower())
        return getattr(self.client, method)(getattr(models, f"{action}Request")(**parameters)).body

    def refused(self, action: str, **parameters: Any) -> str:
        """Give the code with which a call is refused, however it is told."""
        try:
            body = self.call(action, **parameters)
        except TeaException as error:
            return f"HTTP {error.status_code} {error.code}"
        assert body.success is False
        return str(body.code)


def account(platform: VirtualPlatform, key: str = ACCESS_KEY[0], secret: str = ACCESS_KEY[1]) -> Account:
    config = Config(
        access_key_id=key,
        access_key_secret=secret,
        endpoint=platform.openapi_endpoint,
        protocol="HTTP",
        region_id="cn-shanghai",
    )
    return Account(Client(config))
