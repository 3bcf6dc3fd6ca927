"""`python -m tests`: lint, format, types, then the tests; ends in pytest's summary. Further arguments go to pytest.

Tests marked `alone` go first, one after the other: they time what a busy machine does not let be timed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALONE = "alone"
NO_TESTS_COLLECTED = 5
WORKERS_A_CORE = 2
"""Half of a test's time is the wait for a wire that is as slow as a real one."""


def main() -> int:
    """Run each check; the exit code of the first that fails."""
    python = sys.executable
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    """Hundreds of stations are started; none shall compile all its modules again, a third of its start."""
    workers = str(WORKERS_A_CORE * (os.cpu_count() or 2))
    for command in (
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [python, "-m", "pytest", "-m", ALONE, *sys.argv[1:]],
        [python, "-m", "pytest", "-m", f"not {ALONE}", "-n", workers, "--dist", "worksteal", *sys.argv[1:]],
    ):
        print("$", *command[1:], flush=True)  # noqa: T201  this is a command's output
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code and not (code == NO_TESTS_COLLECTED and ALONE in command):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
