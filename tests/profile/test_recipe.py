"""The recipe: what every unit gets, and each unit's own credentials."""

from __future__ import annotations

import hashlib
import time
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from station.certificate import Certificate, Identity, Secret
from station.errors import ProfileError
from station.image.nvs_entry import NvsType
from station.image.nvs_reader import read_nvs_image
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from tests.profile.workplace import Workplace, certificate, pack_table

MICROPYTHON = """\
schema: 1
name: sensor
product_key: a1B2c3D4e5F
chip: esp32
flash_size: 4MB
firmware:
  version: 0.1.0
  images:
    - {file: images/firmware.bin, at: 0x1000}
  filesystem: {partition: vfs, from: app}
credentials: {preset: micropython}
sdk_config:
  namespace: sdk
  values: {region: {blob: cn-shanghai}, mqtt_port: {i32: 1883}}
checks:
  boot: {expect: ready}
"""


def test_the_plan_holds_images_and_blank_partitions(workplace: Workplace) -> None:
    """Sorted by address, each with the bytes of its file."""
    workplace.write()

    recipe = workplace.recipe()
    plan = recipe.static_plan

    assert [(region.name, region.offset) for region in plan.regions] == [
        ("bootloader", 0x1000),
        ("partition-table", 0x8000),
        ("nvs (blank)", 0x9000),
        ("app", 0x10000),
    ]
    assert plan.regions[2].data == b"\xff" * 0x6000
    app = (workplace.folder / "images" / "app.bin").read_bytes()
    assert plan.regions[3].data == app
    assert recipe.region_hashes()["app"] == hashlib.sha256(app).hexdigest()
    assert recipe.warnings == ()


def test_each_unit_gets_its_own_credentials_last(workplace: Workplace) -> None:
    """Exactly the partition's size, with the SDK config beside them, marked secret."""
    workplace.write()
    recipe = workplace.recipe()

    plan = recipe.unit_plan(certificate("plug0007"))
    last = plan.write_order()[-1]
    nvs = read_nvs_image(last.data)

    assert (last.name, last.secret, last.offset, last.size_bytes) == ("credentials", True, 0x110000, 0x6000)
    assert nvs.text("aliyun-key", "DeviceName") == "plug0007"
    assert nvs.text("aliyun-key", "ProductKey") == "a1B2c3D4e5F"
    assert nvs.text("aliyun-key", "DeviceSecret") == "s3cret" * 5
    assert nvs.get("aliyun-key", "ProductSecret") is None
    port = nvs.get("sdk", "mqtt_port")
    assert port is not None
    assert (port.type, port.value) == (NvsType.u16, 1883)
    assert (recipe.device_name_in(nvs), recipe.product_key_in(nvs)) == ("plug0007", "a1B2c3D4e5F")
    assert [entry.key for entry in recipe.expected_credentials(certificate())] == [
        "ProductKey",
        "DeviceName",
        "DeviceSecret",
    ]


def test_a_product_secret_is_stored_where_there_is_one(workplace: Workplace) -> None:
    """Optional in the preset."""
    workplace.write()
    whole = Certificate(
        Identity("a1B2c3D4e5F", "plug0001"), {"DeviceSecret": Secret("a"), "ProductSecret": Secret("productsecret")}
    )

    nvs = read_nvs_image(workplace.recipe().credentials_image(whole))

    assert nvs.text("aliyun-key", "ProductSecret") == "productsecret"


def test_a_free_mapping_stores_what_it_says(workplace: Workplace) -> None:
    """Other keys, other types, other columns of the CSV."""
    keys = "{Name: {from: device_name, type: blob}, Key: {from: device_secret}, Serial: {column: SN}}"
    workplace.write(
        ("{preset: esp-aliyun}", f"{{partition: fctry, namespace: AliyunIoT, keys: {keys}}}"),
        ("namespace: sdk", "namespace: AliyunIoT"),
    )
    recipe = workplace.recipe()

    nvs = read_nvs_image(recipe.credentials_image(certificate("plug0001", SN="4711")))

    name = nvs.get("AliyunIoT", "Name")
    assert name is not None
    assert (name.type, name.value) == (NvsType.blob, b"plug0001")
    assert nvs.text("AliyunIoT", "Serial") == "4711"
    assert recipe.device_name_in(nvs) == "plug0001"
    assert recipe.product_key_in(nvs) is None
    with pytest.raises(ProfileError, match=r"no column SN"):
        recipe.credentials_image(certificate())


@pytest.mark.parametrize(
    ("credentials", "partition", "namespace"),
    [
        ("{preset: esp-mdf, namespace: ALIYUN-KEY}", "fctry", "ALIYUN-KEY"),
        ("{preset: esp-aliyun, partition: nvs}", "nvs", "aliyun-key"),
    ],
)
def test_a_preset_may_be_bent(workplace: Workplace, credentials: str, partition: str, namespace: str) -> None:
    """Partition and namespace."""
    workplace.write(("{preset: esp-aliyun}", credentials), ("  erase: [nvs]\n", ""))
    recipe = workplace.recipe()

    nvs = read_nvs_image(recipe.credentials_image(certificate()))

    assert recipe.credentials_partition.name == partition
    assert nvs.text(namespace, "DeviceName") == "plug0001"


def test_sdk_config_may_have_a_partition_of_its_own(workplace: Workplace) -> None:
    """Then it is part of what every unit gets."""
    workplace.write(("  erase: [nvs]\n", ""), ("namespace: sdk", "namespace: sdk\n  partition: nvs"))
    recipe = workplace.recipe()

    region = recipe.static_plan.find("nvs (sdk_config)")

    assert region is not None
    assert (region.offset, region.size_bytes) == (0x9000, 0x6000)
    assert read_nvs_image(region.data).text("sdk", "region") == "cn-shanghai"
    assert read_nvs_image(recipe.credentials_image(certificate())).get("sdk", "region") is None


def test_a_certificate_of_another_product_is_refused(workplace: Workplace) -> None:
    """Before an image is made of it, and without its secret in the message."""
    workplace.write()
    foreign = Certificate(Identity("otherKey", "plug0001"), {"DeviceSecret": Secret("donottell")})

    with pytest.raises(ProfileError, match="is for product otherKey") as caught:
        workplace.recipe().unit_plan(foreign)

    assert "donottell" not in str(caught.value)


def test_a_merged_image_is_cut_where_the_credentials_go(sensor: Recipe) -> None:
    """MicroPython's image covers `nvs` with blank bytes; its table, `vfs` and apps are found inside it."""
    plan = sensor.unit_plan(certificate())

    assert [(region.name, region.offset) for region in plan.regions] == [
        ("firmware", 0x1000),
        ("credentials", 0x9000),
        ("firmware@0xf000", 0xF000),
        ("vfs@0x200000", 0x200000),
    ]
    nvs = read_nvs_image(sensor.credentials_image(certificate()))
    name, port = nvs.get("aliyun-key", "DeviceName"), nvs.get("sdk", "mqtt_port")
    assert name is not None
    assert port is not None
    assert (name.type, name.value, port.type) == (NvsType.blob, b"plug0001", NvsType.i32)


def test_micropython_takes_no_value_that_it_cannot_read(workplace: Workplace) -> None:
    """esp32.NVS reads i32 and blob; nothing is turned into them behind the engineer's back."""
    workplace.write(("preset: esp-aliyun", "preset: micropython, partition: fctry"))

    region, port = workplace.faults()

    assert region.line == workplace.line("region")
    assert "cannot read `region`, which is a string" in region.cause
    assert "{blob: …}" in region.mend
    assert port.line == workplace.line("mqtt_port")
    assert "{i32: …}" in port.mend


def test_a_recipe_cannot_be_changed(workplace: Workplace) -> None:
    """All lanes share it."""
    workplace.write()
    recipe = workplace.recipe()

    with pytest.raises(FrozenInstanceError):
        recipe.path = Path("other")  # type: ignore[misc]  # the point of the test
    with pytest.raises(ValueError, match="frozen"):
        recipe.profile.name = "other"  # type: ignore[misc]  # the point of the test
    config = recipe.profile.sdk_config
    assert config is not None
    with pytest.raises(TypeError):
        config.values["x"] = config.values["region"]  # type: ignore[index]  # the point of the test
    hashes = recipe.region_hashes()
    hashes.clear()
    assert recipe.region_hashes()


def test_the_repr_of_a_recipe_is_short(workplace: Workplace) -> None:
    """It may stand in a log."""
    workplace.write()

    assert len(repr(workplace.recipe())) < 5000


def test_credentials_are_made_quickly(workplace: Workplace) -> None:
    """A unit must not wait for them: under 20 ms each, measured 0.6 ms."""
    workplace.write()
    recipe = workplace.recipe()
    began = time.perf_counter()

    for number in range(20):
        recipe.unit_plan(certificate(f"plug{number:04}"))

    assert time.perf_counter() - began < 20 * 0.02


def test_a_large_number_is_checked_at_once(workplace: Workplace) -> None:
    """`in range(…)` walks the range for a subclass of int, which the numbers of the file are."""
    workplace.write(("{u16: 1883}", "{u64: 18446744073709551615}"))
    began = time.perf_counter()

    workplace.recipe()

    assert time.perf_counter() - began < 5


def test_the_batch_is_found_beside_the_profile(workplace: Workplace) -> None:
    """Relative to the profile, not to where the command runs."""
    (workplace.folder / "plugs.csv").write_text("DeviceName\n", encoding="utf-8")
    workplace.write(("credentials:", "batch: {certificates: plugs.csv, work_order: 4711, quantity: 500}\ncredentials:"))
    recipe = workplace.recipe()

    assert recipe.batch_csv == workplace.folder / "plugs.csv"
    assert recipe.profile.batch is not None
    assert (recipe.profile.batch.work_order, recipe.profile.batch.quantity) == ("4711", 500)


def test_what_is_odd_but_not_wrong_is_a_warning(workplace: Workplace) -> None:
    """Each in one sentence."""
    workplace.write_image(
        "partition-table.bin",
        pack_table(
            ("nvs", 1, 2, 0x9000, 0x4000),
            ("otadata", 1, 0, 0xD000, 0x2000),
            ("ota_0", 0, 0x10, 0x10000, 0x80000),
            ("ota_1", 0, 0x11, 0x90000, 0x80000),
            ("fctry", 1, 2, 0x110000, 0x6000),
        ),
    )
    workplace.write(
        ("    - {file: images/bootloader.bin, at: 0x1000}\n", ""),
        ("at: factory", "at: ota_1"),
        ("checks:\n  boot: {expect: 'ready: \\S+', within: 20s}\n", ""),
        ("  online: {by: console, expect: 'online', within: 1m30s}\n", ""),
    )

    warnings = " ".join(workplace.recipe().warnings)

    assert "No image brings a bootloader" in warnings
    assert "otadata is neither written nor erased" in warnings
    assert "starts the partition ota_0, but no image is written there" in warnings
    assert "nothing proves that a unit starts" in warnings


def test_another_version_inside_the_application_is_a_warning(workplace: Workplace) -> None:
    """The record would tell something else than the unit does."""
    workplace.write(("version: 1.0.0", "version: 2.0.0"))

    assert workplace.recipe().warnings == ("The application calls itself 1.0.0, the profile says version 2.0.0.",)


@pytest.fixture
def sensor(workplace: Workplace, bench_images: Path) -> Recipe:
    """A MicroPython product's recipe."""
    workplace.write_image("firmware.bin", (bench_images / "micropython" / "firmware.bin").read_bytes())
    (workplace.folder / "app").mkdir()
    (workplace.folder / "app" / "main.py").write_text("print('ready')\n", encoding="utf-8")
    workplace.write_text(MICROPYTHON)
    return prepare_recipe(workplace.path)
