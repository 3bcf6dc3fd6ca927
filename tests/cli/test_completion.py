"""The shell completes commands, options and the ledger's batches, without asking anybody anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from station.cli.completion import COMPLETE_VARIABLE, support_powershell
from station.cli.context import Session
from station.cli.main import station
from station.ledger import Ledger
from station.ledger.key_source import KeySource
from tests.batch_csv import write_batch_csv
from tests.cli.calling import station_in

IN_BASH = """
eval "$(station completion bash)"
for words in "station fl" "station batch show "; do
  read -ra COMP_WORDS <<< "$words"
  [[ $words == *" " ]] && COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  _station_completion station
  echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    with Ledger.open(folder / "data") as ledger:
        for product, name in enumerate(("plug-1", "plug-2", "灯")):
            write_batch_csv(folder / f"{name}.csv", f"a1Product{product}", 2)
            ledger.import_batch(folder / f"{name}.csv")
        ledger.work_orders.add("WO-1", profile="plug", batch="plug-1", quantity=2, retries=None)
    return folder / "data"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_options_and_batches(data: Path) -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", IN_BASH],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PATH": path, "STATION_DATA": str(data)},
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["flash", "plug-1 plug-2 灯"]


def complete(data: Path, monkeypatch: pytest.MonkeyPatch, words: str, shell: str) -> list[str]:
    """Ask as a shell does at the end of the words."""
    support_powershell()
    kind = get_completion_class(shell)
    assert kind is not None
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    return kind(station, {"obj": Session(data=data)}, "station", COMPLETE_VARIABLE).complete().splitlines()


def test_powershell_is_answered_with_kind_value_and_help(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(data, monkeypatch, "station batch show plug-", "pwsh") == [
        "plain,plug-1,2 left",
        "plain,plug-2,2 left",
    ]
    assert complete(data, monkeypatch, "station report W", "pwsh") == ["plain,WO-1,open"]
    assert "Register-ArgumentCompleter -Native -CommandName station" in station_in(data)("completion", "powershell").out


def test_nobody_is_asked_for_a_passphrase_and_nothing_is_made(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert complete(tmp_path / "empty", monkeypatch, "station batch show ", "bash") == []
    assert not (tmp_path / "empty").exists()

    sealed = tmp_path / "sealed"
    shutil.copytree(data, sealed)
    with Ledger.open(sealed) as ledger:
        ledger.rekey(KeySource.PASSPHRASE, ask=lambda _question: "several words nobody expects", operator="Wang")
    assert complete(sealed, monkeypatch, "station batch show ", "bash") == []
    assert complete(data, monkeypatch, "station flash x.yaml --batch plug-1", "bash") == ["plain,plug-1"]
