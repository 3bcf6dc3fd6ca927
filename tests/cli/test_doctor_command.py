"""What `station doctor` finds wrong with a PC."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from station.chip import port_holders
from station.chip.ports import PortInfo
from station.cli import ledger_looks, pc_looks, platform_looks, port_looks
from station.cli.context import Session
from station.cli.finding import Health
from station.ledger import Ledger
from station.unit import ChipIdentity, Mac
from station.verdict import Step, StepState
from tests.batch_csv import write_batch_csv
from tests.cli.calling import add_settings, station_in
from tests.peripherals.light_double import LightDouble
from tests.peripherals.tcp_printer import TcpPrinterDouble
from tests.profile.workplace import GOOD

Finding = dict[str, str]
ADAPTER = PortInfo("/dev/ttyUSB0", "CP2102", "10c4:ea60", "0001", "1-1.2", usable=True)


def look(
    data: Path, monkeypatch: pytest.MonkeyPatch, ports: Sequence[PortInfo] = (ADAPTER,)
) -> tuple[int, list[Finding]]:
    monkeypatch.setattr(port_looks, "list_serial_ports", lambda: list(ports))
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


def test_a_lost_key_of_the_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stocked(tmp_path / "data") as ledger:
        ledger.sign_head("report")
    (tmp_path / "data/station.key").unlink()
    code, findings = look(tmp_path / "data", monkeypatch)

    lost = next(finding for finding in findings if finding["health"] == "bad")
    assert (code, lost["subject"], lost["seen"][:5]) == (3, "key file", "E23: ")
    assert "Bring it back from its backup" in lost["mend"]


def test_a_good_pc_has_nothing_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path / "data").close()
    code, findings = look(tmp_path / "data", monkeypatch)
    assert code == 0
    assert {finding["health"] for finding in findings} <= {"good", "odd"}
    assert of(findings, "ledger")["seen"] == "batches: 1, certificates left: 2"
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
    monkeypatch.setattr(port_looks, "latency_timer_ms", lambda _url: timer_ms)
    monkeypatch.setattr(sys, "platform", platform)
    (found,) = port_looks._latency(ADAPTER.url)
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is asked, not a file")
@pytest.mark.parametrize(
    ("kind", "told"), [("nfs4", "on a network share (nfs4)"), ("cifs", "on a network share (cifs)"), ("ext4", None)]
)
def test_a_data_folder_on_a_network_share_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, told: str | None
) -> None:
    share = (tmp_path / "the share").resolve()
    share.mkdir()
    mounts = tmp_path / "mounts"
    place = str(share).replace(" ", "\\040")
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nnas:/line {place} {kind} rw 0 0\n", encoding="utf-8")
    monkeypatch.setattr(pc_looks, "_MOUNTS", mounts)
    findings = list(pc_looks.look_at_data_folder(Session(data=share / "data")))

    bad = " ".join(finding.seen for finding in findings if finding.health is Health.BAD)
    assert (told in bad) if told else not bad


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
    assert found["seen"] == (
        "24:0a:c4:00:00:01 on lane 3 had no certificate yet when the station stopped; nothing was written to it"
    )
    assert "Put it in again" in found["mend"]


def test_a_missing_package_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pc_looks, "PACKAGES", ("no-such-package-of-ours",))
    code, findings = look(tmp_path / "data", monkeypatch)
    assert (code, of(findings, "no-such-package-of-ours")["health"]) == (3, "bad")


def test_the_platforms_client_is_missed_only_by_who_asks_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, findings = look(tmp_path / "data", monkeypatch)
    assert of(findings, "platform")["health"] == "good"
    monkeypatch.setattr(platform_looks, "PLATFORM_CLIENT", "no-such-package-of-ours")
    code, findings = look(tmp_path / "data", monkeypatch)
    missed = of(findings, "platform")
    assert (code, missed["health"]) == (0, "odd")
    assert "pip install 'flashing-station[platform]'" in missed["mend"]


def all_of(findings: list[Finding], subject: str) -> list[str]:
    return [
        f"{found['health']}: {found['seen']} → {found['mend']}" for found in findings if found["subject"] == subject
    ]


def test_wrong_settings_are_bad_and_named_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "station.yaml").write_text("station: b\nscreen: {bell: loud}\n", encoding="utf-8")
    code, findings = look(tmp_path, monkeypatch)
    assert (code, of(findings, "settings")["health"]) == (3, "bad")
    assert "station.yaml:2: `bell` cannot be `loud`" in of(findings, "settings")["seen"]


def test_another_version_of_a_pinned_library_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pc_looks, "_pinned_versions", lambda: {"esptool": "4.7.0"})
    _, findings = look(tmp_path, monkeypatch)
    assert of(findings, "esptool")["mend"] == "Run: pip install 'esptool==4.7.0'"


def test_what_the_station_pins_is_known() -> None:
    assert {"esptool", "textual"} <= set(pc_looks._pinned_versions())


def test_a_terminal_without_utf_8_or_with_another_code_page_is_odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ascii(io.StringIO):
        encoding = "ascii"

    monkeypatch.setattr(sys, "stdout", Ascii())
    monkeypatch.setattr(pc_looks, "console_code_page", lambda: 936)
    monkeypatch.setenv("TERM", "dumb")
    seen = [finding.seen for finding in pc_looks.look_at_terminal(Session(data=tmp_path))]
    assert seen[0].startswith("writes ascii")
    assert seen[1] == "its code page is 936"
    assert seen[2].startswith("TERM=dumb")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX's")
def test_a_data_folder_that_others_can_write_in_is_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    _, findings = look(tmp_path, monkeypatch)
    assert any("others can write" in line and "chmod go-w" in line for line in all_of(findings, "data folder"))


def test_a_batch_that_is_nearly_empty_is_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path / "data").close()
    _, findings = look(tmp_path / "data", monkeypatch)
    assert of(findings, "batches")["seen"] == "plug has 2 certificates left"
    (tmp_path / "data" / "station.yaml").write_text("station: b\nscreen: {few_certificates: 1}\n", encoding="utf-8")
    _, findings = look(tmp_path / "data", monkeypatch)
    assert all_of(findings, "batches") == []


def test_a_clock_before_the_last_event_is_bad() -> None:
    last, minute = datetime(2026, 11, 24, 12, tzinfo=UTC), timedelta(minutes=1)
    for now, health in ((last - 5 * minute, "bad"), (last - minute, "good"), (last + minute, "good")):
        (found,) = ledger_looks.look_at_clock(last.isoformat(), now)
        assert found.health == health
    (found,) = ledger_looks.look_at_clock(None, datetime(1970, 1, 1, tzinfo=UTC))
    assert (found.health, "before when this station was made" in found.seen) == ("bad", True)


def test_a_ledger_without_a_fresh_backup_is_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path / "data").close()
    _, findings = look(tmp_path / "data", monkeypatch)
    assert "not backed up in the last 60 days" in of(findings, "backup")["seen"]
    assert station_in(tmp_path / "data")("ledger", "backup", str(tmp_path / "copy")).code == 0
    _, findings = look(tmp_path / "data", monkeypatch)
    assert of(findings, "backup")["seen"] == "the ledger was backed up 0 days ago"
    monkeypatch.setattr(ledger_looks, "BACKUP_DAYS_MAX", -1)
    _, findings = look(tmp_path / "data", monkeypatch)
    assert "station ledger backup" in of(findings, "backup")["mend"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells by /proc")
def test_a_port_that_another_program_holds_is_named_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    held = PortInfo(os.ttyname(theirs), "CP2102", "10c4:ea60", "0001", "1-1.2", usable=True)
    _, findings = look(tmp_path, monkeypatch, [held])
    assert any(f"in use by {Path('/proc/self/comm').read_text().strip()} ({os.getpid()})" in line
               for line in all_of(findings, "ports"))  # fmt: skip
    os.close(theirs)
    _, findings = look(tmp_path, monkeypatch, [held])
    assert not any("in use" in line for line in all_of(findings, "ports"))
    os.close(ours)


@pytest.mark.parametrize(("program", "mend"), [("ModemManager", "disable --now ModemManager"), ("brltty", "brltty")])
def test_programs_that_take_new_ports_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, mend: str
) -> None:
    (tmp_path / "proc" / "17").mkdir(parents=True)
    (tmp_path / "proc" / "17" / "comm").write_text(program + "\n", encoding="utf-8")
    monkeypatch.setattr(port_holders, "PROC", tmp_path / "proc")
    _, findings = look(tmp_path / "data", monkeypatch)
    assert any(f"{program} is running" in line and mend in line for line in all_of(findings, "ports"))


@pytest.mark.skipif(sys.platform == "win32", reason="groups are POSIX's")
def test_who_joined_the_group_has_only_to_sign_in_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import grp  # noqa: PLC0415  POSIX alone has it

    monkeypatch.setattr(grp, "getgrnam", lambda name: grp.struct_group((name, "x", 98765, ["li"])))
    monkeypatch.setattr("getpass.getuser", lambda: "li")
    (tmp_path / "ttyUSB0").touch()
    locked = PortInfo(str(tmp_path / "ttyUSB0"), "CP2102", "10c4:ea60", None, "1-1", usable=False)
    _, findings = look(tmp_path / "data", monkeypatch, [locked])
    assert of(findings, "ports")["mend"].endswith("since its last sign-in: sign out and in")


def test_profiles_are_looked_at_with_their_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_looks, "list_serial_ports", lambda: [ADAPTER])
    (tmp_path / "plug.yaml").write_text(GOOD, encoding="utf-8")
    done = station_in(tmp_path / "data")("doctor", str(tmp_path / "plug.yaml"), "--json")
    assert done.code == 3
    told = all_of(json.loads(done.out), "profile")
    assert any("plug.yaml:11: " in line and "bootloader.bin" in line for line in told), told


def test_the_platform_is_asked_where_there_is_a_key_and_its_silence_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The official client reads its environment once, when it is imported: here perhaps by an earlier test.
    for name, value in (("id", "LTAI5t"), ("secret", "5ec4e7")):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name.upper()}", value)
        monkeypatch.setattr(f"alibabacloud_credentials.utils.auth_util.environment_access_key_{name}", value)
    (tmp_path / "station.yaml").write_text(
        "station: b\nplatform: {endpoint: '127.0.0.1:1', protocol: http}\n", encoding="utf-8"
    )
    code, findings = look(tmp_path, monkeypatch)
    told = all_of(findings, "platform")
    assert code == 0
    assert any(line.startswith("odd: E30") for line in told), told


def test_a_person_reads_a_mark_and_the_mend_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_looks, "list_serial_ports", list)
    done = station_in(tmp_path / "data")("doctor")
    assert done.code == 0
    assert "▲ ports          no USB serial port\n    → Plug an adapter in" in done.out


def test_a_printer_is_told_only_where_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path).close()
    assert [one for one in look(tmp_path, monkeypatch)[1] if one["subject"] == "printer"] == []

    with TcpPrinterDouble() as printer:
        add_settings(tmp_path, f"printer: {{address: '{printer.address}'}}")
        assert of(look(tmp_path, monkeypatch)[1], "printer")["health"] == "good"
    code, findings = look(tmp_path, monkeypatch)
    assert (code, of(findings, "printer")["health"]) == (0, "odd")
    assert "E50" in of(findings, "printer")["seen"]


def test_a_stack_light_is_told_with_the_states_that_it_has_no_bytes_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stocked(tmp_path).close()
    with LightDouble() as light:
        add_settings(tmp_path, f"stack_light: {{port: '{light.url}', signals: {{fail: A0 01, off: A0 00}}}}")
        found = of(look(tmp_path, monkeypatch)[1], "stack light")
        assert (found["health"], "no bytes for fault, pass, working, waiting" in found["seen"]) == ("odd", True)
        light.wait(b"\xa0\x00")
    assert "E52" in of(look(tmp_path, monkeypatch)[1], "stack light")["seen"]
