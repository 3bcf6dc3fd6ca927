"""One unit from the console's CSV to a running, recorded device; looked at from behind with the public esptool."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from station.image.nvs_reader import read_nvs_image
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.virtual.bench import Bench
from tests.end_to_end.conftest import Desk, esptool

PRODUCTS = {"training": "a1Training0", "esp-aliyun": "a1EspAliyun", "micropython": "a1MicroPyth"}
READ_BAUD = 3_000_000


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_each_example_profile_walks_a_unit_to_pass(desk: Desk, bench: Bench, name: str) -> None:
    rows = desk.import_certificates(PRODUCTS[name])
    mac = bench.insert(1)
    done = desk.station("flash", desk.profiles / f"{name}.yaml", "--port", bench.ports[0], "--json")
    assert done.code == 0, done.out + done.err
    last = done.events[-1]
    assert last["event"] == "verdict"
    assert (last["verdict"], last["mac"], last["device_name"], last["code"]) == ("PASS", mac, rows[0][0], None)
    steps = [event["step"] for event in done.events if event["event"] == "step" and event["state"] == "done"]
    assert steps[:6] == ["detect", "identify", "allocate", "write", "verify", "start"]
    progress = [event for event in done.events if event.get("state") == "progress"]
    assert progress[-1]["done_bytes"] == progress[-1]["total_bytes"]


def test_an_esp32_c3_is_walked_too(desk: Desk, tmp_path: Path) -> None:
    example = yaml.safe_load((desk.profiles / "training.yaml").read_text(encoding="utf-8"))
    example["chip"] = "esp32c3"
    for image, address in zip(example["firmware"]["images"], (0x0, 0x8000, "factory"), strict=True):
        image["file"] = image["file"].replace("training", "training-c3")
        image["at"] = address
    profile = desk.profiles / "training-c3.yaml"
    profile.write_text(yaml.safe_dump(example), encoding="utf-8")
    desk.import_certificates("a1Training0")
    with Bench(tmp_path / "c3", 1, chip="esp32c3") as bench:
        bench.insert(1)
        done = desk.station("flash", profile, "--port", bench.ports[0], "--json")
    assert done.code == 0, done.out + done.err


def test_the_flash_read_back_by_esptool_is_the_plan_byte_for_byte(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    profile = desk.profiles / "training.yaml"
    (name, secret), *_ = desk.import_certificates("a1Training0")
    bench.insert(1)
    assert desk.station("flash", profile, "--port", bench.ports[0]).code == 0
    recipe = prepare_recipe(profile)
    size_bytes = plan_end(recipe)
    whole = read_flash(bench.ports[0], tmp_path / "flash.bin", 0, size_bytes)
    for region in recipe.static_plan.regions:
        assert whole[region.offset : region.offset + len(region.data)] == region.data, region.name
    partition = recipe.credentials_partition
    held = read_nvs_image(whole[partition.offset : partition.end])
    assert {(entry.key, entry.text()) for entry in held.entries if entry.namespace == "aliyun-key"} == {
        ("ProductKey", "a1Training0"),
        ("DeviceName", name),
        ("DeviceSecret", secret),
    }


def test_a_real_micropython_image_is_flashed_whole_with_filesystem_and_credentials(
    desk: Desk, bench: Bench, micropython_image: bytes, tmp_path: Path
) -> None:
    firmware = desk.profiles.parent / "profiles" / "ESP32-real.bin"
    firmware.write_bytes(micropython_image)
    example = yaml.safe_load((desk.profiles / "micropython.yaml").read_text(encoding="utf-8"))
    example["firmware"]["images"] = [{"file": firmware.name, "at": 0x1000}]
    profile = desk.profiles / "micropython-real.yaml"
    profile.write_text(yaml.safe_dump(example), encoding="utf-8")
    (name, secret), *_ = desk.import_certificates("a1MicroPyth")
    bench.insert(1)
    done = desk.station("flash", profile, "--port", bench.ports[0], "--json")
    assert done.code == 0, done.out + done.err
    recipe = prepare_recipe(profile)
    partition = recipe.credentials_partition
    expected = {region.offset: region.data for region in recipe.static_plan.regions}
    expected |= {
        0x1000: micropython_image[: partition.offset - 0x1000],
        partition.end: micropython_image[partition.end - 0x1000 :],
    }
    verify_flash(bench.ports[0], tmp_path, expected)
    held = read_nvs_image(read_flash(bench.ports[0], tmp_path / "nvs.bin", partition.offset, partition.size_bytes))
    assert held.text("aliyun-key", "DeviceName") == name
    assert held.text("aliyun-key", "DeviceSecret") == secret


def test_a_unit_that_comes_back_keeps_its_certificate(desk: Desk, bench: Bench) -> None:
    desk.import_certificates("a1Training0")
    first_mac = bench.insert(1)
    profile = desk.profiles / "training.yaml"
    first = desk.station("flash", profile, "--port", bench.ports[0], "--json").verdicts[0]
    bench.remove(1)
    bench.insert(1)
    second = desk.here("flash", profile, "--port", bench.ports[0], "--json").verdicts[0]
    bench.remove(1)
    bench.insert(1, first_mac)
    again = desk.station("flash", profile, "--port", bench.ports[0], "--json").verdicts[0]
    assert [first["verdict"], second["verdict"], again["verdict"]] == ["PASS"] * 3
    assert first["device_name"] == again["device_name"] != second["device_name"]


def test_the_record_tells_the_whole_story_and_no_secret(desk: Desk, bench: Bench, tmp_path: Path) -> None:
    rows = desk.import_certificates("a1Training0")
    mac = bench.insert(1)
    done = desk.station("flash", desk.profiles / "training.yaml", "--port", bench.ports[0], "--json")
    log = tmp_path / "audit.jsonl"
    table = tmp_path / "audit.csv"
    assert desk.here("audit", "export", "--out", log).code == 0
    assert desk.here("audit", "export", "--out", table, "--format", "csv").code == 0
    shown = desk.here("unit", "show", mac)
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert mac in json.dumps(events)
    assert rows[0][0] in shown.out
    listed = desk.here("batch", "show", "unit", "--json")
    everything = [done.out, done.err, shown.out, listed.out, log.read_text(encoding="utf-8")]
    everything += [path.read_bytes().decode("latin-1") for path in desk.data.rglob("*") if path.is_file()]
    everything.append(table.read_text(encoding="utf-8-sig"))
    for _, secret in rows:
        for text in everything:
            assert secret not in text
            assert secret.encode().hex() not in text


def test_demo_auto_takes_units_from_an_order_on_the_platform_to_activated(desk: Desk) -> None:
    done = desk.station("demo", "--auto", "--lanes", "2", "--units", "6", "--json")
    assert done.code == 0, done.out + done.err
    verdicts = done.verdicts
    assert [verdict["verdict"] for verdict in verdicts] == ["PASS"] * 6
    assert len({verdict["mac"] for verdict in verdicts}) == 6
    names = sorted(verdict["device_name"] for verdict in verdicts)
    assert {verdict["lane"] for verdict in verdicts} == {1, 2}
    proofs = [event for event in done.events if event["event"] == "proof"]
    assert [proof["device_name"] for proof in proofs] == names
    assert all(proof["posted"] == {"PowerSwitch": 0} for proof in proofs)
    assert all(proof["answered"] == {"Toggle": {"PowerSwitch": 1}} for proof in proofs)
    summary = done.events[-1]
    assert (summary["ordered"], summary["activated"], summary["proven"]) == (6, 6, 6)
    log = desk.data / "log.jsonl"
    training = Desk(desk.data / "training", desk.profiles)
    assert training.here("audit", "export", "--out", log).code == 0
    assert training.here("audit", "verify", log).code == 0
    told = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    kinds = [record.get("kind") for record in told]
    assert {"order_begun", "order_applied", "order_placed", "order_received"} <= set(kinds)
    activated = [record["subject"]["device_name"] for record in told if record.get("kind") == "certificate_activated"]
    assert sorted(activated) == names


def plan_end(recipe: Recipe) -> int:
    """Where the last region or the credentials end."""
    return max(recipe.credentials_partition.end, *(region.erased_end for region in recipe.static_plan.regions))


def read_flash(port: str, file: Path, offset: int, size_bytes: int) -> bytes:
    """Read a part of the flash with the public esptool; what was never written comes back as erased."""
    said = esptool("--port", port, "--baud", READ_BAUD, "read-flash", offset, size_bytes, file)
    assert re.search(rf"[Rr]ead {size_bytes} bytes", said), said
    return file.read_bytes()


def verify_flash(port: str, folder: Path, expected: dict[int, bytes]) -> None:
    """Let the public esptool compare what is at each offset; the chip's sums take a tenth of the reading of 4 MB."""
    places: list[object] = []
    for offset, data in expected.items():
        file = folder / f"{offset:x}.bin"
        file.write_bytes(data)
        places += [offset, file]
    said = esptool("--port", port, "verify-flash", *places)
    assert len(re.findall("Verification successful", said)) == len(expected), said
