"""The key file and what it seals."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from sqlalchemy import text

from station.certificate import Identity, Secret
from station.errors import Code, LedgerFault
from station.ledger import Ledger
from station.ledger.secret_box import SecretBox, make_key, read_key
from station.verdict import Verdict
from tests.ledger.making import begin

posix_only = pytest.mark.skipif(os.name != "posix", reason="rights of this kind are POSIX's")


def test_the_key_is_made_once_and_only_its_owner_may_read_it(data: Path) -> None:
    Ledger.open(data).close()
    first = (data / "ledger.key").read_bytes()
    Ledger.open(data).close()

    assert (data / "ledger.key").read_bytes() == first
    if os.name == "posix":
        assert (data / "ledger.key").stat().st_mode & 0o777 == 0o600


def test_a_lost_key_is_refused_and_no_new_one_is_made(data: Path) -> None:
    Ledger.open(data).close()
    (data / "ledger.key").unlink()

    with pytest.raises(LedgerFault) as caught:
        Ledger.open(data)

    assert caught.value.code is Code.KEY_MISSING
    assert caught.value.place == str(data / "ledger.key")
    assert not (data / "ledger.key").exists()


def test_the_key_of_another_ledger_is_refused(data: Path, tmp_path: Path) -> None:
    Ledger.open(data).close()
    (data / "ledger.key").unlink()
    make_key(data / "ledger.key")

    with pytest.raises(LedgerFault, match="another ledger") as caught:
        Ledger.open(data)

    assert caught.value.code is Code.KEY_WRONG


@pytest.mark.parametrize("content", [b"", b"hello", b"station-ledger-key-v1:AAAA\n", b"\xff\xfe\x00", b"x" * 10_000])
def test_a_file_that_is_no_key_is_refused(data: Path, content: bytes) -> None:
    Ledger.open(data).close()
    (data / "ledger.key").write_bytes(content)

    with pytest.raises(LedgerFault) as caught:
        Ledger.open(data)

    assert caught.value.code is Code.KEY_WRONG


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_key_that_others_can_reach_is_refused_with_the_mend(data: Path, mode: int) -> None:
    Ledger.open(data).close()
    (data / "ledger.key").chmod(mode)

    with pytest.raises(LedgerFault, match=f"chmod 600 {data / 'ledger.key'}") as caught:
        Ledger.open(data)

    assert caught.value.code is Code.KEY_EXPOSED


def test_a_secret_opens_only_in_its_own_row_and_field(tmp_path: Path) -> None:
    make_key(tmp_path / "ledger.key")
    box = SecretBox(read_key(tmp_path / "ledger.key"))
    sealed = box.seal("pk", "name", "DeviceSecret", "s3cret")

    assert box.open(Identity("pk", "name"), "DeviceSecret", sealed) == Secret("s3cret")
    for identity, field in (
        (Identity("pk", "other"), "DeviceSecret"),
        (Identity("other", "name"), "DeviceSecret"),
        (Identity("pk", "name"), "ProductSecret"),
    ):
        with pytest.raises(LedgerFault):
            box.open(identity, field, sealed)


def test_the_same_secret_is_sealed_differently_each_time_and_has_one_fingerprint() -> None:
    box = SecretBox(bytes(32))

    assert box.seal("pk", "name", "f", "s") != box.seal("pk", "name", "f", "s")
    assert box.fingerprint("pk", "s") == box.fingerprint("pk", "s") != box.fingerprint("pk2", "s")
    assert box.fingerprint("pk", "s") != SecretBox(bytes(31) + b"\1").fingerprint("pk", "s")


def test_nothing_shows_the_key() -> None:
    box = SecretBox(b"k" * 32)

    assert "k" * 8 not in repr(box)
    with pytest.raises(TypeError):
        pickle.dumps(Secret("s"))


def test_a_secret_moved_to_another_row_is_noticed(stocked: Ledger) -> None:
    with stocked._database.writing() as connection:
        connection.execute(
            text("UPDATE certificates SET secrets = (SELECT secrets FROM certificates WHERE id = 2) WHERE id = 1")
        )
    run = begin(stocked, 1)

    with pytest.raises(LedgerFault) as caught:
        stocked.allocate(run)

    assert caught.value.code is Code.LEDGER_UNREADABLE
    stocked.finish_run(run, Verdict.ERROR, seconds=1.0, code=caught.value.code, message="")
    assert stocked.left("batch") == 10
