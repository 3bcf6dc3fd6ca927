"""The code base itself: arrows, sizes, names."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "station").rglob("*.py"), *(ROOT / "firmware").rglob("*.py")])
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
BANNED_NAMES = {"utils", "util", "manager", "helper", "helpers", "misc", "common"}
TOP_LEVEL = {"pyproject.toml", "README.md", "station", "profiles", "firmware", "tests"}


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bench_is_kept_apart_from_every_part_of_the_station() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["name"]: contract for contract in project["tool"]["importlinter"]["contracts"]}
    found = [path for path in (ROOT / "station").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    parts = {f"station.{path.stem}" for path in found} - {"station.__init__", "station.virtual"}
    assert set(contracts["The bench imports nothing of the station"]["forbidden_modules"]) == parts
    knowing = {"station.cli"}
    assert set(contracts["Nothing but the command line knows the bench"]["source_modules"]) == parts - knowing


def test_the_top_level_holds_nothing_else() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_noun_of_a_few_screens(path: Path) -> None:
    assert path.stem not in BANNED_NAMES
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    long = [
        f"{node.name} has {_own_lines(node)} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _own_lines(node) > FUNCTION_LINES_MAX
    ]
    assert not long


def _own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without those of a class that it makes: the class's methods are counted by themselves."""
    made = sum((inner.end_lineno or 0) - inner.lineno for inner in node.body if isinstance(inner, ast.ClassDef))
    return (node.end_lineno or 0) - node.lineno + 1 - made
