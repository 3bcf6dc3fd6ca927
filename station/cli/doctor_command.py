"""`station doctor`: what is wrong with this PC, and the mend."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

import click

from station.chip.latency import LOW_LATENCY_MS, lasting_mend, latency_timer_ms
from station.chip.ports import list_serial_ports
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import MAKE_A_LEAD
from station.errors import CodedError
from station.ledger import Ledger
from station.ledger.key_sources import KEY_FILE
from station.ledger.opening import ID_FILE, LEDGER_FILE

PACKAGES: Final = (
    "esptool",
    "pyserial",
    "textual",
    "sqlalchemy",
    "cryptography",
    "esp-idf-nvs-partition-gen",
    "littlefs-python",
)
PLATFORM_CLIENT: Final = "alibabacloud-iot20180120"
FREE_BYTES_MIN: Final = 200 * 1024 * 1024


class Health(StrEnum):
    """good; odd: works, but look at it; bad: units cannot be walked."""

    GOOD = "good"
    ODD = "odd"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, how it is, what was seen, the mend."""

    subject: str
    health: Health
    seen: str
    mend: str = ""


@click.command()
@global_options
@pass_session
def doctor(session: Session) -> None:
    """Look at everything the station needs, and tell the mend of what is wrong.

    Exit code 3 when units cannot be walked. With --json an array of {subject, health, seen, mend}.
    """
    findings = look_at_everything(session)
    if session.json:
        say_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = {Health.GOOD: "✔", Health.ODD: "▲", Health.BAD: "✘"}[finding.health]
            say(f"{mark} {finding.subject:<14} {finding.seen}" + (f"\n    → {finding.mend}" if finding.mend else ""))
    sys.exit(3 if any(finding.health is Health.BAD for finding in findings) else 0)


def look_at_everything(session: Session) -> list[Finding]:
    """Give what every look finds."""
    return [finding for look in LOOKS for finding in look(session)]


def _python(_session: Session) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", Health.GOOD, f"{version} on {sys.platform}")
    for package in PACKAGES:
        try:
            yield Finding(package, Health.GOOD, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, Health.BAD, "not installed", "Install the station again: pip install .")


def _platform(_session: Session) -> Iterator[Finding]:
    try:
        yield Finding("platform", Health.GOOD, f"its client {metadata.version(PLATFORM_CLIENT)}")
    except metadata.PackageNotFoundError:
        yield Finding(
            "platform",
            Health.ODD,
            "its client is not installed; profiles with online: {by: platform} and orders of devices need it",
            "Run: pip install 'flashing-station[platform]'",
        )


def _ports(_session: Session) -> Iterator[Finding]:
    found = list_serial_ports()
    if not any(port.likely_unit for port in found):
        yield Finding("ports", Health.ODD, "no USB serial port", "Plug an adapter in; on Windows install its driver")
    for port in found:
        if not port.usable:
            yield Finding(
                "ports",
                Health.BAD,
                f"{port.url} may not be opened by this user",
                f"sudo usermod -a -G {_owning_group(Path(port.url))} $USER, then sign out and in",
            )
        elif port.likely_unit:
            yield Finding("ports", Health.GOOD, f"{port.url} {port.description}")
            yield from _latency(port.url)


def _latency(url: str) -> Iterator[Finding]:
    """Linux lets the station shorten the timer while a lane works; on Windows only a person can."""
    timer_ms = latency_timer_ms(url)
    if timer_ms is None:
        return
    if timer_ms <= LOW_LATENCY_MS:
        yield Finding("latency", Health.GOOD, f"{url} hands answers over after {timer_ms} ms")
    elif sys.platform == "win32":
        yield Finding(
            "latency", Health.ODD, f"{url} keeps answers back for {timer_ms} ms: units take longer", lasting_mend()
        )
    else:
        seen = f"{url} keeps answers back for {timer_ms} ms, {LOW_LATENCY_MS} ms while a lane works"
        yield Finding("latency", Health.GOOD, seen, lasting_mend())


def _owning_group(device: Path) -> str:
    try:
        return device.group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"


def _disk(session: Session) -> Iterator[Finding]:
    mend = "Choose a folder of yours with --data"
    try:
        folder = session.data
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            yield Finding("data folder", Health.BAD, f"{folder} is a file", "Choose a folder with --data")
            return
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding("data folder", Health.BAD, f"{session.data} cannot be looked at ({error.strerror})", mend)
        return
    health = Health.GOOD if free >= FREE_BYTES_MIN else Health.BAD
    more = "" if health is Health.GOOD else "Free some space, or choose another folder with --data"
    yield Finding("disk", health, f"{free >> 20} MB free for {session.data}", more)
    if not os.access(folder, os.W_OK):
        yield Finding("data folder", Health.BAD, f"{folder} is not writable", mend)


def _ledger(session: Session) -> Iterator[Finding]:
    try:
        if session.data.is_file():
            return
        if not any((session.data / name).exists() for name in (LEDGER_FILE, KEY_FILE, ID_FILE)):
            yield Finding("ledger", Health.GOOD, f"none yet in {session.data}; it is made at the first start")
            return
        yield from _key_file(session.data / KEY_FILE)
        with Ledger.open(session.data, read_only=True, ask=session.ask_passphrase) as ledger:
            batches = ledger.batches()
            unfinished = ledger.unfinished_runs()
            has_line_lead = ledger.operators.has_line_lead()
    except CodedError as error:
        yield Finding("ledger", Health.BAD, f"{error.code}: {error.cause}", error.mend)
        return
    except OSError as error:
        yield Finding(
            "ledger", Health.BAD, f"{session.data} cannot be looked at ({error.strerror})", "Give this user the right"
        )
        return
    left = sum(batch.left for batch in batches)
    yield Finding("ledger", Health.GOOD, f"{len(batches)} batches, {left} certificates left")
    if not has_line_lead:
        yield Finding(
            "operators",
            Health.ODD,
            "no line lead yet: everybody may void certificates and the like",
            f"Make one: {MAKE_A_LEAD}",
        )
    for run in unfinished:
        yield Finding(
            "unfinished",
            Health.ODD,
            f"{run.mac or 'a unit'} on lane {run.lane} was broken off after {run.last_step or 'its begin'}",
            "Put it in again: it continues with the same certificate",
        )


def _key_file(key: Path) -> Iterator[Finding]:
    if key.exists() and sys.platform != "win32":
        mode = stat.S_IMODE(key.stat().st_mode)
        health = Health.BAD if mode & 0o077 else Health.GOOD
        yield Finding("key file", health, f"{key} {mode:04o}", f"chmod 600 {key}" if health is Health.BAD else "")


LOOKS: Final[tuple[Callable[[Session], Iterator[Finding]], ...]] = (_python, _platform, _ports, _disk, _ledger)
