"""What the example profiles write makes a virtual unit start, say its name and go online: station and bench agree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from station.certificate import Certificate, Identity, Secret
from station.profile.prepare import prepare_recipe
from station.virtual.flash_memory import SECTOR_BYTES, FlashMemory
from station.virtual.images import make_bench_images
from tests.virtual.boot_chip import FLASH_SIZE_BYTES, SECRET, RunningChip

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of the example profiles with the bench's images, as the demo lays them out."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(PROJECT / "profiles", folder / "profiles", ignore=shutil.ignore_patterns("images"))
    shutil.copytree(PROJECT / "firmware", folder / "firmware")
    make_bench_images(folder / "profiles" / "images")
    return folder / "profiles"


@pytest.mark.parametrize(
    ("name", "ready"),
    [
        ("training", "station-app ready: station-training 1.0.0 device=plug-0001"),
        ("esp-aliyun", "station-app ready: esp-aliyun-demo 1.0.0 device=plug-0001"),
        ("micropython", "station-app ready: station-app 0.1.0 device=plug-0001"),
    ],
)
@pytest.mark.parametrize("before", [b"\xff", bytes(range(1, 256))], ids=["blank", "used"])
def test_an_example_profile_makes_a_unit_that_is_ready_and_online(
    profiles: Path, name: str, ready: str, before: bytes
) -> None:
    recipe = prepare_recipe(profiles / f"{name}.yaml")
    identity = Identity(recipe.profile.product_key, "plug-0001")
    plan = recipe.unit_plan(Certificate(identity, {"DeviceSecret": Secret(SECRET)}))
    flash = FlashMemory(FLASH_SIZE_BYTES)
    flash.program(0, (before * (FLASH_SIZE_BYTES // len(before) + 1))[:FLASH_SIZE_BYTES])
    for region in plan.regions:
        flash.erase(region.offset, -(-len(region.data) // SECTOR_BYTES) * SECTOR_BYTES)
        assert flash.program(region.offset, region.data)
    with RunningChip(flash) as chip:
        text = chip.console.wait_for("station-app online\r\n")
    assert text.count(f"{ready}\r\n") == 1
    assert SECRET not in text
