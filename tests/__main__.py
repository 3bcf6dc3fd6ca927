"""`python -m tests`: lint, format, types, then the tests; ends in pytest's summary. Further arguments go to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Run each check; the exit code of the first that fails."""
    python = sys.executable
    workers = str(os.cpu_count() or 2)
    for command in (
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [python, "-m", "pytest", "-n", workers, *sys.argv[1:]],
    ):
        print("$", *command[1:], flush=True)  # noqa: T201  this is a command's output
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
