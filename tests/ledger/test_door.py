"""What the ledger's package gives by name."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

from station import ledger


def test_each_name_stands_where_its_type_is_told_to_stand() -> None:
    tree = ast.parse(Path(str(ledger.__file__)).read_text(encoding="utf-8"))
    told = {
        name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("station.ledger.")
        for name in node.names
    }
    assert sorted(told) == sorted(ledger.__all__)
    for name, module in told.items():
        assert getattr(ledger, name) is getattr(importlib.import_module(module), name)


def test_it_has_no_other_name() -> None:
    assert not hasattr(ledger, "Ledgers")
