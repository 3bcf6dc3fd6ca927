"""The walk's `online` step: the unit itself reaches the platform. The station never connects in its name."""

from __future__ import annotations

from typing import Final

from station.errors import Code, InternalFault, Why
from station.line.console_checks import listen, never_said, refused_by_platform
from station.line.passage import Passage
from station.line.status_link import StatusLink
from station.platform.device_state import DeviceState, DeviceStatus
from station.platform.refusals import PlatformRefused
from station.profile.model import OnlineBy, OnlineCheck

ASK_PERIOD_S: Final = 1.0
"""Between two questions to the platform; meanwhile the console is heard."""
_AGAIN: Final = "put the unit in again: the same certificate is used"
_NETWORK: Final = f"Check antenna, access point and network, then the credentials; {_AGAIN}"
_FIXTURE_AND_NETWORK: Final = f"Check supply and BOOT pin of the fixture, then antenna and network; {_AGAIN}"
"""A unit that is only heard may as well not have started."""


def asks_platform(passage: Passage) -> bool:
    """Whether the profile wants the platform's own word."""
    check = passage.recipe.profile.checks.online
    return check is not None and check.by is OnlineBy.PLATFORM


def note_status_before_start(passage: Passage) -> None:
    """Remember what the platform says before the unit starts: an ONLINE of an earlier life proves nothing.

    UnitSilent: the platform does not know the device, or has disabled it. PlatformFault.
    """
    if asks_platform(passage):
        passage.status_before = _status(passage)


def online(passage: Passage) -> None:
    """Wait until the platform has the unit, by the unit's own word or by the platform's; the latter activates it."""
    check = passage.recipe.profile.checks.online
    if check is None:
        raise InternalFault("the online step ran without a check")
    if check.by is OnlineBy.PLATFORM:
        _await_platform(passage, check)
    elif not listen(passage, check.within_s, expect=check.pattern, refused=check.refused):
        raise never_said(
            passage,
            Code.NOT_ONLINE,
            "did not come online",
            check.within_s,
            mend=_FIXTURE_AND_NETWORK,
            why=Why.NOT_HEARD,
        )


def _await_platform(passage: Passage, check: OnlineCheck) -> None:
    deadline = passage.clock() + check.within_s
    while True:
        status = _status(passage)
        # A new connection begins at another moment, so the same ONLINE as before is the old one.
        if status.state is DeviceState.ONLINE and status != passage.status_before:
            passage.activated = True
            passage.notes["online_since"] = None if status.since is None else status.since.isoformat()
            return
        left_s = deadline - passage.clock()
        if left_s <= 0:
            what, aside = "the platform does not see it come online", f" (it says {_said(status)})"
            raise never_said(
                passage, Code.NOT_ONLINE, what, check.within_s, aside=aside, mend=_NETWORK, why=Why.NOT_SEEN
            )
        listen(passage, min(ASK_PERIOD_S, left_s), expect=None, refused=check.refused)


def _status(passage: Passage) -> DeviceStatus:
    identity = passage.certificate.identity
    try:
        status = _link(passage).device_status(identity.product_key, identity.device_name)
    except PlatformRefused as refused:
        if refused.is_unknown_device or refused.is_unknown_product:
            raise refused_by_platform(f"it does not know {identity}", f"{refused.platform_code} {identity}") from None
        raise
    if status.state is DeviceState.DISABLE:
        raise refused_by_platform(f"it has disabled {identity}", f"DISABLE {identity}")
    return status


def _link(passage: Passage) -> StatusLink:
    if passage.platform is None:
        raise InternalFault("the profile asks the platform, but the lane has none")
    return passage.platform


def _said(status: DeviceStatus) -> str:
    return "UNACTIVE: it never connected" if status.state is DeviceState.UNACTIVE else str(status.state)
