"""`station support-pack`: all that a support engineer needs, and nothing that anybody must not have."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from station.cli import support_parts
from station.ledger import Ledger, Role
from station.unit import ChipIdentity, Mac
from tests.batch_csv import write_batch_csv
from tests.cli.at_terminal import hash_cheaply
from tests.cli.calling import add_settings, station_in
from tests.ledger.people import PIN, CheapPins

WIFI_WORD = "Wlan-pass-4711"
PROFILE = f"""schema: 1
name: plug
# wifi_psk was {WIFI_WORD}
sdk_config:
  namespace: sdk
  values: {{region: cn-shanghai, wifi_password: {WIFI_WORD}, wifi_psk: {{blob: {WIFI_WORD}}}}}
"""


def secrets_of(data: Path, csv: Path) -> list[bytes]:
    """Every key and secret of a data folder: whole files, their lines, and the DeviceSecrets of the CSV."""
    keys = [path.read_bytes().strip() for path in (data / "ledger.key", data / "station.key")]
    return [
        PIN.reveal().encode(),
        CheapPins().hash(PIN).encode(),
        WIFI_WORD.encode(),
        *(line for key in keys for line in key.splitlines() if b"-----" not in line),
        *(line.split(",")[1].encode() for line in csv.read_text(encoding="utf-8").splitlines()[1:]),
    ]


def test_the_pack_tells_all_and_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)
    data, csv = tmp_path / "data", tmp_path / "plug.csv"
    write_batch_csv(csv, "a1Plug", 3)
    with Ledger.open(data) as ledger:
        ledger.import_batch(csv)
        ledger.operators.add("Li Wei", by="root", role=Role.LINE_LEAD, pin=PIN)
        run = ledger.begin_run(lane=3, port="COM7", profile="plug", firmware_version="1", batch="plug", operator="Li")
        ledger.identify_run(run, ChipIdentity("esp32", "ESP32", "v3.0", Mac("24:0a:c4:00:00:01"), 4 << 20))
        ledger.allocate(run)
    add_settings(data, f"results: {{mes: {{url: 'http://127.0.0.1:9/x?t={WIFI_WORD}', timeout_s: 1}}}}")
    (data / "plug.csv").write_bytes(csv.read_bytes())  # somebody left it there
    (data / "station.log").write_text('{"event":"verdict"}\n', encoding="utf-8")
    (data / "station.log.secret").write_text(WIFI_WORD, encoding="utf-8")
    (tmp_path / "plug.yaml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "secrets.txt").write_text(WIFI_WORD, encoding="utf-8")
    monkeypatch.setattr(support_parts, "list_serial_ports", list)

    done = station_in(data)(
        "support-pack", "--out", str(tmp_path / "pack.zip"), "--profile", str(tmp_path / "plug.yaml"),
        "--profile", str(tmp_path / "secrets.txt"), "--json",
    )  # fmt: skip

    assert done.code == 0, done.err
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        parts = {name: pack.read(name) for name in pack.namelist()}
    assert set(parts) == {
        "versions.json", "doctor.json", "ports.json", "settings.json", "batches.json", "runs.json", "unfinished.json",
        "audit.json", "profiles/1-plug.yaml", "profiles/2-secrets.txt", "log/station.log",
    }  # fmt: skip
    wanted = secrets_of(data, csv)
    assert len(wanted) >= 8
    assert [(name, secret) for name, content in parts.items() for secret in wanted if secret in content] == []
    assert json.loads(parts["runs.json"])[0]["mac"] == "24:0a:c4:00:00:01"
    assert json.loads(parts["versions.json"])["packages"]["esptool"]
    assert {"certificate_allocated"} <= {event["kind"] for event in json.loads(parts["audit.json"])}
    assert "region: cn-shanghai" in parts["profiles/1-plug.yaml"].decode()


def test_a_new_pc_and_wrong_settings_give_a_pack_all_the_same(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "station.yaml").write_text(f"platform: {{secret: {WIFI_WORD}}}\n", encoding="utf-8")
    assert station_in(data)("support-pack", "--out", str(tmp_path / "pack.zip")).code == 0
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        told = pack.read("settings.json").decode()
    assert "an access key never stands" in told
    assert WIFI_WORD not in told


def test_a_long_log_is_cut_at_its_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support_parts, "LOG_BYTES_MAX", 30)
    (tmp_path / "station.log").write_text("".join(f'{{"n":{n}}}\n' for n in range(100)), encoding="utf-8")
    assert station_in(tmp_path)("support-pack", "--out", str(tmp_path / "pack.zip")).code == 0
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        assert pack.read("log/station.log") == b'{"n":97}\n{"n":98}\n{"n":99}\n'


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(b"mine")
    done = station_in(tmp_path)("support-pack", "--out", str(tmp_path / "pack.zip"))
    assert (done.code, (tmp_path / "pack.zip").read_bytes()) == (2, b"mine")
