"""A batch against the platform: each way in which they can differ, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.ledger import EventKind, Ledger
from station.line.reconciling import Discrepancy, Reconciliation, reconcile
from station.line.registering import Registering
from station.platform.device_state import DeviceState
from station.platform.platform_api import PlatformApi
from station.verdict import Verdict
from station.virtual.platform import VirtualPlatform
from station.virtual.platform.device import Device
from tests.ledger.making import begin as begin_run
from tests.platform.accounts import PRODUCT, Killed, activate, api_of, begin, change, client_of, everything_in, patience

FIRST, SECOND = "plug-0001", "plug-0002"


@pytest.fixture
def stocked(ledger: Ledger, platform: VirtualPlatform) -> Ledger:
    """A ledger with three certificates of the platform."""
    Registering(ledger, api_of(platform), begin(ledger, 3), patience=patience()).run()
    return ledger


def install(ledger: Ledger, unit: int) -> None:
    """Walk a unit to PASS: it gets the next certificate."""
    run = begin_run(ledger, unit)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")


def compared(ledger: Ledger, platform: VirtualPlatform) -> Reconciliation:
    return reconcile(ledger, api_of(platform), "batch")


def found(result: Reconciliation) -> list[tuple[str, Discrepancy]]:
    return [(one.identity.device_name, one.discrepancy) for one in result.differences]


def test_a_batch_that_agrees_has_no_differences(stocked: Ledger, platform: VirtualPlatform) -> None:
    install(stocked, 1)
    change(platform, FIRST, activate)
    heard: list[tuple[int, int]] = []

    result = reconcile(stocked, api_of(platform), "batch", progress=lambda *far: heard.append(far))

    assert (result.compared, result.differences) == (3, ())
    assert heard == [(3, 3)]


@pytest.mark.parametrize("with_secrets", [True, False])
def test_a_certificate_that_is_used_elsewhere_is_named(
    stocked: Ledger, platform: VirtualPlatform, with_secrets: bool
) -> None:
    change(platform, SECOND, activate)

    result = reconcile(stocked, api_of(platform), "batch", with_secrets=with_secrets)

    assert found(result) == [(SECOND, Discrepancy.USED_ELSEWHERE)]
    assert (result.differences[0].in_ledger, result.differences[0].on_platform) == (
        CertificateState.AVAILABLE,
        DeviceState.OFFLINE,
    )


def test_a_disabled_device_that_once_connected_was_used_elsewhere(stocked: Ledger, platform: VirtualPlatform) -> None:
    change(platform, SECOND, activate)
    platform.disable(PRODUCT, SECOND)

    assert found(compared(stocked, platform)) == [(SECOND, Discrepancy.USED_ELSEWHERE)]


def test_an_activated_certificate_that_the_platform_never_saw_is_named(
    stocked: Ledger, platform: VirtualPlatform
) -> None:
    install(stocked, 1)
    with stocked._changing() as transaction:
        transaction.connection.exec_driver_sql("UPDATE certificates SET state = 'activated' WHERE state = 'installed'")

    assert found(compared(stocked, platform)) == [(FIRST, Discrepancy.NOT_ACTIVATED)]


def test_another_secret_and_a_missing_device_are_named(stocked: Ledger, platform: VirtualPlatform) -> None:
    def reset(device: Device) -> None:
        device.secret = "f" * 32

    change(platform, FIRST, reset)
    platform.delete(PRODUCT, SECOND)

    assert found(compared(stocked, platform)) == [(FIRST, Discrepancy.OTHER_SECRET), (SECOND, Discrepancy.MISSING)]


def test_states_alone_are_asked_for_50_devices_at_once(ledger: Ledger, platform: VirtualPlatform) -> None:
    Registering(ledger, api_of(platform), begin(ledger, 120), patience=patience()).run()
    change(platform, FIRST, activate)
    platform.disable(PRODUCT, FIRST)
    platform.delete(PRODUCT, "plug-0120")
    client = client_of(platform)

    result = reconcile(ledger, PlatformApi(client), "batch", with_secrets=False)

    assert found(result) == [(FIRST, Discrepancy.USED_ELSEWHERE), ("plug-0120", Discrepancy.MISSING)]
    assert client.calls <= 3 + 1 + 20  # three questions; the disabled one; the part with the deleted one, at worst each


def test_a_unit_that_comes_online_meanwhile_is_no_difference(stocked: Ledger, platform: VirtualPlatform) -> None:
    client = client_of(platform)
    call = client.call

    def busy_line(action: str, **parameters: object) -> object:
        if client.calls == 0:
            install(stocked, 1)
            change(platform, FIRST, activate)
        return call(action, **parameters)

    client.call = busy_line  # type: ignore[method-assign]  # a lane works between the two questions

    assert reconcile(stocked, PlatformApi(client), "batch").differences == ()


def test_what_came_out_is_recorded_without_secrets(stocked: Ledger, platform: VirtualPlatform, data: Path) -> None:
    def reset(device: Device) -> None:
        device.secret = "5ec4e7" + "0" * 26

    change(platform, FIRST, reset)
    compared(stocked, platform)

    (event,) = [one for one in stocked.audit_events() if one.kind == EventKind.BATCH_RECONCILED]
    assert (event.batch, event.data["compared"], event.data["other_secret"]) == ("batch", 3, 1)
    assert event.data["first"] == [f"other_secret:{FIRST}"]
    assert b"5ec4e7" not in everything_in(data)


def test_a_break_records_nothing(stocked: Ledger, platform: VirtualPlatform) -> None:
    client = client_of(platform)
    client.dies_at = 2

    with pytest.raises(Killed):
        reconcile(stocked, PlatformApi(client), "batch")

    assert EventKind.BATCH_RECONCILED not in {event.kind for event in stocked.audit_events()}
