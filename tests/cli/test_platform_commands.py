"""`station platform` from the command line, against the virtual platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import keyring
import pytest

from station.cli import platform_commands
from station.ledger import EventKind, Ledger
from station.platform.access_key import store_access_key
from station.virtual.platform import Settings, VirtualPlatform
from tests.cli.calling import Done, Station, station_in
from tests.ledger.memory_keyring import MemoryKeyring
from tests.platform.accounts import PRODUCT, access_key, activate, change, everything_in


@pytest.fixture(scope="module")
def running() -> Iterator[VirtualPlatform]:
    with VirtualPlatform(Settings(has_call_limits=False)) as started:
        yield started


@pytest.fixture
def platform(running: VirtualPlatform) -> VirtualPlatform:
    """A platform with one product and no device."""
    running._core.registry.products.clear()
    running._core.registry.batches.clear()
    running.create_product("smart plug", product_key=PRODUCT)
    return running


@pytest.fixture
def keys(platform: VirtualPlatform) -> Iterator[MemoryKeyring]:
    """A keyring with the access key in it."""
    before, memory = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(memory)
    store_access_key(access_key(platform))
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def data(tmp_path: Path, platform: VirtualPlatform) -> Path:
    """A data folder whose station.yaml says where the platform is."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_settings(folder, f"endpoint: '{platform.openapi_endpoint}'", "protocol: http")
    return folder


@pytest.fixture
def station(data: Path, keys: MemoryKeyring) -> Station:
    return station_in(data)


def write_settings(folder: Path, *lines: str) -> None:
    text = "".join(f"  {line}\n" for line in lines)
    (folder / "station.yaml").write_text(f"station: bench-1\nplatform:\n{text}", encoding="utf-8")


def register(station: Station, *arguments: str) -> Done:
    return station("platform", "register", "--product-key", PRODUCT, *arguments)


def told(done: Done) -> dict[str, object]:
    """Give the JSON object of the last line."""
    found = json.loads(done.out.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_products_are_listed_and_made(station: Station) -> None:
    made = told(station("platform", "products", "--create", "lamp", "--json"))
    listed = json.loads(station("platform", "products", "--json").out)

    assert made["name"] == "lamp"
    assert {one["product_key"] for one in listed} == {PRODUCT, made["product_key"]}
    assert "smart plug" in station("platform", "products").out


def test_devices_are_ordered_by_number(station: Station, data: Path, platform: VirtualPlatform) -> None:
    done = register(station, "--count", "60", "--prefix", "plug-", "--name", "wo", "--work-order", "WO-4711", "--json")

    assert done.code == 0
    assert told(done).items() >= {"batch": "wo", "imported": 60, "total": 60, "product_key": PRODUCT}.items()
    listed = json.loads(station("batch", "list", "--json").out)
    assert [(one["name"], one["work_order"], one["left"]) for one in listed] == [("wo", "WO-4711", 60)]
    held = everything_in(data)
    assert all(
        device.secret.encode() not in held for device in platform._core.registry.product(PRODUCT).devices.values()
    )


def test_devices_are_ordered_by_name(station: Station, tmp_path: Path, platform: VirtualPlatform) -> None:
    names = tmp_path / "names.txt"
    names.write_bytes("\ufeffplug-0001\r\n\r\nplug-0002\r\n".encode())

    done = register(station, "--names", str(names))

    assert (done.code, done.out) == (
        0,
        f"Batch {PRODUCT}-1: 2 certificates of {PRODUCT} imported.\n",
    )
    assert set(platform._core.registry.product(PRODUCT).devices) == {"plug-0001", "plug-0002"}


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ((), "an order is a number of devices or a list of names"),
        (("--names", "/no/such/file"), "the list of names cannot be read"),
        (("--count", "1", "--prefix", "has space"), "holds a character that the platform does not allow"),
        (("--count", "1", "--prefix", "p" * 30), "4 to 32 are allowed"),
        (("--count", "1", "--resume"), "a broken-off order goes on as it was"),
    ],
)
def test_a_wrong_order_changes_nothing(station: Station, data: Path, arguments: tuple[str, ...], cause: str) -> None:
    done = register(station, *arguments)

    assert (done.code, cause in done.err) == (2, True), done.err
    with Ledger.open(data) as ledger:
        assert ledger.orders.open() == []


def test_a_broken_off_order_is_told_goes_on_and_is_not_made_twice(
    station: Station, data: Path, platform: VirtualPlatform
) -> None:
    platform.fail_next("QueryPageByApplyId", "iot.system.SystemException", "broken")

    broken = register(station, "--count", "3", "--name", "wo")
    again = register(station, "--count", "3", "--name", "wo")
    resumed = station("platform", "register", "--resume", "--json")
    nothing = station("platform", "register", "--resume")

    assert broken.code == 3
    assert "E33" in broken.err
    assert "go on with order wo: station platform register --resume" in broken.err
    assert (again.code, "order wo of 3 devices is not finished" in again.err) == (2, True)
    assert (resumed.code, told(resumed)["imported"]) == (0, 3)
    assert (nothing.code, "no order is broken off" in nothing.err) == (2, True)
    assert len(platform._core.registry.product(PRODUCT).devices) == 3


def test_an_order_is_given_up_with_a_reason(station: Station, data: Path, platform: VirtualPlatform) -> None:
    platform.fail_next("QueryPageByApplyId", "iot.system.SystemException", "broken")
    register(station, "--count", "3", "--name", "wo")

    done = station("platform", "register", "--give-up", "wrong product")

    assert (done.code, "Order wo of 3 devices is given up." in done.out) == (0, True)
    assert "may have registered them" in done.out
    with Ledger.open(data) as ledger:
        assert ledger.orders.open() == []
        (event,) = [one for one in ledger.audit_events() if one.kind == EventKind.ORDER_GIVEN_UP]
    assert event.data["reason"] == "wrong product"
    assert event.data["may_be_registered"] is True


def test_a_units_device_is_shown_disabled_and_enabled(station: Station, data: Path, platform: VirtualPlatform) -> None:
    register(station, "--count", "1", "--prefix", "plug-")
    (name,) = platform._core.registry.product(PRODUCT).devices

    assert (
        told(station("platform", "status", name, "--json")).items()
        >= {
            "state": "UNACTIVE",
            "activated": None,
            "in_ledger": "available",
        }.items()
    )
    assert told(station("platform", "disable", name, "--json"))["state"] == "disabled"
    assert f"{PRODUCT}/{name}  DISABLE" in station("platform", "status", f"{PRODUCT}/{name}").out
    assert station("platform", "enable", name).out == f"{PRODUCT}/{name} may connect again.\n"
    assert platform.device(PRODUCT, name).state == "UNACTIVE"
    with Ledger.open(data) as ledger:
        kinds = [event.kind for event in ledger.audit_events(device_name=name)]
    assert kinds == [EventKind.DEVICE_DISABLED, EventKind.DEVICE_ENABLED]


def test_a_device_that_nobody_knows_is_told(station: Station, platform: VirtualPlatform) -> None:
    platform.register(PRODUCT, ["only-there"])

    assert "only-there  UNACTIVE" in station("platform", "status", f"{PRODUCT}/only-there").out
    for subject in ("nobody", f"{PRODUCT}/nobody"):
        assert station("platform", "status", subject).code == 2


def test_a_batch_is_reconciled(station: Station, platform: VirtualPlatform) -> None:
    register(station, "--count", "2", "--prefix", "plug-", "--name", "wo")
    name = min(platform._core.registry.product(PRODUCT).devices)
    same = station("platform", "reconcile", "wo")
    change(platform, name, activate)
    other = station("platform", "reconcile", "wo", "--json")

    assert (same.code, "all 2 certificates" in same.out) == (0, True)
    assert other.code == 1
    assert told(other)["differences"] == [
        {
            "device_name": name,
            "product_key": PRODUCT,
            "mac": None,
            "difference": "used_elsewhere",
            "in_ledger": "available",
            "on_platform": "OFFLINE",
        }
    ]
    assert "used_elsewhere" in station("platform", "reconcile", "wo", "--states-only").out
    assert station("platform", "reconcile", "nothing").code == 2


def test_a_void_unit_may_lose_its_device_too(station: Station, platform: VirtualPlatform) -> None:
    register(station, "--count", "2", "--prefix", "plug-")
    first, second = sorted(platform._core.registry.product(PRODUCT).devices)

    assert station("unit", "void", first, "--reason", "scrapped", "--disable-on-platform").code == 0
    assert platform.device(PRODUCT, first).state == "DISABLE"

    platform.fail_next("DisableThing", "iot.system.SystemException")
    failed = station("unit", "void", second, "--reason", "scrapped", "--disable-on-platform")
    assert (failed.code, platform.device(PRODUCT, second).state) == (3, "UNACTIVE")
    assert f"certificate {PRODUCT}/{second} is void in the ledger, but" in failed.err
    assert f"station platform disable {PRODUCT}/{second}" in failed.err
    assert '"state":"void"' in station("unit", "show", second, "--json").out
    assert station("platform", "disable", f"{PRODUCT}/{second}").code == 0
    assert platform.device(PRODUCT, second).state == "DISABLE"


def test_an_access_key_in_the_settings_is_refused_with_the_mend(station: Station, data: Path) -> None:
    write_settings(data, "region: cn-shanghai", "access_key_id: LTAI5t", "AccessKey-Secret: 5ec4e7")

    done = station("platform", "products")

    assert done.code == 2
    assert "station.yaml:4: an access key never stands in a file of the station" in done.err
    assert "station.yaml:5:" in done.err
    assert "station platform login" in done.err
    assert "5ec4e7" not in done.err


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("endpoint: https://iot.example.com", "endpoint is not host or host:port"),
        ("protocol: ftp", "`protocol` cannot be `ftp`"),
        ("read_timeout_s: 0", "`read_timeout_s` is too small"),
        ("ca_file: nothing.pem", "nothing.pem cannot be read"),
        ("ca_file: station.yaml", "station.yaml is no root certificate"),
        ("regoin: cn-shanghai", "the key `regoin` is not known in `platform`. Did you mean `region`?"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(station: Station, data: Path, line: str, cause: str) -> None:
    write_settings(data, line)

    done = station("platform", "products")

    assert (done.code, "station.yaml:3: " in done.err, cause in done.err) == (2, True, True), done.err


def test_the_command_line_goes_before_the_settings(station: Station, data: Path, platform: VirtualPlatform) -> None:
    write_settings(data, "endpoint: 127.0.0.1:1")

    right = station("platform", "products", "--endpoint", platform.openapi_endpoint, "--protocol", "http")
    wrong = station("platform", "products", "--endpoint", "http://x")

    assert (right.code, "smart plug" in right.out) == (0, True)
    assert wrong.code == 2


def test_a_platform_that_is_gone_is_the_stations_fault(station: Station, data: Path) -> None:
    write_settings(data, "endpoint: 127.0.0.1:1", "protocol: http")

    done = station("platform", "products", "--json")

    assert (done.code, told(done)["code"]) == (3, "E30")


def test_an_access_key_is_tried_before_it_is_kept(
    station: Station, keys: MemoryKeyring, platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = access_key(platform)
    answers: list[str] = []
    monkeypatch.setattr(platform_commands, "at_terminal", lambda: True)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: answers.pop(0))
    assert station("platform", "login", "--forget").out == "The access key is forgotten.\n"
    assert keys.held == {}

    answers += [right.id, "5ec4e7-wrong"]
    refused = station("platform", "login")
    assert (refused.code, keys.held) == (3, {})
    assert "5ec4e7" not in refused.err + refused.out

    answers += [right.id, right.secret.reveal()]
    taken = station("platform", "login", "--json")
    assert (taken.code, told(taken)) == (0, {"access_key_id": right.id})
    assert right.secret.reveal() not in taken.err + taken.out
    assert station("platform", "products").code == 0


def test_nobody_is_asked_for_a_key_without_a_terminal(station: Station) -> None:
    assert station("platform", "login").code == 2
