"""Keeps the developer's machine out of the pictures."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM"} or name.startswith("TEXTUAL"):
            monkeypatch.delenv(name)
