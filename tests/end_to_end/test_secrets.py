"""DeviceSecrets after whole shifts (I4): in the chip and encrypted in the ledger, and nowhere else in any spelling."""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from station.virtual.chip_model import ChipModel
from station.virtual.faults import Faults
from station.virtual.fixture import Unit
from station.virtual.flash_memory import FlashMemory
from tests.cli.calling import Done
from tests.end_to_end.conftest import Desk
from tests.end_to_end.quick_units import (
    APP_OFFSET,
    CREDENTIALS_OFFSET,
    PRODUCT_KEY,
    SLOW_BAUD,
    QuickApplication,
    mac_number,
    quick_fixture,
    unit_number,
    write_profile,
)
from tests.end_to_end.watched_station import WatchedStation, desk_in, last_progress

SECRETS = tuple(f"Marked{number}Secret{'0123456789abcdef'[number:]}" for number in range(6))


def spellings(secret: str) -> Iterator[bytes]:
    """The bytes by which a secret would be found: plain, reversed hex digits' case, base64 at any place, UTF-16."""
    raw = secret.encode("ascii")
    yield raw
    yield raw.hex().encode("ascii")
    yield raw.hex().upper().encode("ascii")
    for shift in range(3):
        # What stands before and after a value changes only the ends of its base64.
        middle = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
        yield middle
        yield middle.replace(b"+", b"-").replace(b"/", b"_")
    yield secret.encode("utf-16-le")
    yield secret.encode("utf-16-be")


def leaks(data: bytes) -> list[bytes]:
    return [spelling for secret in SECRETS for spelling in spellings(secret) if spelling in data]


@pytest.mark.parametrize(
    "hide",
    [
        lambda secret: f"value={secret};",
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(f"x{secret}yz".encode()).decode(),
        lambda secret: base64.b64encode(f"xy{secret}".encode()).decode(),
    ],
)
def test_the_search_finds_a_secret_in_each_spelling(hide: Callable[[str], str]) -> None:
    assert leaks(hide(SECRETS[3]).encode())
    assert leaks(f"{SECRETS[1]}".encode("utf-16"))
    assert not leaks(b"Marked and Secret, but none of ours")


class TellTale(QuickApplication):
    """Prints what stands in its credentials partition instead of starting as it should."""

    def start(self) -> None:
        held = self._flash.read(CREDENTIALS_OFFSET, 0x1000)
        words = [secret for secret in SECRETS if secret.encode() in held]
        self._console("".join(f"secret={word}\r\n" for word in words).encode() + b"no more\r\n")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "temporary").mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    desk = desk_in(tmp_path)
    write_profile(desk.profiles / "slow.yaml", baud=SLOW_BAUD)
    write_profile(desk.profiles / "hasty.yaml", boot_within="1s")
    csv = desk.profiles / "marked.csv"
    rows = "".join(f"marked-{number},{secret},{PRODUCT_KEY}\r\n" for number, secret in enumerate(SECRETS))
    csv.write_text(f"DeviceName,DeviceSecret,ProductKey\r\n{rows}", encoding="utf-8")
    done = desk.here("batch", "import", csv)
    assert done.code == 0
    assert not leaks((done.out + done.err).encode())
    csv.unlink()
    return desk


def said(done: Done) -> bytes:
    return (done.out + done.err).encode()


def looked_at(process_id: int) -> Iterator[bytes]:
    """Arguments and environment of a process and of its children."""
    place = Path(f"/proc/{process_id}")
    yield (place / "cmdline").read_bytes()
    yield (place / "environ").read_bytes()
    for task in (place / "task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            yield from looked_at(int(child))


def good_bad_and_killed_runs(desk: Desk, units: list[Unit]) -> list[bytes]:
    """Walk the units, each to another end; give what was said, and what the killed process showed of itself."""
    heard: list[bytes] = []
    quick, port = desk.profiles / "quick.yaml", "--port"
    with quick_fixture(units[0]) as fixture:
        done = desk.station("flash", quick, port, fixture.url, "--json")
        assert done.code == 0
        heard.append(said(done))
    with quick_fixture(units[1], faults=Faults(worn_cells={APP_OFFSET + 0x100: 1})) as fixture:
        done = desk.here("flash", quick, port, fixture.url)
        assert done.code == 1
        heard.append(said(done))
    with quick_fixture(units[2], boot=TellTale) as fixture:
        done = desk.here("flash", desk.profiles / "hasty.yaml", port, fixture.url, "--json")
        assert (done.code, done.verdicts[0]["code"]) == (1, "F31")
        assert "secret=***" in done.verdicts[0]["message"]
        heard.append(said(done))
    with (
        quick_fixture(units[3]) as fixture,
        WatchedStation(desk, "flash", desk.profiles / "slow.yaml", port, fixture.url) as station,
    ):
        station.wait_for(last_progress)
        if sys.platform.startswith("linux"):
            heard += looked_at(station.process.pid)
        station.process.kill()
        station.end()
        heard += [json.dumps(station.events).encode(), station.said_on_stderr.encode()]
    return heard


def refused_import(desk: Desk) -> bytes:
    """Import a file whose every row is wrong; give what was said."""
    wrong = desk.profiles / "wrong.csv"
    wrong.write_text(
        f"DeviceName,DeviceSecret,ProductKey\r\nmarked-0,{SECRETS[5]},{PRODUCT_KEY}\r\n"
        f"marked-9,{SECRETS[4]}!,{PRODUCT_KEY}\r\n{SECRETS[3]}\r\n",
        encoding="utf-8",
    )
    refused = desk.here("batch", "import", wrong)
    assert refused.code == 2
    wrong.unlink()
    return said(refused)


def test_after_good_bad_and_killed_runs_no_secret_stands_anywhere_but_in_the_chips(desk: Desk, tmp_path: Path) -> None:
    units: list[Unit] = [unit_number(number) for number in range(4)]
    heard = good_bad_and_killed_runs(desk, units)

    # The search would find them: the chips hold them.
    carried = [unit.flash.read(CREDENTIALS_OFFSET, 0x6000) for unit in units]
    assert [bool(leaks(flash)) for flash in carried] == [True] * 4

    heard.append(refused_import(desk))
    for words in (
        ("unit", "show", mac_number(0)),
        ("unit", "show", "marked-2", "--json"),
        ("batch", "show", "marked"),
        ("batch", "show", "marked", "--json"),
        ("doctor",),
        ("audit", "export", "--out", tmp_path / "audit.jsonl"),
        ("audit", "export", "--out", tmp_path / "audit.csv", "--format", "csv"),
    ):
        done = desk.here(*words)
        assert done.code == 0, done
        assert "marked" in done.out or words[0] in {"doctor", "audit"}
        heard.append(said(done))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"ledger.sqlite3", "ledger.key", "station.log", "audit.jsonl", "audit.csv"} <= names
    assert {str(path): leaks(path.read_bytes()) for path in files if leaks(path.read_bytes())} == {}
    assert [leaks(text) for text in heard if leaks(text)] == []


class Unheard(QuickApplication):
    """Speaks only the secret, so that every word of its console is one to hide."""

    def __init__(self, flash: FlashMemory, model: ChipModel, console: Callable[[bytes], None]) -> None:
        super().__init__(flash, model, console)
        self._words = flash.read(CREDENTIALS_OFFSET, 0x1000)

    def start(self) -> None:
        for secret in SECRETS:
            if secret.encode() in self._words:
                self._console(f"\x1b[31m{secret[:8]}\x1b[0m{secret[8:]}\r\n".encode())


def test_a_secret_in_pieces_of_colour_is_masked_too(desk: Desk) -> None:
    with quick_fixture(unit_number(1), boot=Unheard) as fixture:
        done = desk.here("flash", desk.profiles / "hasty.yaml", "--port", fixture.url)
    assert done.code == 1
    assert "***" in done.out
    assert not leaks(said(done))
