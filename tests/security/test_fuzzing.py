"""Bytes of any kind into every reader: a documented error or a result, in bounded time, and nothing else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import esptool.loader
import pytest
from esptool.loader import ESPLoader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.chip.chip_failures import translated
from station.chip.lane_port import LanePort
from station.errors import BatchError, CodedError
from station.image.esp_image import check_esp_image
from station.image.fault import ImageFault
from station.image.nvs import build_nvs_image
from station.image.nvs_entry import NvsEntry, NvsType
from station.image.nvs_reader import NvsUnreadable, read_nvs_image
from station.image.partition_table import find_partition_table, parse_partition_table
from station.ledger.console_csv import check_csv, read_certificates
from station.ledger.csv_bytes import survey
from station.ledger.secret_box import SecretBox
from station.profile.reading import draft_of
from station.profile.yaml_source import parse_yaml
from station.virtual.images import make_bench_images
from tests.security.flood import TalkingPort

modest = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PROFILE = (Path(__file__).parent.parent.parent / "profiles" / "training.yaml").read_text(encoding="utf-8")
CSV = b"DeviceName,DeviceSecret,ProductKey\n" + b"".join(b"unit-%d,secret%d,a1Training0\n" % (n, n) for n in range(8))
NVS = build_nvs_image(
    [
        NvsEntry("aliyun-key", "DeviceName", NvsType.string, "unit-1"),
        NvsEntry("aliyun-key", "blob", NvsType.blob, bytes(range(200)) * 20),
        NvsEntry("sdk", "port", NvsType.u16, 1883),
    ],
    0x4000,
)
BOX = SecretBox(bytes(32))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return folder / "training"


def mutated(original: bytes, reach: int | None = None) -> st.SearchStrategy[bytes]:
    """The original with some bytes changed (the first `reach` of it), and perhaps cut or prolonged."""
    places = st.integers(0, min(reach or len(original), len(original)) - 1)
    changes = st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)

    def change(parts: tuple[list[tuple[int, int]], int, bytes]) -> bytes:
        data = bytearray(original)
        for place, value in parts[0]:
            data[place] = value
        return bytes(data[: len(data) - parts[1]]) + parts[2]

    return st.tuples(changes, st.sampled_from([0, 0, 0, 1, 31, 32, 4096]), st.binary(max_size=8)).map(change)


def slip(frame: bytes) -> bytes:
    return b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def answers() -> st.SearchStrategy[bytes]:
    """What a chip could say: noise, frames of noise, and frames that look like answers."""
    head = st.builds(
        lambda op, rest: b"\x01" + bytes([op]) + rest, st.sampled_from([8, 9, 10, 0x14]), st.binary(max_size=40)
    )
    return st.lists(
        st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(slip), head.map(slip)), max_size=20
    ).map(b"".join)


@modest
@given(said=answers())
@pytest.mark.parametrize("question", ["sync", "register", "flash"])
def test_whatever_a_chip_answers_ends_in_an_error_of_ours_or_an_answer(question: str, said: bytes) -> None:
    port = LanePort(TalkingPort(said), "test", threading.Event())  # type: ignore[arg-type]  # a stand-in for serial.Serial
    at_once = mock.patch.object(esptool.loader, "SYNC_TIMEOUT", 0.0)
    with contextlib.suppress(CodedError), translated("test", "answer"), at_once:
        loader = ESPLoader(port, 115200)
        asked: dict[str, Callable[[], object]] = {
            "sync": loader.sync,
            "register": lambda: loader.read_reg(0x40001000, timeout=0.0),
            "flash": lambda: loader.check_command("x", 0x0A, resp_data_len=16, timeout=0.0),
        }
        asked[question]()


@modest
@given(data=st.one_of(st.binary(max_size=5000), mutated(NVS), st.lists(st.just(NVS[:4096]), max_size=3).map(b"".join)))
@pytest.mark.parametrize("tolerant", [False, True])
def test_any_nvs_partition_is_read_or_refused(tolerant: bool, data: bytes) -> None:
    with contextlib.suppress(NvsUnreadable):
        for entry in read_nvs_image(data, tolerant=tolerant).entries:
            entry.text()


@modest
@given(st.data())
def test_any_partition_table_is_read_or_refused(images: Path, draw: st.DataObject) -> None:
    table = (images / "partition-table.bin").read_bytes()
    rows = st.lists(st.binary(min_size=30, max_size=30).map(lambda row: b"\xaa\x50" + row), max_size=96).map(b"".join)
    data = draw.draw(st.one_of(st.binary(max_size=4096), rows, mutated(table, 400)))
    with contextlib.suppress(ImageFault):
        parse_partition_table(data)
    with contextlib.suppress(ImageFault):
        find_partition_table(bytes(0x7000) + data, 0x1000)


@modest
@given(st.data())
@pytest.mark.parametrize("name", ["bootloader.bin", "app.bin"])
def test_any_image_is_checked_or_refused(images: Path, name: str, draw: st.DataObject) -> None:
    image = (images / name).read_bytes()
    data = draw.draw(
        st.one_of(st.binary(max_size=2000), st.binary(max_size=200).map(b"\xe9".__add__), mutated(image, 400))
    )
    with contextlib.suppress(ImageFault):
        check_esp_image(data, "image")


@modest
@given(
    data=st.one_of(
        st.binary(min_size=1, max_size=2000), mutated(CSV), st.text(max_size=300).map(lambda t: t.encode("utf-8"))
    )
)
def test_any_csv_is_read_or_refused_without_a_control_code(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes(data)
    try:
        checked = check_csv(survey(path, BOX.digest()))
        assert len(list(read_certificates(checked, BOX))) == checked.rows
    except BatchError as error:
        assert all(line.isprintable() for line in str(error).split("\n")), ascii(str(error))  # noqa: PT017  refusing is one of two right ends


yaml_pieces = st.lists(
    st.sampled_from(
        ["&a ", "*a ", "!!python/object/apply:os.system ", "- ", "? ", ": ", "{", "}", "[", "]", "|\n", "<<: ", "\n", "  ", "'",
         '"', "#", "---\n", "%YAML 9.9\n", "0x", "1e999", "\t", "\0", "\u2028", "\ud7ff", "name", "firmware:", "\\x"]
    ),
    max_size=60,
).map("".join)  # fmt: skip


@modest
@given(
    text=st.one_of(
        yaml_pieces, st.text(max_size=300), mutated(PROFILE.encode()).map(lambda b: b.decode("utf-8", "replace"))
    )
)
def test_any_yaml_is_a_draft_with_its_faults(text: str) -> None:
    draft = draft_of(parse_yaml(Path("fuzz.yaml"), text))
    assert draft.profile is not None or draft.source.faults or draft.faults


@modest
@given(parts=st.lists(st.sampled_from(["a", "\x1b[2J", "\u202e", "\x07", "é", ","]), min_size=1, max_size=12))
def test_a_device_name_with_codes_for_a_terminal_is_refused_and_shown_without_them(
    tmp_path: Path, parts: list[str]
) -> None:
    name = "unit" + "".join(parts) + "\x1b"
    path = tmp_path / "codes.csv"
    path.write_text(f"DeviceName,DeviceSecret,ProductKey\n{name},secret1,a1Training0\n", encoding="utf-8")
    with pytest.raises(BatchError) as caught:
        check_csv(survey(path, BOX.digest()))
    assert all(line.isprintable() for line in str(caught.value).split("\n"))
