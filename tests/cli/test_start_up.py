"""`station --help` is there at once: what is heavy is loaded by the commands that need it."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "alembic",
    "asyncio",
    "cryptography",
    "esptool",
    "littlefs",
    "pydantic",
    "serial",
    "sqlalchemy",
    "textual",
    "yaml",
}
CPU_LIMIT_S = 0.5
PROGRAM = """
import json, sys, time
from station.cli.main import main
sys.argv = ["station", "--help"]
try:
    main()
finally:
    print(json.dumps({"modules": list(sys.modules), "cpu_s": time.process_time()}))
"""


def test_help_loads_nothing_heavy_and_takes_less_than_half_a_second() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert "Commands:" in done.stdout
    assert set(told["modules"]) & HEAVY == set()
    assert told["cpu_s"] < CPU_LIMIT_S
