"""The only door to the official client `alibabacloud-iot20180120`: calls, pace, repeats, errors.

What the library does not do is done here: HTTP 200 with `Success: false` is an error, nothing is repeated by itself, proxies of
the environment are taken for every host (its HTTP core, darabonba 1.0.9, knows no NO_PROXY), and DEBUG=sdk prints requests.
"""

from __future__ import annotations

import importlib
import ipaddress
import logging
import re
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from station.errors import Code, PlatformFault
from station.platform import refusals
from station.platform.access_key import AccessKey, stored_access_key
from station.platform.pace import Pace
from station.platform.refusals import PlatformRefused
from station.platform.settings import PlatformSettings

_TRIES_MAX: Final = 6
_FIRST_WAIT_S: Final = 0.5
_UNREACHABLE_TRIES_MAX: Final = 3
_NEVER_TWICE: Final = frozenset({"CreateProduct", "BatchRegisterDeviceWithApplyId"})
"""A call whose answer was lost may have been done: whoever made it must look first."""
_LOGGERS: Final = ("darabonba-core", "alibabacloud-tea", "credentials")
"""The library's; they show headers of requests, and tracebacks where no access key is found."""


class OpenApiClient:
    """Calls actions of the IoT platform. Threads may share it."""

    def __init__(
        self,
        settings: PlatformSettings,
        access_key: AccessKey | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Make the client; without an access key it is looked for (see `access_key`). PlatformFault."""
        self.settings = settings
        self.pause = pause
        self._pace = Pace(clock, pause)
        try:
            self._models = importlib.import_module("alibabacloud_iot20180120.models")
            self._failures = _failures()
            self._client, self._runtime = _official_client(settings, access_key or stored_access_key())
        except ImportError:
            raise refusals.client_missing() from None

    def call(self, action: str, **parameters: Any) -> Any:
        """Give the body of the answer to an action (`QueryProduct`), with its fields as the official model names them.

        PlatformFault; PlatformRefused when the platform says why. Calls that may be repeated are, when it pays.
        """
        tried = 0
        while True:
            tried += 1
            self._pace.wait(action)
            try:
                return self.call_once(action, **parameters)
            except PlatformFault as fault:
                wait_s = _wait_before_next(action, fault, tried)
                if wait_s is None:
                    raise
            self.pause(wait_s)

    def call_once(self, action: str, **parameters: Any) -> Any:
        """As `call`, for who does not want to wait: nothing is repeated."""
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        request = getattr(self._models, f"{action}Request")(
            **parameters, iot_instance_id=self.settings.instance_id or None
        )
        try:
            answer = getattr(self._client, f"{snake}_with_options")(request, self._runtime)
        except self._failures.answered as error:
            raise self._translated(action, error) from None
        except (TypeError, ValueError, AttributeError, KeyError):  # JSON of another shape than the model's
            raise refusals.not_understood(action, self.settings) from None
        body = answer.body
        if body is None or body.success is None:
            raise refusals.not_understood(action, self.settings)
        if not body.success:
            raise refusals.refusal(action, str(body.code), str(body.error_message or ""), None, self.settings)
        return body

    def _translated(self, action: str, error: Any) -> PlatformFault:
        """Give what the library raised as an error of the station. It wraps whatever it does not know itself."""
        inner = getattr(error, "inner_exception", None)
        if inner is None:
            status = getattr(error, "status_code", None)
            return refusals.refusal(action, str(error.code), str(error.message), status, self.settings)
        if isinstance(inner, self._failures.without_key):
            return refusals.no_access_key()
        if isinstance(inner, self._failures.unreachable):
            return refusals.unreachable(action, str(inner), self.settings)
        return refusals.not_understood(action, self.settings)


class _Failures(NamedTuple):
    """What the library raises, by what it means."""

    answered: type[Exception]
    unreachable: tuple[type[Exception], ...]
    without_key: type[Exception]


def _wait_before_next(action: str, fault: PlatformFault, tried: int) -> float | None:
    """Say how long to wait before the same call is made again, None when it is not."""
    if isinstance(fault, PlatformRefused) and fault.is_throttling:
        tries = _TRIES_MAX
    elif fault.code is Code.PLATFORM_UNREACHABLE and action not in _NEVER_TWICE:
        tries = _UNREACHABLE_TRIES_MAX
    else:
        return None
    return _FIRST_WAIT_S * float(2 ** (tried - 1)) if tried < tries else None


def _failures() -> _Failures:
    tea = importlib.import_module("Tea.exceptions")
    dara = importlib.import_module("darabonba.exceptions")
    credentials = importlib.import_module("alibabacloud_credentials.exceptions")
    return _Failures(tea.TeaException, (tea.RetryError, dara.RetryError, OSError), credentials.CredentialException)


def _official_client(settings: PlatformSettings, access_key: AccessKey | None) -> tuple[Any, Any]:
    library = importlib.import_module("alibabacloud_iot20180120.client")
    config_type = importlib.import_module("alibabacloud_tea_openapi.models").Config
    runtime_type = importlib.import_module("alibabacloud_tea_util.models").RuntimeOptions
    _tame_http_core(importlib.import_module("darabonba.core"))
    config = config_type(region_id=settings.region, endpoint=settings.address, protocol=settings.protocol.upper())
    if access_key is None:
        config.credential = _chain()
    else:
        config.access_key_id = access_key.id
        config.access_key_secret = access_key.secret.reveal()
    runtime = runtime_type(
        autoretry=False,
        ca=settings.ca_file or None,
        connect_timeout=int(settings.connect_timeout_s * 1000),
        read_timeout=int(settings.read_timeout_s * 1000),
    )
    return library.Client(config), runtime


def _chain() -> Any:
    """Give the official client's own search for an access key; PlatformFault when it finds none."""
    credentials = importlib.import_module("alibabacloud_credentials.client").Client()
    try:
        credentials.get_credential()
    except _failures().without_key:
        raise refusals.no_access_key() from None
    return credentials


def _tame_http_core(core: Any) -> None:
    """Let the library's HTTP core go around proxies where the environment says so, and never print a request."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    make_adapter = core.DaraCore.get_adapter
    if getattr(make_adapter, "knows_no_proxy", False):
        return

    def get_adapter(*arguments: Any, **named: Any) -> Any:
        adapter = make_adapter(*arguments, **named)
        send = adapter.send

        def send_around_proxies(request: Any, **options: Any) -> Any:
            if goes_direct(request.url):
                options["proxies"] = {}
            return send(request, **options)

        adapter.send = send_around_proxies
        return adapter

    get_adapter.knows_no_proxy = True  # type: ignore[attr-defined]  # a mark, so that it is wrapped once
    core.DaraCore.get_adapter = staticmethod(get_adapter)


def goes_direct(url: str) -> bool:
    """Say whether a proxy of the environment must not be used: loopback always, and what NO_PROXY names."""
    host = urlsplit(url).hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return loopback or bool(urllib.request.proxy_bypass(host))
