"""The OpenAPI (version 2018-01-20): takes a signed call, gives HTTP status and JSON.

Codes of the gateway (signature, time, throttling) come with HTTP 4xx; those of the platform itself with 200 and Success
false: which of the two each code really has could not be verified, `fail_next` makes either.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from station.virtual.platform.api_call import ApiCall, ApiFault, HttpRequest, read_call
from station.virtual.platform.core import Core
from station.virtual.platform.device_actions import DeviceActions
from station.virtual.platform.message_rate import MessageRate
from station.virtual.platform.order_actions import OrderActions
from station.virtual.platform.product_actions import ProductActions
from station.virtual.platform.registry import RegistryFault
from station.virtual.platform.thing_actions import ThingActions
from station.virtual.platform.upgrade_actions import UpgradeActions
from station.virtual.platform.uplink import Uplink

Answer = dict[str, Any]
Action = Callable[[ApiCall], Answer | Awaitable[Answer]]
CALLS_A_SECOND: Final[Mapping[str, int]] = MappingProxyType(
    {
        "BatchCheckDeviceNames": 10,
        "BatchRegisterDevice": 10,
        "QueryBatchRegisterDeviceStatus": 30,
        "QueryPageByApplyId": 50,
        "BatchGetDeviceState": 50,
        "BatchRegisterDeviceWithApplyId": 500,
        "DisableThing": 500,
        "EnableThing": 500,
    }
)
"""The documented limits of an account; the other actions' are not documented and here without one."""
_NONCES_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Failure:
    code: str
    message: str
    status: int


class OpenApi:
    """All actions; used by the platform's loop only."""

    def __init__(self, core: Core, uplink: Uplink) -> None:
        self._core = core
        self.devices = DeviceActions(core, uplink)
        upgrades = UpgradeActions(core, uplink.upgrades)
        self._actions: dict[str, Action] = {
            **ProductActions(core).actions,
            **OrderActions(core).actions,
            **self.devices.actions,
            **ThingActions(core, uplink).actions,
            **upgrades.actions,
        }
        self.take_upload = upgrades.take_upload
        self._failures: dict[str, deque[_Failure]] = {}
        self._nonces: OrderedDict[str, None] = OrderedDict()
        self._rates: dict[str, MessageRate] = {}

    def fail_next(self, action: str, code: str, message: str = "", *, status: int = 200, times: int = 1) -> None:
        """Let the next calls of an action fail: status 200 answers with Success false, 4xx and 5xx with that status."""
        failures = self._failures.setdefault(action, deque())
        failures.extend([_Failure(code, message or code, status)] * times)

    async def handle(self, request: HttpRequest) -> tuple[int, Answer]:
        """Answer a call: the HTTP status and the body's JSON object."""
        request_id = secrets.token_hex(16).upper()
        action = request.headers.get("x-acs-action", "")
        try:
            answer = {"RequestId": request_id, "Success": True, **await self._perform(request)}
        except RegistryFault as fault:
            return self._refuse(action, request_id, fault.code, str(fault), 200)
        except ApiFault as fault:
            return self._refuse(action, request_id, fault.code, str(fault), fault.status)
        self._core.log.add("openapi", None, action=action, code="")
        return 200, answer

    def _refuse(self, action: str, request_id: str, code: str, message: str, status: int) -> tuple[int, Answer]:
        self._core.log.add("openapi", None, action=action, code=code)
        if status == 200:
            return 200, {"RequestId": request_id, "Success": False, "Code": code, "ErrorMessage": message}
        return status, {"RequestId": request_id, "Code": code, "Message": message, "HostId": self._core.settings.region}

    async def _perform(self, request: HttpRequest) -> Answer:
        call, nonce = read_call(request, self._core.settings)
        self._take_nonce(nonce)
        action = self._actions.get(call.action)
        if action is None:
            raise ApiFault("InvalidAction.NotFound", "Specified api is not found.", 404)
        self._require_pace(call.action)
        failures = self._failures.get(call.action)
        if failures:
            failure = failures.popleft()
            raise ApiFault(failure.code, failure.message, failure.status)
        self._require_instance(call)
        answer = action(call)
        return answer if isinstance(answer, dict) else await answer

    def _take_nonce(self, nonce: str) -> None:
        if nonce in self._nonces:
            raise ApiFault("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
        self._nonces[nonce] = None
        if len(self._nonces) > _NONCES_KEPT:
            self._nonces.popitem(last=False)

    def _require_pace(self, action: str) -> None:
        most = CALLS_A_SECOND.get(action)
        if most is None or not self._core.settings.has_call_limits:
            return
        if not self._rates.setdefault(action, MessageRate(most)).admits(time.monotonic()):
            raise ApiFault("Throttling.User", "Request was denied due to user flow control.", 400)

    def _require_instance(self, call: ApiCall) -> None:
        wanted, given = self._core.settings.instance_id, call.parameters.get("IotInstanceId", "")
        if given == wanted:
            return
        # The code's name could not be verified; the documents say only that such a call fails.
        if not given:
            raise ApiFault("iot.common.MissingIotInstanceId", "IotInstanceId is mandatory for this instance.")
        raise ApiFault("iot.common.InvalidIotInstanceId", "The instance does not exist.")
