"""`python -m tests`: lint, format, types, then the tests; ends in pytest's summary. Further arguments go to pytest.

Tests marked `alone` go first, one after the other: they time what a busy machine does not let be timed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALONE = "alone"
MYPY_AS_ON_WINDOWS = ["mypy", "--platform", "win32", "--cache-dir", ".mypy_cache/win32", "-p", "station"]
"""No CI here runs Windows; its types tell what is not there: `fcntl`, `os.fork`, a signal."""
NO_TESTS_COLLECTED = 5
WORKERS_A_CORE = 2
"""Half of a test's time is the wait for a wire that is as slow as a real one."""


def main() -> int:
    """Run each check; the exit code of the first that fails."""
    given = sys.argv[1:]
    workers = str(WORKERS_A_CORE * (os.cpu_count() or 2))
    with _started("pytest", "--collect-only", *given, output=subprocess.DEVNULL):
        """It compiles all modules, the libraries' too, on the core that the checks leave free; each worker would do it again."""
        checks = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], MYPY_AS_ON_WINDOWS)
        code = next(filter(None, map(_run, checks)), 0)
    if code:
        return code
    code = _run(["pytest", "-m", ALONE, *given])
    if code not in {0, NO_TESTS_COLLECTED}:
        return code
    return _run(["pytest", "-m", f"not {ALONE}", "-n", workers, "--dist", "worksteal", *given])


def _run(words: Sequence[str]) -> int:
    print("$ -m", *words, flush=True)  # noqa: T201  this is a command's output
    with _started(*words) as running:
        return running.wait()


def _started(*words: str, output: int | None = None) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    """Hundreds of stations are started; none shall compile all its modules again, a third of its start."""
    return subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env=environment, stdout=output, stderr=output)


if __name__ == "__main__":
    sys.exit(main())
