"""The journal of orders: what may be ordered, and which certificates are taken for an order."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command

from station.certificate import Secret
from station.errors import BatchError, LedgerFault, UsageError
from station.ledger import Ledger, Order, OrderState
from station.ledger.audit import utc_now
from station.ledger.opening import open_data_folder
from tests.ledger.making import PRODUCT, name, secret

NAMES = [name(number) for number in range(101, 104)]


def placed(ledger: Ledger) -> Order:
    """Give an order of three that the platform was asked for."""
    order = ledger.orders.begin("wo", PRODUCT, NAMES, part_max=10)
    part = ledger.orders.note_applied(order, order.parts[0], 4711)
    ledger.orders.note_placed(order, part)
    (now,) = ledger.orders.open()
    return now


def certificates(*numbers: int) -> list[tuple[str, Secret]]:
    return [(name(number), Secret(secret(number))) for number in numbers]


def test_an_order_is_kept_as_it_was_written(ledger: Ledger, data: Path) -> None:
    begun = ledger.orders.begin("wo", PRODUCT, NAMES, part_max=2, work_order="WO-1")

    with Ledger.open(data) as other:
        (found,) = other.orders.open()
    assert found == begun
    assert (found.names, found.quantity, found.is_placed) == (tuple(NAMES), 3, False)
    assert [(part.number, part.state) for part in found.parts] == [(1, OrderState.BEGUN), (2, OrderState.BEGUN)]


@pytest.mark.parametrize(
    ("batch", "product", "names", "cause"),
    [
        ("wo", PRODUCT, [], "no device is named"),
        ("wo", PRODUCT, ["abc"], "name 1: DeviceName 'abc' has 3 characters"),
        ("wo", PRODUCT, ["plug-9", "plug-9"], "name 2: plug-9 stands twice"),
        ("wo", PRODUCT, ["plug-00001"], "plug-00001 is in the ledger already"),
        ("wo", "not a key", ["plug-9"], "ProductKey"),
        ("batch", PRODUCT, ["plug-9"], "a batch named batch is there already"),
        (" wo", PRODUCT, ["plug-9"], "cannot name a batch"),
    ],
)
def test_what_cannot_be_ordered_is_not_written_down(
    stocked: Ledger, batch: str, product: str, names: list[str], cause: str
) -> None:
    with pytest.raises(UsageError, match=cause):
        stocked.orders.begin(batch, product, names, part_max=10)

    assert stocked.orders.open() == []


def test_one_order_of_a_product_at_a_time(ledger: Ledger) -> None:
    order = ledger.orders.begin("wo", PRODUCT, NAMES, part_max=10)
    with pytest.raises(UsageError, match="order wo of 3 devices is not finished"):
        ledger.orders.begin("other", PRODUCT, ["plug-9"], part_max=10)
    ledger.orders.begin("lamps", "a1Lamp", ["lamp-9"], part_max=10)

    ledger.orders.give_up(order, reason="changed our mind")
    assert [one.batch for one in ledger.orders.open()] == ["lamps"]
    assert ledger.orders.begin("wo", PRODUCT, NAMES, part_max=10).batch == "wo"


def test_what_was_moved_elsewhere_is_not_moved_again(ledger: Ledger) -> None:
    order = ledger.orders.begin("wo", PRODUCT, NAMES, part_max=10)
    part = ledger.orders.note_applied(order, order.parts[0], 4711)

    with pytest.raises(LedgerFault, match="another process works on order wo"):
        ledger.orders.note_applied(order, order.parts[0], 4712)
    ledger.orders.note_placed(order, part)
    with pytest.raises(LedgerFault):
        ledger.orders.note_placed(order, part)
    with pytest.raises(LedgerFault):
        ledger.orders.receive(ledger.orders.begin("b", "a1Lamp", ["lamp-9"], part_max=1), [("lamp-9", Secret("x"))])
    assert ledger.batches() == []


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (certificates(101, 102), "1 of 3 devices did not come"),
        (certificates(101, 102, 103, 104), "'plug-00104' was not ordered, or comes twice"),
        (certificates(101, 102, 102, 103), "'plug-00102' was not ordered, or comes twice"),
        ([*certificates(101, 102), (name(103), Secret(secret(102)))], "that of plug-00102 too"),
        ([*certificates(101, 102), (name(103), Secret("half a secret"))], "DeviceSecret holds a character"),
        ([*certificates(101, 102), (name(103), Secret(""))], "DeviceSecret is empty"),
        ([*certificates(101, 102), (name(103), Secret(secret(7)))], "belongs to plug-00007 of batch batch already"),
    ],
)
def test_certificates_that_are_wrong_make_no_batch(
    stocked: Ledger, found: list[tuple[str, Secret]], cause: str
) -> None:
    order = placed(stocked)

    with pytest.raises(BatchError) as caught:
        stocked.orders.receive(order, found)

    assert cause in str(caught.value)
    assert "5ec4e7" not in str(caught.value)
    assert [one.name for one in stocked.batches()] == ["batch"]
    assert len(stocked.orders.open()) == 1


def test_what_the_consoles_csv_brought_meanwhile_ends_the_order(ledger: Ledger, tmp_path: Path) -> None:
    order = placed(ledger)
    csv = tmp_path / "console.csv"
    csv.write_text(
        "DeviceName,DeviceSecret,ProductKey\n"
        + "".join(f"{one},{secret(100 + n)},{PRODUCT}\n" for n, one in enumerate(NAMES, 1)),
        encoding="utf-8",
    )
    ledger.import_batch(csv)

    result = ledger.orders.receive(order, certificates(101, 102, 103))

    assert (result.batch, result.imported, result.already_there) == ("console", 0, 3)
    assert ledger.orders.open() == []


def test_a_ledger_from_before_there_were_orders_gets_them(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = command.upgrade
    with monkeypatch.context() as then:
        then.setattr(command, "upgrade", lambda config, _to: upgrade(config, "0001"))
        open_data_folder(data, None, utc_now, read_only=False).database.close()

    with Ledger.open(data) as newer:
        assert newer.orders.begin("wo", PRODUCT, NAMES, part_max=10).quantity == 3
