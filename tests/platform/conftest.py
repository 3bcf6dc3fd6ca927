"""A virtual platform with one product, and an empty ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.ledger import Ledger
from station.virtual.platform import Settings, VirtualPlatform
from tests.platform.accounts import PRODUCT


@pytest.fixture
def platform() -> Iterator[VirtualPlatform]:
    """A platform on loopback that takes as many calls a second as a clock without time can make."""
    with VirtualPlatform(Settings(has_call_limits=False)) as started:
        started.create_product("smart plug", product_key=PRODUCT)
        yield started


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def ledger(data: Path) -> Iterator[Ledger]:
    """A new, empty ledger."""
    with Ledger.open(data) as opened:
        yield opened
