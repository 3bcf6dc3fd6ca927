"""What the technician can choose from: the sound profiles, and those with a mistake by its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.cli.shift_desk import ShiftDesk
from station.errors import UsageError
from station.ledger import Ledger
from tests.end_to_end.quick_units import PRODUCT_KEY, make_product, write_profile
from tests.ledger.making import write_csv


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "data") as opened:
        opened.import_batch(write_csv(tmp_path / "batch.csv", range(3), PRODUCT_KEY))
        yield opened


def desk(ledger: Ledger, *profiles: Path, batch: str | None = None) -> ShiftDesk:
    return ShiftDesk(profiles, ledger, batch, lambda: {1: "/dev/ttyUSB0"}, lambda *_: NotImplemented)


def test_a_profile_with_a_mistake_keeps_no_other_one_back(tmp_path: Path, ledger: Ledger) -> None:
    sound = make_product(tmp_path)
    wrong = write_profile(tmp_path / "wrong.yaml", chip="esp33")
    other = write_profile(tmp_path / "other.yaml", product_key="a1Nothing00")

    choices = desk(ledger, wrong, sound, other).choices()

    told = [(one.profile_name, one.batch, None if one.fault is None else one.fault.code) for one in choices]
    assert told == [("wrong", "", "I20"), ("quick", "batch", None), ("other", "", "I10")]


def test_a_profile_that_is_not_for_the_batch_asked_for_is_left_out(tmp_path: Path, ledger: Ledger) -> None:
    sound = make_product(tmp_path)
    other = write_profile(tmp_path / "other.yaml", product_key="a1Nothing00")

    assert [one.profile_name for one in desk(ledger, sound, other, batch="batch").choices()] == ["quick"]
    with pytest.raises(UsageError):
        desk(ledger, other, batch="batch").choices()
