"""`lock` writes the hashes and leaves everything else of the file as it is."""

from __future__ import annotations

import hashlib
import os
import re
import sys

import pytest

from station.errors import ProfileError
from station.profile.lock import lock_profile
from tests.profile.workplace import FACTORY, FCTRY, GOOD, NVS, Workplace, pack_table

NAMES = ("bootloader.bin", "partition-table.bin", "app.bin")


def digest(workplace: Workplace, name: str) -> str:
    """Give the SHA-256 of an image."""
    return hashlib.sha256((workplace.folder / "images" / name).read_bytes()).hexdigest()


def test_only_the_hashes_are_added(workplace: Workplace) -> None:
    """Comments, order, quoting and spaces stay."""
    text = GOOD.replace("at: factory}", "at: factory}   # the application")
    workplace.write_text(text)

    result = lock_profile(workplace.path)

    locked = workplace.path.read_text(encoding="utf-8")
    assert re.sub(r", sha256: [0-9a-f]{64}", "", locked) == text
    assert [(change.name, change.before, change.after) for change in result.changes] == [
        (f"images/{name}", None, digest(workplace, name)) for name in NAMES
    ]
    assert all(file.locked for file in workplace.recipe().files)


def test_a_second_lock_changes_nothing(workplace: Workplace) -> None:
    """The file is not even written."""
    workplace.write()
    lock_profile(workplace.path)
    before = workplace.path.stat()

    assert lock_profile(workplace.path).changes == ()
    assert (workplace.path.stat().st_mtime_ns, workplace.path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("written", ["…", "0" * 64, "'" + "A" * 64 + "'", "", "~", "abc"])
def test_whatever_stands_there_is_replaced(workplace: Workplace, written: str) -> None:
    """A placeholder, an old hash, nothing."""
    workplace.write(("at: 0x1000", f"at: 0x1000, sha256: {written}"))

    result = lock_profile(workplace.path)

    assert len(result.changes) == 3
    assert f"at: 0x1000, sha256: {digest(workplace, 'bootloader.bin')}" in workplace.path.read_text(encoding="utf-8")


BLOCK = """\
    - file: images/bootloader.bin   # first
      at: 0x1000
    # the table
    - sha256: %s
      file: 'images/partition-table.bin'
      at: 0x8000

    -   at: factory
        file: >-
          images/app.bin
"""


def test_block_style_keeps_its_indents(workplace: Workplace) -> None:
    """A new line with the indent of its neighbours."""
    begin, end = GOOD.index("    - {file: images/boot"), GOOD.index("  erase")
    workplace.write_text(GOOD[:begin] + BLOCK % ("0" * 64) + GOOD[end:])

    lock_profile(workplace.path)

    text = workplace.path.read_text(encoding="utf-8")
    assert f"      at: 0x1000\n      sha256: {digest(workplace, 'bootloader.bin')}\n    # the table\n" in text
    assert f"    - sha256: {digest(workplace, 'partition-table.bin')}\n      file: 'images" in text
    assert f"          images/app.bin\n        sha256: {digest(workplace, 'app.bin')}\n" in text
    assert workplace.recipe()


def test_a_list_over_several_lines_is_locked(workplace: Workplace) -> None:
    """Flow style with trailing commas and line ends inside."""
    begin, end = GOOD.index("    - {file: images/boot"), GOOD.index("  erase")
    flow = """\
    [
      {file: images/bootloader.bin, at: 0x1000,},  # one
      {
        file: images/partition-table.bin,
        at: 0x8000
      },
      {"file": "images/app.bin", "at": "factory"}
    ]
"""
    workplace.write_text(GOOD[:begin] + flow + GOOD[end:])

    lock_profile(workplace.path)

    assert all(file.locked for file in workplace.recipe().files)
    assert "# one" in workplace.path.read_text(encoding="utf-8")


def test_crlf_and_byte_order_mark_stay(workplace: Workplace) -> None:
    """As the editor left them."""
    begin, end = GOOD.index("    - {file: images/boot"), GOOD.index("  erase")
    text = ("\ufeff" + GOOD[:begin] + BLOCK % ("0" * 64) + GOOD[end:]).replace("\n", "\r\n")
    workplace.write_text(text)

    lock_profile(workplace.path)

    data = workplace.path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n") == text.count("\n") + 2
    assert workplace.recipe()


def test_the_folder_of_a_filesystem_is_locked_too(workplace: Workplace) -> None:
    """A changed, added or renamed file is refused; leftovers of Python are not looked at."""
    app = workplace.folder / "app"
    (app / "lib").mkdir(parents=True)
    (app / "main.py").write_bytes(b"print(1)\n")
    (app / "lib" / "mqtt.py").write_bytes(b"pass\n")
    partitions = "  filesystem: {partition: phy_init, from: app}   # on 4 KB"
    workplace.write(("  erase: [nvs]", partitions.replace("phy_init", "vfs")))
    _with_vfs(workplace)

    lock_profile(workplace.path)
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "main.pyc").write_bytes(b"x")
    assert all(file.locked for file in workplace.recipe().files)

    (app / "lib" / "mqtt.py").write_bytes(b"pass  # changed\n")
    fault = workplace.only_fault()
    assert fault.line == workplace.line("filesystem")
    assert "a file in `app` has changed" in fault.cause
    assert [change.name for change in lock_profile(workplace.path).changes] == ["app"]


def test_the_label_is_locked_too(workplace: Workplace) -> None:
    label = workplace.folder / "plug.zpl"
    label.write_text("^XA^FD${device_name}^FS^XZ\n", encoding="utf-8")
    workplace.write(("firmware:", "label: {template: plug.zpl}\nfirmware:"))

    assert "plug.zpl" in [change.name for change in lock_profile(workplace.path).changes]
    assert all(file.locked for file in workplace.recipe().files)

    label.write_text("^XA^FD${mac}^FS^XZ\n", encoding="utf-8")
    fault = workplace.only_fault()
    assert fault.line == workplace.line("label:")
    assert "the label `plug.zpl` has changed" in fault.cause
    assert [change.name for change in lock_profile(workplace.path).changes] == ["plug.zpl"]
    assert workplace.recipe()


def _with_vfs(workplace: Workplace) -> None:
    workplace.write_image("partition-table.bin", pack_table(NVS, FACTORY, FCTRY, ("vfs", 1, 0x81, 0x200000, 0x40000)))


def test_a_profile_with_other_mistakes_is_not_locked(workplace: Workplace) -> None:
    """All of them are told, and the file stays."""
    path = workplace.write(("at: factory", "at: factroy"), ("u16: 1883", "u16: -1"))
    before = path.read_bytes()

    with pytest.raises(ProfileError) as caught:
        lock_profile(path)

    assert len(caught.value.faults) == 2
    assert path.read_bytes() == before


def test_a_layout_that_cannot_be_edited_is_refused(workplace: Workplace) -> None:
    """The text is parsed again before it is written; behind an alias the hash would land elsewhere."""
    begin, end = GOOD.index("    - {file: images/bootl"), GOOD.index("    - {file: images/app")
    images = """\
    - {file: images/bootloader.bin, at: 0x1000}
    - {file: images/partition-table.bin, at: 0x8000}
    - {file: &app images/app.bin, at: ota_0}
    - at: ota_1
      file: *app
"""
    workplace.write_image(
        "partition-table.bin",
        pack_table(NVS, ("ota_0", 0, 0x10, 0x10000, 0x80000), ("ota_1", 0, 0x11, 0x90000, 0x80000), FCTRY),
    )
    path = workplace.write_text(
        (GOOD[:begin] + images + GOOD[end:]).replace("    - {file: images/app.bin, at: factory}\n", "")
    )

    before = path.read_bytes()

    with pytest.raises(ProfileError, match="without anchors and aliases"):
        lock_profile(path)

    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="rights are otherwise there")
def test_the_rights_of_the_file_stay(workplace: Workplace) -> None:
    """The file is replaced, its mode is not."""
    workplace.write()
    workplace.path.chmod(0o640)

    lock_profile(workplace.path)

    assert workplace.path.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in workplace.folder.iterdir()) == ["images", "plug.yaml"]


def test_a_file_that_cannot_be_written_stays(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, say: nothing half-written is left."""
    workplace.write()
    before = workplace.path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProfileError, match="No space left"):
        lock_profile(workplace.path)

    assert workplace.path.read_bytes() == before
    assert sorted(path.name for path in workplace.folder.iterdir()) == ["images", "plug.yaml"]


def test_a_link_to_a_profile_stays_a_link(workplace: Workplace) -> None:
    """The file behind it is locked."""
    workplace.write()
    link = workplace.folder / "link.yaml"
    try:
        link.symlink_to(workplace.path)
    except OSError:
        pytest.skip("this system makes no links")

    lock_profile(link)

    assert link.is_symlink()
    assert "sha256" in workplace.path.read_text(encoding="utf-8")
