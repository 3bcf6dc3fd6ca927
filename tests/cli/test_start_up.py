"""Every command's help is there at once: what is heavy is loaded when a command does something."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from contextlib import suppress

from station.cli.loading import loading

HEAVY = {
    "alembic",
    "asyncio",
    "cryptography",
    "esptool",
    "littlefs",
    "pydantic",
    "serial",
    "sqlalchemy",
    "station.chip",
    "station.ledger",
    "station.line",
    "station.profile",
    "textual",
    "yaml",
}
CPU_LIMIT_S = 0.5
PROGRAM = """
import contextlib, io, json, sys, time
from station.cli.main import COMMANDS, station

def loaded_by_help_of(command):
    with contextlib.redirect_stdout(io.StringIO()):
        station.main([*command, "--help"], standalone_mode=False)
    return list(sys.modules)

first = {"station": loaded_by_help_of([])}
cpu_s = time.process_time()
print(json.dumps({"cpu_s": cpu_s, "loaded": first | {name: loaded_by_help_of([name]) for name in COMMANDS}}))
"""

NOT_FOR_A_SCREEN = {
    "alembic",
    "concurrent_log_handler",
    "cryptography",
    "esptool",
    "littlefs",
    "sqlalchemy",
    "station.chip.chip",
    "station.ledger.ledger",
    "station.line.line",
    "station.profile.model",
}
"""What the screen waits for once it is painted: half of a start's time."""


def test_no_commands_help_loads_anything_heavy_and_the_first_takes_less_than_half_a_second() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=True)
    told = json.loads(done.stdout)
    first_to_load: dict[str, str] = {}
    for command, modules in told["loaded"].items():
        for module in HEAVY.intersection(modules):
            first_to_load.setdefault(module, command)
    assert first_to_load == {}
    assert told["cpu_s"] < CPU_LIMIT_S


def test_the_screen_is_painted_before_ledger_chips_and_profiles_are_loaded() -> None:
    program = "import sys, station.cli.run_command, station.cli.run_screen; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert NOT_FOR_A_SCREEN.intersection(done.stdout.split()) == set()


def test_the_collector_rests_while_modules_come_and_works_again_whatever_happens() -> None:
    seen = []
    with suppress(ImportError), loading():
        seen.append(gc.isenabled())
        raise ImportError
    assert [*seen, gc.isenabled()] == [False, True]
