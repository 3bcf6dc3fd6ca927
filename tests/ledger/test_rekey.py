"""The key of a ledger: where it comes from, and how it changes while lanes run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from sqlalchemy import text

from station.errors import Code, LedgerFault, UsageError
from station.ledger import Ledger
from station.ledger import key_sources as sources
from station.ledger.key_source import KeySource
from tests.ledger.making import begin, name, secret, write_csv
from tests.ledger.memory_keyring import MemoryKeyring

PHRASE = "four words nobody expects"
OTHER = "another four unexpected words"
CERTIFICATES = 2500


@pytest.fixture(autouse=True)
def _cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SCRYPT_N", 2**10)


@pytest.fixture
def vault() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    vault = MemoryKeyring()
    keyring.set_keyring(vault)
    yield vault
    keyring.set_keyring(before)


def says(answer: str) -> Callable[[str], str]:
    return lambda _question: answer


def no_pause(_seconds: float) -> None:
    pass


def allocated(ledger: Ledger, unit: int) -> tuple[str, str]:
    run = begin(ledger, unit, batch=ledger.batches()[0].name)
    certificate = ledger.allocate(run).certificate
    return certificate.identity.device_name, certificate.device_secret.reveal()


def key_ids(ledger: Ledger) -> set[int]:
    with ledger._database.reading() as connection:
        return {row[0] for row in connection.execute(text("SELECT DISTINCT key_id FROM certificates"))}


def key_rows(ledger: Ledger) -> list[tuple[int, str, bool]]:
    with ledger._database.reading() as connection:
        query = text("SELECT id, source, other_key IS NOT NULL FROM ledger_keys ORDER BY id")
        return [(row[0], row[1], bool(row[2])) for row in connection.execute(query)]


def stock(ledger: Ledger, tmp_path: Path, count: int = CERTIFICATES) -> None:
    ledger.import_batch(write_csv(tmp_path / "stock.csv", range(1, count + 1)))


def test_a_new_key_opens_what_the_old_one_sealed_and_the_old_file_is_named(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path)
        result = ledger.rekey(pause=no_pause)
        assert (result.source, result.rows, result.resumed) == (KeySource.FILE, CERTIFICATES, False)
        assert result.old_place == str(data / "ledger.key")
        assert key_ids(ledger) == {2}
        assert key_rows(ledger) == [(2, "file", False)]
    (data / "ledger.key").unlink()
    with Ledger.open(data) as ledger:
        assert allocated(ledger, 1) == (name(1), secret(1))


def test_the_same_file_is_known_again_after_the_key_has_changed(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path)
        ledger.rekey(pause=no_pause)
        again = ledger.import_batch(tmp_path / "stock.csv")
        assert (again.imported, again.already_there) == (0, CERTIFICATES)
        other = ledger.import_batch(write_csv(tmp_path / "more.csv", range(CERTIFICATES, CERTIFICATES + 3)))
        assert (other.imported, other.already_there) == (2, 1)


def test_the_keyring_keeps_the_key_and_the_data_folder_does_not(
    data: Path, tmp_path: Path, vault: MemoryKeyring
) -> None:
    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path, 3)
        ledger.rekey(KeySource.KEYRING)
    assert len(vault.held) == 1
    with Ledger.open(data) as ledger:
        assert allocated(ledger, 1)[1] == secret(1)
        ledger.rekey(KeySource.KEYRING)
    assert len(vault.held) == 1
    vault.held.clear()
    with pytest.raises(LedgerFault, match="holds no key of this ledger") as caught:
        Ledger.open(data)
    assert caught.value.code is Code.KEY_MISSING


def test_a_keyring_that_keeps_nothing_safe_is_refused(ledger: Ledger, vault: MemoryKeyring) -> None:
    type(vault).priority = 0.5
    try:
        with pytest.raises(LedgerFault, match="no keyring that keeps a key safe"):
            ledger.rekey(KeySource.KEYRING)
    finally:
        type(vault).priority = 9
    assert key_rows(ledger) == [(1, "file", False)]


def test_a_ledger_with_a_passphrase_asks_for_it_at_each_start(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path, 3)
        ledger.rekey(KeySource.PASSPHRASE, ask=says(PHRASE))
    with Ledger.open(data, ask=says(PHRASE)) as ledger:
        assert allocated(ledger, 1)[1] == secret(1)
    with pytest.raises(LedgerFault, match="not the passphrase of the ledger") as caught:
        Ledger.open(data, ask=says(PHRASE + " "))
    assert caught.value.code is Code.KEY_WRONG
    with pytest.raises(LedgerFault, match="nobody can be asked") as caught:
        Ledger.open(data)
    assert caught.value.code is Code.KEY_MISSING


def test_a_passphrase_is_one_however_its_letters_are_composed(data: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.rekey(KeySource.PASSPHRASE, ask=says("schöne grüße überall"))
    Ledger.open(data, ask=says("scho\u0308ne gru\u0308ße u\u0308berall")).close()


def test_a_short_passphrase_changes_nothing(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="fewer than 12"):
        ledger.rekey(KeySource.PASSPHRASE, ask=says("short"))
    assert key_rows(ledger) == [(1, "file", False)]


def test_a_passphrase_with_a_ruinous_cost_in_the_ledger_is_refused(data: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.rekey(KeySource.PASSPHRASE, ask=says(PHRASE))
        with ledger._database.writing() as connection:
            connection.execute(text("UPDATE ledger_keys SET parameters = replace(parameters, '1024', '1073741824')"))
    with pytest.raises(LedgerFault, match="damaged"):
        Ledger.open(data, ask=says(PHRASE))


@pytest.mark.parametrize("to", [KeySource.FILE, KeySource.PASSPHRASE])
def test_a_lane_goes_on_while_the_key_changes_and_after(data: Path, tmp_path: Path, to: KeySource) -> None:
    seen: list[tuple[str, str]] = []
    with Ledger.open(data) as ledger, Ledger.open(data) as lane:
        stock(ledger, tmp_path)
        ledger.rekey(to, ask=says(PHRASE), pause=lambda _s: seen.append(allocated(lane, len(seen) + 1)))
        seen.append(allocated(lane, len(seen) + 1))
    assert seen == [(name(number), secret(number)) for number in range(1, 5)]


def test_a_batch_imported_while_the_key_changes_is_under_the_new_one(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger, Ledger.open(data) as other:
        stock(ledger, tmp_path)
        more = write_csv(tmp_path / "more.csv", range(8001, 8003))

        def meanwhile(_seconds: float) -> None:
            other.import_batch(more)

        ledger.rekey(pause=meanwhile)
        assert key_ids(ledger) == {2}
        assert len(other.certificates("more")) == 2


def test_a_process_that_slept_through_a_change_of_key_files_reads_the_new_one(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger, Ledger.open(data) as sleeper:
        stock(ledger, tmp_path, 3)
        ledger.rekey(pause=no_pause)
        ledger.rekey(pause=no_pause)
        assert allocated(sleeper, 1)[1] == secret(1)


def test_a_process_that_slept_through_a_new_passphrase_says_what_to_do(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger, Ledger.open(data) as sleeper:
        stock(ledger, tmp_path, 3)
        ledger.rekey(KeySource.PASSPHRASE, ask=says(PHRASE))
        with pytest.raises(LedgerFault, match="start it again with the new passphrase"):
            allocated(sleeper, 1)
        assert ledger.left("stock") == 3


class BrokenOffError(Exception):
    pass


@pytest.mark.parametrize("transaction", range(1, 8))
def test_a_change_that_is_broken_off_anywhere_can_be_finished(data: Path, tmp_path: Path, transaction: int) -> None:
    begun = 0

    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path)
        whole = ledger._database.writing

        def breaking(**options: Any) -> object:
            nonlocal begun
            begun += 1
            if begun == transaction:
                raise BrokenOffError
            return whole(**options)

        ledger._database.writing = breaking  # type: ignore[method-assign,assignment]  # the power fails here
        with pytest.raises(BrokenOffError):
            ledger.rekey(KeySource.PASSPHRASE, ask=says(PHRASE), pause=no_pause)
    with Ledger.open(data, ask=says(PHRASE)) as ledger:
        assert allocated(ledger, 1) == (name(1), secret(1))
        assert allocated(ledger, 2) == (name(2), secret(2))
        ledger.rekey(KeySource.PASSPHRASE, ask=says(PHRASE), pause=no_pause)
        assert len(key_ids(ledger)) == len(key_rows(ledger)) == 1
        assert key_rows(ledger)[0][1:] == ("passphrase", False)
    with Ledger.open(data, ask=says(PHRASE)) as ledger:
        assert allocated(ledger, 3) == (name(3), secret(3))


def test_a_change_broken_off_is_finished_before_another_source_is_taken(data: Path, tmp_path: Path) -> None:
    def fail(_seconds: float) -> None:
        raise BrokenOffError

    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path)
        with pytest.raises(BrokenOffError):
            ledger.rekey(KeySource.PASSPHRASE, ask=says(PHRASE), pause=fail)
    with Ledger.open(data, ask=says(PHRASE)) as ledger:
        result = ledger.rekey(KeySource.FILE, pause=no_pause)
        assert (result.source, result.rows, result.resumed) == (KeySource.FILE, CERTIFICATES, False)
        assert key_rows(ledger) == [(3, "file", False)]


def test_two_changes_at_once_are_one_too_many(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger, Ledger.open(data) as other:
        stock(ledger, tmp_path, 3)

        def meanwhile(_seconds: float) -> None:
            with pytest.raises(LedgerFault, match="another program is changing the key") as caught:
                other.rekey(pause=no_pause)
            assert caught.value.code is Code.LEDGER_BUSY

        ledger.rekey(pause=meanwhile)


def test_neither_old_sealed_texts_nor_keys_are_left_in_the_ledgers_file(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger:
        stock(ledger, tmp_path, 1200)
        with ledger._database.reading() as connection:
            sealed = [row[0][17:80] for row in connection.execute(text("SELECT secrets FROM certificates"))]
        ledger.rekey(pause=no_pause)
    pages = (data / "ledger.sqlite3").read_bytes()
    assert sum(one.encode() in pages for one in sealed) == 0


def test_the_record_tells_that_the_key_was_changed(data: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.rekey(operator="Li", pause=no_pause)
        kinds = [(event.kind, event.operator) for event in ledger.audit_events()]
    assert kinds[-2:] == [("ledger_key_changing", "Li"), ("ledger_key_changed", "Li")]


def test_the_keyrings_program_is_not_imported_for_a_key_file(data: Path) -> None:
    Ledger.open(data).close()
    script = (
        "import sys; from pathlib import Path; from station.ledger import Ledger;"
        "Ledger.open(Path(sys.argv[1])).close(); print('keyring' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(data)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
