"""Filesystem images: few blocks, and the same files whatever lies in the others."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from littlefs import LittleFS, UserContext

from station.image import filesystem
from station.image.fault import ImageFault
from station.image.filesystem import BLOCK_BYTES, Block, build_littlefs, build_littlefs_of, read_folder

SIZE = 0x200000
FILES = {
    "main.py": b"print('hello')\n",
    "lib/mqtt.py": b"# mqtt\n" * 2000,
    "lib/deep/empty.txt": b"",
    "data.bin": bytes(range(256)) * 100,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "app" / "__pycache__").mkdir()
    (tmp_path / "app" / "__pycache__" / "main.pyc").write_bytes(b"x")
    (tmp_path / "app" / ".hidden").write_bytes(b"x")
    return tmp_path / "app"


def mounted(flash: bytes) -> LittleFS:
    """Mount as MicroPython does: with the block count of the partition."""
    made = LittleFS(
        UserContext(buffer=bytearray(flash)),
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=len(flash) // BLOCK_BYTES,
        read_size=32,
        prog_size=32,
        cache_size=128,
        lookahead_size=32,
        disk_version=0x00020000,
    )
    made.mount()
    return made


def files_in(made: LittleFS) -> dict[str, bytes]:
    found = {}
    for folder, _, names in made.walk("/"):
        for name in names:
            path = f"{folder}/{name}".strip("/")
            with made.open(path, "rb") as file:
                found[path] = file.read()
    return found


def written_over(flash: bytes, blocks: tuple[Block, ...]) -> bytes:
    image = bytearray(flash)
    for block in blocks:
        image[block.offset_bytes : block.offset_bytes + len(block.data)] = block.data
    return bytes(image)


def test_the_files_are_there_on_blank_flash(folder: Path) -> None:
    made = mounted(written_over(b"\xff" * SIZE, build_littlefs(folder, SIZE)))
    assert files_in(made) == FILES
    assert made.fs_stat().disk_version == 0x00020000
    assert made.fs_stat().block_count == SIZE // BLOCK_BYTES


def old_filesystem(size: int) -> bytes:
    """Give flash with another filesystem whose blocks were rewritten many times, so that their revisions are high."""
    made = mounted(written_over(b"\xff" * size, build_littlefs_of({"old.py": b"old" * 3000, "lib/a": b"a"}, size)))
    for turn in range(300):
        with made.open("lib/a", "wb") as file:
            file.write(bytes([turn % 256]) * 100)
    return bytes(made.context.buffer)


@pytest.mark.parametrize("leftover", ["zeros", "noise", "old filesystem"])
def test_the_files_are_there_whatever_the_chip_held(folder: Path, leftover: str) -> None:
    flash = {
        "zeros": lambda: bytes(SIZE),
        "noise": lambda: Random(1).randbytes(SIZE),  # noqa: S311 - leftovers
        "old filesystem": lambda: old_filesystem(SIZE),
    }[leftover]()
    made = mounted(written_over(flash, build_littlefs(folder, SIZE)))
    assert files_in(made) == FILES
    with made.open("new.txt", "wb") as file:
        file.write(b"n" * 50_000)
    assert files_in(made) == FILES | {"new.txt": b"n" * 50_000}


def test_only_the_blocks_in_use_are_given(folder: Path) -> None:
    blocks = build_littlefs(folder, SIZE)
    total = sum(len(block.data) for block in blocks)
    assert total < sum(map(len, FILES.values())) + 12 * BLOCK_BYTES
    ends = [block.offset_bytes + len(block.data) for block in blocks]
    assert all(block.offset_bytes > end for block, end in zip(blocks[1:], ends, strict=False)), "neighbours are merged"
    assert all(block.offset_bytes % BLOCK_BYTES == len(block.data) % BLOCK_BYTES == 0 for block in blocks)
    assert ends[-1] <= SIZE


def test_both_halves_of_every_metadata_pair_are_given() -> None:
    """Left out because it is blank, a half would be taken from the old filesystem, whose revision is higher."""
    blocks = build_littlefs_of({"a": b"1", "lib/b": b"2"}, SIZE)
    pieces = [block.data[at : at + BLOCK_BYTES] for block in blocks for at in range(0, len(block.data), BLOCK_BYTES)]
    assert len(pieces) == 4
    assert b"\xff" * BLOCK_BYTES in pieces
    assert files_in(mounted(written_over(old_filesystem(SIZE), blocks))) == {"a": b"1", "lib/b": b"2"}


def test_the_same_folder_gives_the_same_blocks(folder: Path) -> None:
    first = build_littlefs(folder, SIZE)
    (folder / "main.py").touch()
    assert build_littlefs(folder, SIZE) == first


def test_hidden_files_and_caches_are_left_out(folder: Path) -> None:
    assert set(read_folder(folder)) == {*FILES, "lib", "lib/deep"}


def test_a_folder_that_does_not_fit_is_refused(folder: Path) -> None:
    with pytest.raises(ImageFault, match=r"39615 bytes in 6 files do not fit a littlefs of 24576 bytes"):
        build_littlefs(folder, 6 * BLOCK_BYTES)


@pytest.mark.parametrize("size", [0, 0x1000, 0x3000, 0x200001])
def test_a_size_that_is_no_littlefs_is_refused(size: int) -> None:
    with pytest.raises(ImageFault, match="cannot hold a littlefs"):
        build_littlefs_of({"a": b"1"}, size)


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageFault, match="is no folder"):
        build_littlefs(tmp_path / "missing", SIZE)
    (tmp_path / ".hidden").write_bytes(b"x")
    with pytest.raises(ImageFault, match="holds no file"):
        build_littlefs(tmp_path, SIZE)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_to_a_folder_is_refused(folder: Path) -> None:
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    with pytest.raises(ImageFault, match="is a link to a folder"):
        build_littlefs(folder, SIZE)
    (folder / "loop").unlink()
    (folder / "dangling").symlink_to(folder / "nowhere")
    with pytest.raises(ImageFault, match="dangling cannot be read"):
        build_littlefs(folder, SIZE)


def test_many_files_in_one_folder_are_there() -> None:
    files = {f"f{index:03}.py": b"x" * index for index in range(200)}
    assert files_in(mounted(written_over(bytes(SIZE), build_littlefs_of(files, SIZE)))) == files


def test_an_image_that_does_not_read_back_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_write_files", lambda context, _: filesystem._filesystem(context).format())
    with pytest.raises(ImageFault, match="does not read back as it was meant: its files differ"):
        build_littlefs_of({"a": b"1"}, SIZE)
    monkeypatch.setattr(filesystem, "_write_files", lambda *_: None)
    with pytest.raises(ImageFault, match="does not read back as it was meant: LittleFSError -84"):
        build_littlefs_of({"a": b"1"}, SIZE)
