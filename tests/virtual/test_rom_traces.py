"""The virtual chip answers what real ROMs and the real stub answered, frame by frame.

Left out, because the emulator that ran the ROM says something silicon does not: the ESP32's flash without the stub (06, 07, 15,
31, 32) and its baud change (11), the ESP32-C3's stub after wrong data (34).
"""

from __future__ import annotations

import pytest

from tests.virtual.rom_trace import FOLDER, ReplayedChip, as_recorded, noise, read_trace, sessions

TRACES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
FLASHED_BEFORE = ("-12-", "-13-", "-14-", "-15-")
"""Scenarios whose flash held the noise at 0x10000 already."""


@pytest.mark.parametrize("name", TRACES)
def test_the_loaders_answer_as_recorded(name: str) -> None:
    chip = ReplayedChip(name.split("-", maxsplit=1)[0])
    if any(part in name for part in FLASHED_BEFORE):
        chip.flash.program(0x10000, noise())
    frames = 0
    for session in sessions(name):
        chip.reset()
        answered = [as_recorded(frame) for sent in session.sent for frame in chip.take(sent)]
        assert answered == session.recorded
        frames += len(answered)
    assert frames or name.endswith("download-boot")


@pytest.mark.parametrize("chip", ["esp32", "esp32c3"])
def test_download_mode_says_its_name(chip: str) -> None:
    """The recorder's strapping pins differ from a board's, so the ESP32's boot word does too."""
    said = next(record["text"] for record in read_trace(f"{chip}-02-download-boot") if record["dir"] == "chip")
    banner = ReplayedChip(chip).model.kind.download_banner.decode("latin-1")
    assert banner.splitlines()[0] == said.splitlines()[0]
    assert "download" in banner.splitlines()[-1]
    if chip == "esp32c3":
        assert banner == said
