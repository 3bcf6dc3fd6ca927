"""Devices are ordered and their certificates come into the ledger: once, whole, and after any break."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from station.certificate import CertificateState, Identity, Secret
from station.errors import BatchError, Code, LedgerFault, PlatformFault, UsageError
from station.ledger import EventKind, ImportResult, Ledger, Order, OrderState
from station.line.registering import Registering, make_names
from station.platform.platform_api import PlatformApi
from station.platform.records import CertificatePage, DeviceCertificate
from station.virtual.platform import DeviceKey, Settings, VirtualPlatform
from tests.ledger.making import failing_at
from tests.platform.accounts import PRODUCT, Clock, Killed, api_of, begin, client_of, everything_in, patience


def take(ledger: Ledger, api: PlatformApi, order: Order) -> ImportResult:
    return Registering(ledger, api, order, patience=patience()).run()


def jobs_that_registered(platform: VirtualPlatform) -> int:
    return sum(batch.is_ordered for batch in platform._core.registry.batches.values())


def devices_of(platform: VirtualPlatform) -> set[str]:
    return set(platform._core.registry.product(PRODUCT).devices)


def assert_whole(ledger: Ledger, platform: VirtualPlatform, batch: str, names: tuple[str, ...]) -> None:
    """The batch holds each name once, with the platform's secret."""
    rows = ledger.certificates(batch, limit=1000)
    assert [row.identity.device_name for row in rows] == list(names)
    assert {row.state for row in rows} == {CertificateState.AVAILABLE}
    for name in names:
        device = platform._core.registry.device(DeviceKey(PRODUCT, name))
        assert ledger.has_secret(Identity(PRODUCT, name), Secret(device.secret))


def test_120_devices_come_page_by_page_as_one_batch(ledger: Ledger, platform: VirtualPlatform) -> None:
    order = begin(ledger, 120)
    client, heard = client_of(platform), []

    result = Registering(
        ledger, PlatformApi(client), order, patience=patience(), progress=lambda *far: heard.append(far)
    ).run()

    assert (result.batch, result.product_key, result.imported, result.total) == ("batch", PRODUCT, 120, 120)
    assert_whole(ledger, platform, "batch", order.names)
    assert client.calls == 7  # names, checked?, register, created?, three pages of 50
    assert heard == [(120, 240), (170, 240), (220, 240), (240, 240)]
    assert ledger.orders.open() == []


def test_a_large_order_goes_in_parts_and_comes_as_one_batch(ledger: Ledger, platform: VirtualPlatform) -> None:
    order = begin(ledger, 120, part_max=50)
    assert [len(part.names) for part in order.parts] == [50, 50, 20]

    take(ledger, api_of(platform), order)

    assert_whole(ledger, platform, "batch", order.names)
    assert jobs_that_registered(platform) == 3


def test_the_audit_log_tells_the_order(ledger: Ledger, platform: VirtualPlatform) -> None:
    take(ledger, api_of(platform), begin(ledger, 3))

    told = [(event.kind, event.batch) for event in ledger.audit_events() if event.kind != EventKind.LEDGER_CREATED]
    kinds = ("order_begun", "order_applied", "order_placed", "batch_imported", "order_received")
    assert told == [(kind, "batch") for kind in kinds]


@pytest.mark.parametrize("hears_answer", [False, True], ids=["before the call", "before its answer"])
def test_a_break_at_any_call_orders_nothing_twice(
    ledger: Ledger, platform: VirtualPlatform, hears_answer: bool
) -> None:
    for dies_at in range(1, 100):
        names = [f"try-{dies_at:02d}-{number}" for number in range(5)]
        order = ledger.orders.begin(f"batch-{dies_at}", PRODUCT, names, part_max=2)
        client = client_of(platform)
        client.dies_at, client.hears_answer = dies_at, hears_answer
        registered = jobs_that_registered(platform)
        try:
            take(ledger, PlatformApi(client), order)
        except Killed:
            (left,) = ledger.orders.open()
            assert f"batch-{dies_at}" not in {batch.name for batch in ledger.batches()}
            take(ledger, api_of(platform), left)
            is_over = False
        else:
            is_over = True
        assert_whole(ledger, platform, f"batch-{dies_at}", order.names)
        assert jobs_that_registered(platform) == registered + 3
        if is_over:
            break

    assert dies_at == 16  # 3 × (names, checked?, register, created?, page), and the one that was not broken
    assert len(devices_of(platform)) == 5 * dies_at


def test_a_break_at_any_statement_of_the_ledger_orders_nothing_twice(ledger: Ledger, platform: VirtualPlatform) -> None:
    for number in range(1, 200):
        order = ledger.orders.begin(f"batch-{number}", PRODUCT, [f"try-{number:03d}"], part_max=2)
        registered = jobs_that_registered(platform)
        with failing_at(ledger, number) as seen, contextlib.suppress(LedgerFault):
            take(ledger, api_of(platform), order)
        if seen[0] < number:
            break
        for left in ledger.orders.open():
            take(ledger, api_of(platform), left)
        assert_whole(ledger, platform, f"batch-{number}", order.names)
        assert jobs_that_registered(platform) == registered + 1

    assert number > 15
    assert len(devices_of(platform)) == number


def test_an_outage_in_the_middle_leaves_no_half_batch(ledger: Ledger, platform: VirtualPlatform) -> None:
    platform.fail_next("QueryPageByApplyId", "ServiceUnavailable", status=503, times=3)
    order = begin(ledger, 60)

    with pytest.raises(PlatformFault) as caught:
        take(ledger, api_of(platform), order)

    assert caught.value.code is Code.PLATFORM_UNREACHABLE
    assert ledger.batches() == []
    (left,) = ledger.orders.open()
    assert [part.state for part in left.parts] == [OrderState.PLACED]
    take(ledger, api_of(platform), left)
    assert_whole(ledger, platform, "batch", order.names)
    assert jobs_that_registered(platform) == 1


def test_throttling_in_the_middle_is_waited_out(ledger: Ledger, platform: VirtualPlatform) -> None:
    for action in ("BatchCheckDeviceNames", "BatchRegisterDeviceWithApplyId", "QueryPageByApplyId"):
        platform.fail_next(action, "Throttling.User", status=400, times=2)
    order, clock = begin(ledger, 3), Clock()

    take(ledger, api_of(platform, clock), order)

    assert [pause for pause in clock.pauses if pause >= 0.5] == [0.5, 1.0] * 3
    assert_whole(ledger, platform, "batch", order.names)


def test_a_lost_answer_to_the_order_is_looked_for(ledger: Ledger, platform: VirtualPlatform) -> None:
    client = client_of(platform)
    lost: list[str] = []
    call = client.call

    def losing(action: str, **parameters: object) -> object:
        answer = call(action, **parameters)
        if action == "BatchRegisterDeviceWithApplyId" and not lost:
            lost.append(action)
            raise PlatformFault(Code.PLATFORM_UNREACHABLE, "no answer", "try again")
        return answer

    client.call = losing  # type: ignore[method-assign]  # the answer is lost on its way
    order = begin(ledger, 3)
    take(ledger, PlatformApi(client), order)

    assert lost
    assert jobs_that_registered(platform) == 1
    assert_whole(ledger, platform, "batch", order.names)


def test_a_slow_job_is_waited_for(ledger: Ledger) -> None:
    with VirtualPlatform(Settings(job_polls=3, has_call_limits=False)) as platform:
        platform.create_product("smart plug", product_key=PRODUCT)
        order = begin(ledger, 2)
        clock = Clock()
        waiting = patience()
        Registering(ledger, api_of(platform, clock), order, patience=waiting).run()

        assert waiting.clock() > 2.0
        assert_whole(ledger, platform, "batch", order.names)


def test_a_job_without_end_is_left_for_later(ledger: Ledger) -> None:
    with VirtualPlatform(Settings(job_polls=1_000_000, has_call_limits=False)) as platform:
        platform.create_product("smart plug", product_key=PRODUCT)
        with pytest.raises(PlatformFault) as caught:
            take(ledger, api_of(platform), begin(ledger, 2))

    assert caught.value.code is Code.PLATFORM_UNREACHABLE
    assert "still works at order batch (CHECK)" in caught.value.cause
    assert len(ledger.orders.open()) == 1


def test_names_that_cannot_be_had_end_the_order_before_anything_is_made(
    ledger: Ledger, platform: VirtualPlatform
) -> None:
    platform.register(PRODUCT, ["plug-0070"])

    with pytest.raises(BatchError) as caught:
        take(ledger, api_of(platform), begin(ledger, 120, part_max=50))

    assert caught.value.cause == "the platform refuses 1 of 120 names"
    assert "'plug-0070' cannot be had" in str(caught.value)
    assert devices_of(platform) == {"plug-0070"}
    assert ledger.orders.open() == []
    assert begin(ledger, 3, "batch").batch == "batch"


def test_an_unknown_product_ends_the_order(ledger: Ledger, platform: VirtualPlatform) -> None:
    order = ledger.orders.begin("batch", "a1Another", ["plug-0001"], part_max=10)

    with pytest.raises(UsageError, match="the platform knows no product a1Another"):
        take(ledger, api_of(platform), order)

    assert ledger.orders.open() == []


def test_a_check_that_the_platform_forgot_is_made_again(ledger: Ledger, platform: VirtualPlatform) -> None:
    order = begin(ledger, 3)
    client = client_of(platform)
    client.dies_at = 2
    with pytest.raises(Killed):
        take(ledger, PlatformApi(client), order)
    platform._core.registry.batches.clear()

    (left,) = ledger.orders.open()
    assert left.parts[0].state is OrderState.APPLIED
    take(ledger, api_of(platform), left)

    assert_whole(ledger, platform, "batch", order.names)


def test_an_order_that_the_platform_forgot_is_never_made_again(ledger: Ledger, platform: VirtualPlatform) -> None:
    client = client_of(platform)
    client.dies_at = 5
    with pytest.raises(Killed):
        take(ledger, PlatformApi(client), begin(ledger, 3))
    platform._core.registry.batches.clear()

    (left,) = ledger.orders.open()
    with pytest.raises(PlatformFault, match="no longer knows order batch") as caught:
        take(ledger, api_of(platform), left)

    assert "station batch import" in caught.value.mend
    assert platform._core.registry.batches == {}


@pytest.mark.parametrize("pages", [10**9, 0])
def test_a_platform_that_pages_without_end_or_not_at_all_makes_no_batch(
    ledger: Ledger, platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    api, order = api_of(platform), begin(ledger, 3)
    calls: list[int] = []

    def odd_page(_apply_id: int, page: int) -> CertificatePage:
        calls.append(page)
        one = DeviceCertificate("plug-0001", Secret(f"{page:032d}"))
        return CertificatePage((one,) if pages else (), pages, pages)

    monkeypatch.setattr(api, "certificates", odd_page)
    with pytest.raises(BatchError):
        take(ledger, api, order)

    assert len(calls) <= 4
    assert ledger.batches() == []


def test_two_processes_do_not_place_one_order(ledger: Ledger, data: Path, platform: VirtualPlatform) -> None:
    order = begin(ledger, 3)
    with Ledger.open(data) as other:
        other.orders.note_applied(order, order.parts[0], 4711)

        with pytest.raises(LedgerFault, match="another process works on order batch"):
            take(ledger, api_of(platform), order)

    assert jobs_that_registered(platform) == 0


def test_no_secret_is_left_in_any_file(ledger: Ledger, data: Path, platform: VirtualPlatform) -> None:
    order = begin(ledger, 60)
    platform.fail_next("QueryPageByApplyId", "iot.system.SystemException")
    with pytest.raises(PlatformFault):
        take(ledger, api_of(platform), order)
    (left,) = ledger.orders.open()
    take(ledger, api_of(platform), left)

    held = everything_in(data)
    assert b"plug-0001" in held
    for name in order.names:
        assert platform.device(PRODUCT, name).secret.encode() not in held


def test_made_names_are_new_each_time_and_fit_the_platform() -> None:
    first, second = make_names("plug-", 12_000), make_names("plug-", 3)

    assert len({*first, *second}) == 12_003
    assert second[0].startswith("plug-")
    assert second[0].endswith("-0001")
    assert max(len(name) for name in first) <= 32
