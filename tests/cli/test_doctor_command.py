"""What `station doctor` finds wrong with a PC."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from station.chip.ports import PortInfo
from station.cli import doctor_command
from station.ledger import Ledger
from station.unit import ChipIdentity, Mac
from station.verdict import Step, StepState
from tests.batch_csv import write_batch_csv
from tests.cli.calling import station_in

Finding = dict[str, str]
ADAPTER = PortInfo("/dev/ttyUSB0", "CP2102", "10c4:ea60", "0001", "1-1.2", usable=True)


def look(
    data: Path, monkeypatch: pytest.MonkeyPatch, ports: Sequence[PortInfo] = (ADAPTER,)
) -> tuple[int, list[Finding]]:
    monkeypatch.setattr(doctor_command, "list_serial_ports", lambda: list(ports))
    done = station_in(data)("doctor", "--json")
    assert done.err == ""
    return done.code, json.loads(done.out)


def of(findings: list[Finding], subject: str) -> Finding:
    (found,) = [finding for finding in findings if finding["subject"] == subject]
    return found


def stocked(data: Path) -> Ledger:
    write_batch_csv(data.parent / "plug.csv", "a1Plug", 2)
    ledger = Ledger.open(data)
    ledger.import_batch(data.parent / "plug.csv")
    return ledger


def test_a_good_pc_has_nothing_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path / "data").close()
    code, findings = look(tmp_path / "data", monkeypatch)
    assert code == 0
    assert {finding["health"] for finding in findings} <= {"good", "odd"}
    assert of(findings, "ledger")["seen"] == "1 batches, 2 certificates left"
    assert of(findings, "ports")["seen"] == "/dev/ttyUSB0 CP2102"


@pytest.mark.parametrize(
    ("timer_ms", "platform", "health", "mend"),
    [
        (1, "linux", "good", ""),
        (16, "linux", "good", "ATTR{latency_timer}"),
        (16, "win32", "odd", "LatencyTimer = 1"),
    ],
)
def test_an_adapter_that_keeps_answers_back_is_told_with_its_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timer_ms: int, platform: str, health: str, mend: str
) -> None:
    monkeypatch.setattr(doctor_command, "latency_timer_ms", lambda _url: timer_ms)
    monkeypatch.setattr(sys, "platform", platform)
    (found,) = doctor_command._latency(ADAPTER.url)
    assert found.health == health
    assert f"{timer_ms} ms" in found.seen
    assert mend in found.mend


def test_looking_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, findings = look(tmp_path / "data", monkeypatch)
    assert code == 0
    assert "made at the first start" in of(findings, "ledger")["seen"]
    assert not (tmp_path / "data").exists()


def test_a_pc_without_an_adapter_is_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_board = PortInfo("/dev/ttyS0", "ttyS0", None, None, None, usable=True)
    code, findings = look(tmp_path / "data", monkeypatch, [on_board])
    assert (code, of(findings, "ports")["health"]) == (0, "odd")


@pytest.mark.skipif(sys.platform == "win32", reason="groups are POSIX's")
def test_a_port_without_rights_is_bad_and_the_mend_names_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    locked = PortInfo(str(device), "CP2102", "10c4:ea60", None, "1-1", usable=False)
    code, findings = look(tmp_path / "data", monkeypatch, [locked])
    found = of(findings, "ports")
    assert (code, found["health"]) == (3, "bad")
    assert f"usermod -a -G {device.group()} $USER" in found["mend"]


def test_a_disk_that_is_nearly_full_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=1 << 20))
    code, findings = look(tmp_path / "data", monkeypatch)
    found = of(findings, "disk")
    assert (code, found["health"]) == (3, "bad")
    assert "1 MB free" in found["seen"]
    assert "Free some space" in found["mend"]


def test_a_data_folder_that_cannot_be_looked_at_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "disk_usage", forbidden)
    code, findings = look(tmp_path / "data", monkeypatch)
    assert (code, of(findings, "data folder")["health"]) == (3, "bad")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX's")
def test_a_key_that_others_can_read_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path / "data").close()
    (tmp_path / "data" / "ledger.key").chmod(0o644)
    code, findings = look(tmp_path / "data", monkeypatch)
    assert code == 3
    assert any("chmod 600" in finding["mend"] for finding in findings if finding["health"] == "bad")


@pytest.mark.parametrize("file", ["ledger.sqlite3", "ledger.key"])
def test_a_lost_file_of_the_ledger_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    stocked(tmp_path / "data").close()
    (tmp_path / "data" / file).unlink()
    code, findings = look(tmp_path / "data", monkeypatch)
    assert (code, of(findings, "ledger")["health"]) == (3, "bad")
    assert of(findings, "ledger")["mend"]


def test_runs_that_were_broken_off_are_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = stocked(tmp_path / "data")
    run = ledger.begin_run(lane=3, port="COM7", profile="plug", firmware_version="1", batch="plug", operator="Li W.")
    ledger.identify_run(run, ChipIdentity("esp32", "ESP32", "v3.0", Mac("24:0a:c4:00:00:01"), 4 << 20))
    ledger.record_step(run, Step.WRITE, StepState.FAILED, 1.0)
    ledger.close()
    code, findings = look(tmp_path / "data", monkeypatch)
    found = of(findings, "unfinished")
    assert (code, found["health"]) == (0, "odd")
    assert found["seen"] == "24:0a:c4:00:00:01 on lane 3 was broken off after write"
    assert "Put it in again" in found["mend"]


def test_a_missing_package_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_command, "PACKAGES", ("no-such-package-of-ours",))
    code, findings = look(tmp_path / "data", monkeypatch)
    assert (code, of(findings, "no-such-package-of-ours")["health"]) == (3, "bad")


def test_the_platforms_client_is_missed_only_by_who_asks_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, findings = look(tmp_path / "data", monkeypatch)
    assert of(findings, "platform")["health"] == "good"
    monkeypatch.setattr(doctor_command, "PLATFORM_CLIENT", "no-such-package-of-ours")
    code, findings = look(tmp_path / "data", monkeypatch)
    missed = of(findings, "platform")
    assert (code, missed["health"]) == (0, "odd")
    assert "pip install 'flashing-station[platform]'" in missed["mend"]


def test_a_person_reads_a_mark_and_the_mend_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_command, "list_serial_ports", list)
    done = station_in(tmp_path / "data")("doctor")
    assert done.code == 0
    assert "▲ ports          no USB serial port\n    → Plug an adapter in" in done.out
