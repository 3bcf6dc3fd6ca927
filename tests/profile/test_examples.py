"""The example profiles work on the bench's images, and a new profile works as it is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from station.errors import ProfileError, UsageError
from station.image.nvs_entry import NvsType
from station.image.nvs_reader import read_nvs_image
from station.profile.lock import lock_profile
from station.profile.model import OnlineBy
from station.profile.new import new_profile
from station.profile.prepare import prepare_recipe
from station.profile.reading import load_profile
from tests.profile.test_idf_build import FLASHER_ARGS
from tests.profile.workplace import Workplace, certificate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, bench_images: Path) -> Path:
    """The example profiles with their images beside them, and firmware/app where they look for it."""
    room = tmp_path_factory.mktemp("room")
    shutil.copytree(ROOT / "profiles", room / "profiles", ignore=shutil.ignore_patterns("images"))
    shutil.copytree(bench_images, room / "profiles" / "images")
    shutil.copytree(ROOT / "firmware" / "app", room / "firmware" / "app")
    return room / "profiles"


def test_the_examples_are_there() -> None:
    """The three kinds of firmware, and a product that the platform itself is asked about."""
    assert set(EXAMPLES) >= {"training", "esp-aliyun", "micropython", "smart-plug"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_works_on_the_bench(examples: Path, name: str) -> None:
    """No mistake and no warning; what the bench's applications read is there, in the types that they read."""
    recipe = prepare_recipe(examples / f"{name}.yaml")

    assert recipe.warnings == ()
    boot, online = recipe.profile.checks.boot, recipe.profile.checks.online
    assert boot is not None
    assert online is not None
    version = recipe.profile.firmware.version
    of_the_bench = {"training": "station-training", "labelled": "station-training", "esp-aliyun": "esp-aliyun-demo"}
    program = of_the_bench.get(name, "station-app")
    assert boot.pattern.search(f"station-app ready: {program} {version} device=plug0001")
    if online.by is OnlineBy.CONSOLE:
        assert online.pattern is not None
        assert online.pattern.search("station-app online")
    unit = certificate()
    own = type(unit)(type(unit.identity)(recipe.profile.product_key, "plug0001"), unit.secrets, {})
    nvs = read_nvs_image(recipe.credentials_image(own))
    assert recipe.device_name_in(nvs) == "plug0001"
    port, region = nvs.get("sdk", "mqtt_port"), nvs.get("sdk", "region")
    assert port is not None
    assert region is not None
    expected = (NvsType.i32, NvsType.blob) if program == "station-app" else (NvsType.u16, NvsType.string)
    assert (port.type, region.type) == expected


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_locked(examples: Path, tmp_path: Path, name: str) -> None:
    """Its comments stay."""
    path = shutil.copy(examples / f"{name}.yaml", examples / f"locked-{name}.yaml")
    before = Path(path).read_text(encoding="utf-8")

    lock_profile(Path(path))

    after = Path(path).read_text(encoding="utf-8")
    assert [line for line in after.splitlines() if "sha256" not in line] == [
        line for line in before.splitlines() if line in after.splitlines() and "sha256" not in line
    ]
    assert all(file.locked for file in prepare_recipe(Path(path)).files)


def test_a_new_profile_for_micropython_works(workplace: Workplace, bench_images: Path) -> None:
    """Image, address, flash size, version and preset come from the image."""
    image = bench_images / "micropython" / "firmware.bin"

    made = new_profile("door lock", product_key="a1B2", out=workplace.folder / "new" / "lock.yaml", micropython=image)

    assert (made.open_points, made.warnings) == ((), ())
    profile = load_profile(made.path)
    assert (profile.name, profile.chip, profile.firmware.version) == ("door lock", "esp32", "1.21.0")
    assert profile.firmware.images[0].at == 0x1000
    assert profile.credentials.preset == "micropython"


def test_a_new_profile_for_an_esp_idf_build_works(workplace: Workplace, bench_images: Path) -> None:
    """Chip, flash size, version, credentials and what to erase come from the build."""
    build = workplace.folder / "build"
    (build / "bootloader").mkdir(parents=True)
    (build / "partition_table").mkdir()
    shutil.copy(bench_images / "esp-aliyun" / "bootloader.bin", build / "bootloader")
    shutil.copy(bench_images / "esp-aliyun" / "partition-table.bin", build / "partition_table")
    shutil.copy(bench_images / "esp-aliyun" / "app.bin", build / "smart-plug.bin")
    args = FLASHER_ARGS.replace(',\n        "0xd000" : "ota_data_initial.bin"', "")
    (build / "flasher_args.json").write_text(args, encoding="utf-8")

    made = new_profile("007", product_key="12345", out=workplace.path, idf_build=build)

    assert (made.open_points, made.warnings) == ((), ())
    profile = load_profile(made.path)
    assert (profile.name, profile.product_key, profile.firmware.version) == ("007", "12345", "1.0.0")
    assert profile.firmware.idf_build == "build"
    assert profile.firmware.erase == ("nvs", "otadata")


def test_a_new_profile_without_firmware_says_what_is_open(tmp_path: Path) -> None:
    """The files that it waits for, each with its line."""
    made = new_profile("plug", product_key="a1B2", out=tmp_path / "plug.yaml", chip="esp32c3")

    assert {fault.line for fault in made.open_points} == {17, 18, 19}
    assert load_profile(made.path).firmware.images[0].at == 0


def test_new_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    """Nothing is left behind, nothing is overwritten."""
    out = tmp_path / "plug.yaml"
    with pytest.raises(UsageError, match="both given"):
        new_profile("plug", product_key="a", out=out, idf_build=tmp_path, micropython=tmp_path)
    with pytest.raises(ProfileError, match="flasher_args"):
        new_profile("plug", product_key="a", out=out, idf_build=tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        new_profile("plug", product_key="a", out=out, micropython=tmp_path / "no.bin")
    with pytest.raises(ProfileError, match="ProductKey"):
        new_profile("plug", product_key="not a key", out=out)
    assert not out.exists()
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        new_profile("plug", product_key="a", out=out)
    assert out.read_text(encoding="utf-8") == "mine"
