"""What bad input gets: one clear message with place, cause and mend, the exit code of the contract, and an unchanged ledger."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
import yaml

from station.ledger import Ledger
from station.virtual.fixture import Fixture
from tests.batch_csv import write_batch_csv
from tests.cli.calling import Done, call
from tests.end_to_end.conftest import Desk, clean_environment
from tests.end_to_end.quick_units import (
    PRODUCT_KEY,
    make_product,
    quick_fixture,
    unit_number,
    write_profile,
)
from tests.end_to_end.watched_station import WatchedStation, waiting

NO_PORT = "rfc2217://127.0.0.1:9"
SECRET = "5ec2e7" + "0" * 26
HEADER = "DeviceName,DeviceSecret,ProductKey\r\n"


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product folder with a data folder in it that holds the batch `unit`; every test works on a copy."""
    folder = tmp_path_factory.mktemp("stocked")
    make_product(folder)
    write_batch_csv(folder / "unit.csv", PRODUCT_KEY, 3)
    with Ledger.open(folder / "data") as ledger:
        ledger.import_batch(folder / "unit.csv")
    return folder


@pytest.fixture
def desk(stocked: Path, tmp_path: Path) -> Desk:
    shutil.copytree(stocked, tmp_path / "work")
    return Desk(tmp_path / "work" / "data", tmp_path / "work")


@pytest.fixture
def fixture() -> Iterator[Fixture]:
    with quick_fixture(unit_number(1)) as fixture:
        yield fixture


def ledger_text(desk: Desk) -> list[str]:
    """Everything that stands in the ledger, as SQL; nothing when there is none that can be read.

    Signatures are left out: a shift that ends signs the audit log's head, also where nothing else was changed.
    """
    file = desk.data / "ledger.sqlite3"
    if not file.is_file():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        try:
            return [line for line in database.iterdump() if not line.startswith('INSERT INTO "audit_signatures"')]
        except sqlite3.DatabaseError:
            return []


def refused(
    desk: Desk, *words: object, status: int, code: str, place: str, cause: str, as_process: bool = False
) -> None:
    """A command is refused in the way of the contract and changes nothing in the ledger; for a person and as JSON."""
    before = ledger_text(desk)
    told = desk.station(*words) if as_process else desk.here(*words)
    for_program = desk.here(*words, "--json")
    assert (told.code, told.out) == (status, ""), told
    assert told.err.startswith(f"station: {code}: "), told.err
    assert "Traceback" not in told.err
    assert (for_program.code, for_program.err) == (status, ""), for_program
    (error,) = for_program.events
    assert set(error) == {"event", "code", "place", "cause", "mend", "faults"}
    assert (error["event"], error["code"]) == ("error", code)
    sentences = [error["cause"], *(fault["cause"] for fault in error["faults"])]
    places = [error["place"], *(fault["file"] for fault in error["faults"])]
    assert any(cause in sentence for sentence in sentences), error
    assert any(place in named for named in places), error
    assert error["mend"]
    assert all(sentence in told.err for sentence in sentences)
    assert SECRET not in told.err + for_program.out
    assert ledger_text(desk) == before


# Certificate files


def xlsx() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    return data.getvalue()


CSV_MISTAKES = {
    "empty": (b"", "empty"),
    "header alone": (HEADER.encode(), "no certificate"),
    "no header": (f"a-1,{SECRET},{PRODUCT_KEY}\r\n".encode(), "header"),
    "missing column": (f"DeviceName,ProductKey\r\na-1,{PRODUCT_KEY}\r\n".encode(), "DeviceSecret"),
    "a name twice": (
        f"{HEADER}name-1,{SECRET},{PRODUCT_KEY}\r\nname-1,{SECRET[::-1]},{PRODUCT_KEY}\r\n".encode(),
        "name-1",
    ),
    "a secret twice": (
        f"{HEADER}name-1,{SECRET},{PRODUCT_KEY}\r\nname-2,{SECRET},{PRODUCT_KEY}\r\n".encode(),
        "line 2",
    ),
    "two products": (
        f"{HEADER}name-1,{SECRET},{PRODUCT_KEY}\r\nname-2,{SECRET[::-1]},a1Other\r\n".encode(),
        "a1Other",
    ),
    "broken quoting": (f'{HEADER}"name-1,{SECRET},{PRODUCT_KEY}\r\n'.encode(), "quotation mark"),
    "cut in mid-row": (f"{HEADER}name-1,{SECRET},{PRODUCT_KEY}\r\nname-2,ab".encode(), "ends in the middle"),
    "another secret than the ledger's": (f"{HEADER}unit-000001,{SECRET},{PRODUCT_KEY}\r\n".encode(), "unit-000001"),
    "a renamed spreadsheet": (xlsx(), "spreadsheet"),
    "noise": (bytes(range(256)) * 8, ""),
}


@pytest.mark.parametrize("mistake", list(CSV_MISTAKES))
def test_a_certificate_file_with_a_mistake_is_refused(desk: Desk, mistake: str) -> None:
    content, cause = CSV_MISTAKES[mistake]
    file = desk.profiles / "bad.csv"
    file.write_bytes(content)
    refused(
        desk, "batch", "import", file, status=2, code="I30", place="bad.csv", cause=cause, as_process=mistake == "noise"
    )


def test_a_certificate_file_of_another_product_is_refused(desk: Desk) -> None:
    write_batch_csv(desk.profiles / "other.csv", "a1Other", 2)
    words = ("batch", "import", desk.profiles / "other.csv", "--product-key", PRODUCT_KEY)
    refused(desk, *words, status=2, code="I30", place="other.csv", cause="a1Other")


@pytest.mark.parametrize("name", ["nothing-here.csv", "a-folder"])
def test_a_certificate_file_that_cannot_be_read_is_refused(desk: Desk, name: str) -> None:
    (desk.profiles / "a-folder").mkdir()
    refused(desk, "batch", "import", desk.profiles / name, status=2, code="I30", place=name, cause="")


# Batches


def test_an_unknown_batch_is_refused_with_the_nearest_name(desk: Desk) -> None:
    words = ("flash", desk.profiles / "quick.yaml", "--port", NO_PORT, "--batch", "unti")
    refused(desk, *words, status=2, code="I10", place="", cause="unti")
    assert "unit" in desk.here(*words).err.replace("unti", "")


def test_a_batch_of_another_product_is_refused(desk: Desk) -> None:
    write_batch_csv(desk.profiles / "other.csv", "a1Other", 2)
    assert desk.here("batch", "import", desk.profiles / "other.csv").code == 0
    words = ("flash", desk.profiles / "quick.yaml", "--port", NO_PORT, "--batch", "other")
    refused(desk, *words, status=2, code="I10", place="quick.yaml", cause="a1Other")


def test_a_product_without_certificates_is_told_to_import_some(desk: Desk) -> None:
    write_profile(desk.profiles / "new.yaml", product_key="a1New")
    words = ("flash", desk.profiles / "new.yaml", "--port", NO_PORT)
    refused(desk, *words, status=2, code="I10", place="new.yaml", cause="no certificates of product a1New")


def test_two_batches_to_choose_from_are_named(desk: Desk) -> None:
    write_batch_csv(desk.profiles / "second.csv", PRODUCT_KEY, 2, prefix="second")
    assert desk.here("batch", "import", desk.profiles / "second.csv").code == 0
    words = ("flash", desk.profiles / "quick.yaml", "--port", NO_PORT)
    refused(desk, *words, status=2, code="I10", place="quick.yaml", cause="unit, second")


# The data folder


def other_key(desk: Desk) -> None:
    with Ledger.open(desk.data.parent / "other"):
        pass
    shutil.copy2(desk.data.parent / "other" / "ledger.key", desk.data / "ledger.key")


def folder_in_the_ledgers_place(desk: Desk) -> None:
    (desk.data / "ledger.sqlite3").unlink()
    (desk.data / "ledger.sqlite3").mkdir()


def damaged(desk: Desk) -> None:
    with (desk.data / "ledger.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(200_000))


LEDGER_FAULTS: dict[str, tuple[Callable[[Desk], object], str, str]] = {
    "no database": (
        lambda desk: (desk.data / "ledger.sqlite3").write_text("no database\n" * 500, encoding="utf-8"),
        "E20",
        "ledger.sqlite3",
    ),
    "damaged": (damaged, "E20", "ledger.sqlite3"),
    "gone": (lambda desk: (desk.data / "ledger.sqlite3").unlink(), "E20", "ledger.sqlite3"),
    "a folder in its place": (folder_in_the_ledgers_place, "E2", "ledger.sqlite3"),
    "key gone": (lambda desk: (desk.data / "ledger.key").unlink(), "E23", "ledger.key"),
    "key of another ledger": (other_key, "E24", "ledger.key"),
}


@pytest.mark.parametrize("fault", list(LEDGER_FAULTS))
def test_a_ledger_that_cannot_be_opened_is_the_stations_fault(desk: Desk, fault: str) -> None:
    arrange, code, place = LEDGER_FAULTS[fault]
    arrange(desk)
    words = ("flash", desk.profiles / "quick.yaml", "--port", NO_PORT)
    if code == "E2":  # SQLite tells a folder apart by its place only
        code = desk.here(*words, "--json").events[0]["code"]
        assert code in {"E20", "E22"}
    refused(desk, *words, status=3, code=code, place=place, cause="", as_process=fault == "damaged")
    looked = desk.here("doctor", "--json")
    assert looked.code == 3
    assert [finding["health"] for finding in json.loads(looked.out) if finding["subject"] == "ledger"] == ["bad"]


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX's")
def test_a_key_that_others_can_read_is_refused_with_the_command_that_mends_it(desk: Desk) -> None:
    (desk.data / "ledger.key").chmod(0o644)
    refused(desk, "batch", "list", status=3, code="E25", place="ledger.key", cause="", as_process=True)
    assert "chmod 600" in desk.here("batch", "list").err


def test_a_ledger_that_another_program_holds_is_busy(desk: Desk) -> None:
    write_batch_csv(desk.profiles / "second.csv", PRODUCT_KEY, 2, prefix="second")
    with contextlib.closing(sqlite3.connect(desk.data / "ledger.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE").close()
        done = desk.station("batch", "import", desk.profiles / "second.csv", "--json")
    assert (done.code, done.events[0]["code"], done.err) == (3, "E21", "")


@pytest.mark.parametrize("words", [("batch", "list"), ("flash", "quick.yaml", "--port", NO_PORT), ("demo", "--auto")])
def test_a_data_folder_that_is_a_file_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    desk.data.rename(desk.profiles / "elsewhere")
    desk.data.write_text("a file", encoding="utf-8")
    done = desk.here(*words, "--json")
    assert (done.code, done.err) == (2, "")
    assert done.events[0]["code"] == "I10"
    assert desk.data.name in done.events[0]["cause"]
    named = run_with({"STATION_DATA": str(desk.data)}, *words)
    assert named.code in {2, 3}
    assert str(desk.data) in named.err
    assert "Traceback" not in named.err
    assert desk.data.read_text(encoding="utf-8") == "a file"


def test_doctor_tells_a_data_folder_that_is_a_file(desk: Desk) -> None:
    named = run_with({"STATION_DATA": str(desk.profiles / "quick.yaml")}, "doctor", "--json")
    assert named.code == 3
    assert [finding["health"] for finding in json.loads(named.out) if finding["subject"] == "data folder"] == ["bad"]


def run_with(environment: dict[str, str], *words: str) -> Done:
    with mock.patch.dict(os.environ, clean_environment() | environment, clear=True):
        return call(*words)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB, where this user may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=3m", "none", str(place)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("this user may not make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def test_a_full_disk_stops_a_run_which_goes_on_once_there_is_space(
    desk: Desk, small_disk: Path, fixture: Fixture
) -> None:
    shutil.copytree(desk.data, small_disk / "data")
    full = Desk(small_disk / "data", desk.profiles)
    before = ledger_text(full)
    filler = fill(small_disk)
    words = ("flash", desk.profiles / "quick.yaml", "--port", fixture.url, "--json")
    done = full.station(*words)
    assert (done.code, done.events[-1]["code"], done.err) == (3, "E27", ""), done
    write_batch_csv(desk.profiles / "second.csv", PRODUCT_KEY, 2000, prefix="second")
    imported = full.station("batch", "import", desk.profiles / "second.csv", "--json")
    assert (imported.code, imported.events[-1]["code"], imported.err) == (3, "E27", "")
    filler.unlink()
    assert ledger_text(full) == before
    again = full.station(*words)
    assert (again.code, again.verdicts[0]["verdict"]) == (0, "PASS")


def test_a_first_start_on_a_full_disk_can_be_repeated(desk: Desk, small_disk: Path) -> None:
    filler = fill(small_disk)
    first = Desk(small_disk / "data", desk.profiles)
    done = first.station("batch", "list", "--json")
    assert (done.code, done.events[0]["code"], done.err) == (3, "E27", "")
    filler.unlink()
    assert first.station("batch", "list").code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_an_output_that_cannot_be_written_ends_the_command_in_good_order(desk: Desk, fixture: Fixture) -> None:
    for words in (("batch", "list"), ("flash", desk.profiles / "quick.yaml", "--port", fixture.url)):
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            done = subprocess.run(
                desk.arguments(*words),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                timeout=100,
                check=False,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
            )
        assert done.returncode == 3
        assert done.stderr.startswith("station: E27: standard output")
        assert len(done.stderr.splitlines()) == 1


# Ports


def verdict_of(desk: Desk, port: str) -> tuple[int, str, str]:
    before = ledger_text(desk)
    done = desk.here("flash", desk.profiles / "quick.yaml", "--port", port, "--json")
    assert done.err == ""
    (verdict,) = done.verdicts
    assert verdict["mend"]
    assert port in verdict["message"]
    assert ledger_text(desk) == before
    return done.code, verdict["verdict"], verdict["code"]


@pytest.mark.parametrize("port", ["/dev/ttyNOTHERE", NO_PORT, "rfc2217://", "rfc2217://127.0.0.1", "nonsense://x", "x"])
def test_a_port_that_does_not_exist_is_the_stations_fault(desk: Desk, port: str) -> None:
    assert verdict_of(desk, port) == (3, "ERROR", "E10")


def test_a_file_is_no_port(desk: Desk) -> None:
    assert verdict_of(desk, str(desk.profiles / "quick.yaml")) == (3, "ERROR", "E10")


def test_two_stations_given_the_same_port_are_kept_apart(desk: Desk) -> None:
    with (
        quick_fixture() as fixture,
        WatchedStation(desk, "flash", desk.profiles / "quick.yaml", "--port", fixture.url) as first,
    ):
        first.wait_for(waiting("insert_unit"))
        assert verdict_of(desk, fixture.url) == (3, "ERROR", "E11")
        fixture.insert(unit_number(1))
        assert first.end() == 0


@pytest.mark.parametrize("command", ["flash", "run"])
def test_two_lanes_given_the_same_port_are_refused(desk: Desk, command: str) -> None:
    words = (command, desk.profiles / "quick.yaml", "--port", "rfc2217://localhost:4000", "--port")
    refused(desk, *words, "rfc2217://127.0.0.1:4000", status=2, code="I10", place="127.0.0.1:4000", cause="two lanes")


# Profiles


def without_image(desk: Desk) -> None:
    (desk.profiles / "app.bin").unlink()


def changed_image(desk: Desk) -> None:
    assert desk.here("profile", "lock", desk.profiles / "quick.yaml").code == 0
    data = bytearray((desk.profiles / "app.bin").read_bytes())
    data[-1] ^= 1
    (desk.profiles / "app.bin").write_bytes(data)


def unknown_key(desk: Desk) -> None:
    change_profile(desk, lambda content: content.update(bauds=[115200]))


def two_mistakes(desk: Desk) -> None:
    change_profile(desk, lambda content: content.update(chip="esp33", flash_size="5MB"))


def change_profile(desk: Desk, change: Callable[[dict[str, object]], None]) -> None:
    file = desk.profiles / "quick.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


def write(text: str) -> Callable[[Desk], object]:
    return lambda desk: (desk.profiles / "quick.yaml").write_text(text, encoding="utf-8")


PROFILE_MISTAKES: dict[str, tuple[Callable[[Desk], object], str]] = {
    "not there": (lambda desk: (desk.profiles / "quick.yaml").unlink(), "does not exist"),
    "empty": (write(""), ""),
    "no YAML": (write("schema: [1"), ""),
    "an unknown key": (unknown_key, "bauds"),
    "two mistakes": (two_mistakes, "esp33"),
    "no image": (without_image, "app.bin"),
    "a changed image": (changed_image, "app.bin"),
}


@pytest.mark.parametrize("mistake", list(PROFILE_MISTAKES))
def test_a_profile_with_a_mistake_is_refused_before_any_unit_is_touched(desk: Desk, mistake: str) -> None:
    arrange, cause = PROFILE_MISTAKES[mistake]
    arrange(desk)
    words = ("flash", desk.profiles / "quick.yaml", "--port", NO_PORT)
    refused(desk, *words, status=2, code="I20", place="", cause=cause, as_process=mistake == "two mistakes")


def test_a_folder_is_no_profile(desk: Desk) -> None:
    words = ("flash", desk.profiles, "--port", NO_PORT)
    refused(desk, *words, status=2, code="I20", place=str(desk.profiles), cause="")


# Usage


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("flash", "quick.yaml", "--prot", "COM7"), "--port"),
        (("flash",), "PROFILE"),
        (("flash", "quick.yaml", "--units", "0"), "--units"),
        (("flsh",), "'flash'"),
        (("batch", "imprt"), "'import'"),
        (("batch", "import"), "FILE"),
        (("batch", "list", "--lang", "xx"), "zh-CN"),
        (("demo", "--lanes", "17"), "--lanes"),
        (("unit", "void", "24:0a:c4:00:10:01"), "--reason"),
    ],
)
def test_bad_usage_ends_with_2_and_says_what_is_right(desk: Desk, words: tuple[str, ...], cause: str) -> None:
    told = desk.station(*words) if words == ("flsh",) else desk.here(*words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Usage: station ")
    assert "Traceback" not in told.err
    assert cause in told.err
    for_program = desk.here(*words, "--json")
    assert (for_program.code, for_program.err) == (2, "")
    (error,) = for_program.events
    assert (error["event"], error["code"]) == ("error", "I10")
    assert cause in error["cause"]
    assert "--help" in error["mend"]


def test_the_screen_without_a_terminal_is_refused(desk: Desk) -> None:
    words = ("run", desk.profiles / "quick.yaml", "--port", NO_PORT)
    refused(desk, *words, status=2, code="I10", place="", cause="terminal", as_process=True)


def test_global_options_stand_before_or_after_the_command(desk: Desk) -> None:
    expected = desk.station("batch", "list", "--json")
    assert json.loads(expected.out)[0]["name"] == "unit"
    data = ("--data", str(desk.data))
    for words in (
        (*data, "--json", "batch", "list"),
        ("batch", *data, "--json", "list"),
        ("batch", "list", *data, "--json"),
        ("--json", "batch", "list", *data),
    ):
        assert run_with({}, *words) == expected
    assert run_with({"STATION_DATA": str(desk.data)}, "batch", "list", "--json") == expected
    # The option wins over the environment.
    assert run_with({"STATION_DATA": "/nowhere"}, "batch", "list", *data, "--json") == expected


def test_errors_are_json_wherever_the_option_stands(desk: Desk) -> None:
    for words in (("--json", "batch", "show", "unti"), ("batch", "--json", "show", "unti")):
        done = desk.here(*words)
        assert (done.code, done.err, done.events[0]["code"]) == (2, "", "I10")
