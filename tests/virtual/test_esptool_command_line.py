"""Any tool that speaks to a chip works with the virtual one: the public esptool and espefuse, run from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from station.virtual.faults import Faults
from station.virtual.fixture import DEFAULT_MAC, Fixture, make_unit
from station.virtual.reset_circuit import ResetAction
from tests.virtual.esptool_run import Run, run, run_together
from tests.virtual.rom_trace import noise, text

CHIPS = ("esp32", "esp32c3")
LANES = 5
DESCRIPTIONS = {"esp32": "ESP32-D0WD-V3 (revision v3.0)", "esp32c3": "ESP32-C3 (QFN32) (revision v0.3)"}


def mac_of(lane: int) -> str:
    return f"24:0a:c4:00:00:{lane:02x}"


@pytest.fixture(scope="module", params=CHIPS)
def chip(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def lanes(chip: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Fixture]]:
    """Some fixtures, each with a unit of its own whose flash is `lane<number>.bin`."""
    folder = tmp_path_factory.mktemp(chip)
    with ExitStack() as running:
        yield [
            running.enter_context(Fixture(make_unit(mac_of(lane), chip=chip, flash_file=folder / f"lane{lane}.bin")))
            for lane in range(LANES)
        ]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {"noise": noise(), "text": text(), "small": noise()[:0x1400]}
    for name, content in contents.items():
        (tmp_path / f"{name}.bin").write_bytes(content)
    return {name: tmp_path / f"{name}.bin" for name in contents}


def flashed(fixture: Fixture, offset: int, size_bytes: int) -> bytes:
    unit = fixture.unit
    assert unit is not None
    return unit.flash.read(offset, size_bytes)


def test_a_chip_says_what_it_is(chip: str, lanes: list[Fixture]) -> None:
    runs = [
        Run(lanes[0].url, ["chip-id"]),
        Run(lanes[1].url, ["read-mac"]),
        Run(lanes[2].url, ["--baud", "921600", "flash-id"]),
        Run(lanes[3].url, ["--no-stub", "flash-id"]),
        Run(f"{lanes[4].url}?ign_set_control", ["--no-stub", "--chip", chip, "read-mac"]),
    ]
    printed = run_together(runs)
    for lane, said in enumerate(printed):
        assert DESCRIPTIONS[chip] in said
        assert mac_of(lane) in said
        assert "Crystal frequency:  40MHz" in said
        assert "Hard resetting via RTS pin" in said
        assert lanes[lane].mode is ResetAction.RUN
    for said in printed[2:4]:
        assert "Detected flash size: 4MB" in said


def test_every_way_of_writing_puts_the_same_bytes_into_flash(lanes: list[Fixture], files: dict[str, Path]) -> None:
    noise_file, text_file, small_file = str(files["noise"]), str(files["text"]), str(files["small"])
    runs = [
        Run(lanes[0].url, ["--baud", "921600", "write-flash", "0x10000", noise_file, "0x20000", text_file]),
        Run(lanes[1].url, ["write-flash", "--no-compress", "0x10000", small_file]),
        Run(lanes[2].url, ["--no-stub", "write-flash", "0x20000", text_file]),
        Run(lanes[3].url, ["--no-stub", "--baud", "921600", "write-flash", "--no-compress", "0x10000", small_file]),
        Run(lanes[4].url, ["--baud", "921600", "write-flash", "--no-compress", "--erase-all", "0x3fe000", small_file]),
    ]
    for said in run_together(runs):
        assert "Hash of data verified" in said
    assert flashed(lanes[0], 0x10000, 0x4000) == noise()
    assert flashed(lanes[0], 0x20000, 0x4000) == text()
    assert flashed(lanes[1], 0x10000, 0x1400) == noise()[:0x1400]
    assert flashed(lanes[2], 0x20000, 0x4000) == text()
    assert flashed(lanes[3], 0x10000, 0x1400) == noise()[:0x1400]
    assert flashed(lanes[4], 0x3FE000, 0x1400) == noise()[:0x1400]


def test_what_was_written_is_read_back_and_verified(
    lanes: list[Fixture], files: dict[str, Path], tmp_path: Path
) -> None:
    for fixture in lanes:
        unit = fixture.unit
        assert unit is not None
        unit.flash.erase(0x30000, 0x4000)
        unit.flash.program(0x30000, noise())
    fast, slow, plain = tmp_path / "fast.bin", tmp_path / "slow.bin", tmp_path / "plain.bin"
    run_together(
        [
            Run(lanes[0].url, ["--baud", "921600", "read-flash", "0x30000", "0x4000", str(fast)]),
            Run(lanes[1].url, ["read-flash", "0x30000", "0x1000", str(slow)]),
            Run(lanes[2].url, ["--no-stub", "--baud", "921600", "read-flash", "0x30000", "0x200", str(plain)]),
            Run(lanes[3].url, ["--baud", "921600", "verify-flash", "0x30000", str(files["noise"])]),
            Run(lanes[4].url, ["--no-stub", "verify-flash", "0x30000", str(files["noise"])]),
        ]
    )
    assert fast.read_bytes() == noise()
    assert slow.read_bytes() == noise()[:0x1000]
    assert plain.read_bytes() == noise()[:0x200]


def test_what_is_erased_is_blank_and_the_rest_stays(chip: str, lanes: list[Fixture]) -> None:
    for fixture in lanes:
        unit = fixture.unit
        assert unit is not None
        unit.flash.erase_all()
        unit.flash.program(0x40000, noise())
    tools = [
        Run(lanes[0].url, ["--baud", "921600", "erase-flash"]),
        Run(lanes[1].url, ["erase-region", "0x41000", "0x2000"]),
        Run(lanes[2].url, ["--no-stub", "erase-region", "0x41000", "0x2000"]),
        Run(lanes[3].url, ["read-flash-status"]),
        Run(lanes[4].url, ["--chip", chip, "summary"], tool="espefuse"),
    ]
    printed = run_together(tools)
    assert flashed(lanes[0], 0, 0x400000) == b"\xff" * 0x400000
    for fixture in lanes[1:3]:
        left = noise()[:0x1000] + b"\xff" * 0x2000 + noise()[0x3000:]
        assert flashed(fixture, 0x40000, 0x4000) == left
    assert "Flash memory status: 0x0000" in printed[3]
    # The ESP32-C3's eFuses hold no CRC of the MAC, the ESP32's do.
    assert f"{mac_of(4)} (CRC 0x" in printed[4] or f"{mac_of(4)} (OK)" in printed[4]
    assert "invalid" not in printed[4]


def test_without_reset_lines_the_tool_takes_what_runs() -> None:
    """BOOT is held by hand: the tool leaves the stub running, finds it again, and leaves the ROM's loader behind."""
    with Fixture(make_unit(), faults=Faults(boot_held=True, ignores_reset=True)) as fixture:
        no_reset = ["--before", "no-reset", "--after"]
        assert "Staying in flasher stub" in run(Run(fixture.url, [*no_reset, "no-reset-stub", "read-mac"]))
        assert "already running" in run(Run(fixture.url, [*no_reset, "no-reset", "flash-id"]))
        assert "Uploading stub" in run(Run(fixture.url, [*no_reset, "no-reset", "read-mac"]))
        assert fixture.mode is ResetAction.DOWNLOAD


def test_a_chips_own_usb_port_is_reset_its_own_way() -> None:
    with Fixture(make_unit(chip="esp32c3"), usb_jtag=True) as fixture:
        assert DEFAULT_MAC in run(Run(fixture.url, ["--before", "usb-reset", "--no-stub", "read-mac"]))
        assert fixture.mode is ResetAction.RUN


def test_nothing_but_the_public_tools_is_needed() -> None:
    """The same with pyserial as it comes, whose RFC 2217 client needs 0.2 s for each command."""
    with Fixture(make_unit(chip="esp32")) as first, Fixture(make_unit(chip="esp32c3")) as second:
        urls = {"esp32": first.url, "esp32c3": f"{second.url}?ign_set_control"}
        printed = run_together([Run(url, ["--no-stub", "read-mac"], quick=False) for url in urls.values()])
    for chip_name, said in zip(urls, printed, strict=True):
        assert DEFAULT_MAC in said
        assert DESCRIPTIONS[chip_name] in said
