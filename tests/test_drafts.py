"""Files are written whole or not at all, and one that a reader holds is waited for on Windows, which this imitates."""

from __future__ import annotations

from pathlib import Path

import pytest

from station import drafts
from station.drafts import replacement_of


@pytest.mark.parametrize(
    ("on_windows", "refusals", "is_written"), [(True, 3, True), (True, 999, False), (False, 1, False)]
)
def test_a_file_that_a_reader_holds_is_waited_for_on_windows_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_windows: bool, refusals: int, is_written: bool
) -> None:
    tries: list[Path] = []
    replace = Path.replace

    def held(draft: Path, target: Path) -> Path:
        tries.append(draft)
        if len(tries) <= refusals:
            raise PermissionError(13, "in use")
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", held)
    monkeypatch.setattr(drafts, "ON_WINDOWS", on_windows)
    monkeypatch.setattr(drafts, "PATIENCE_S", 0.2)
    target = tmp_path / "audit.head"
    target.write_text("old", encoding="utf-8")
    if is_written:
        with replacement_of(target) as draft:
            draft.write_text("new", encoding="utf-8")
    else:
        with pytest.raises(PermissionError), replacement_of(target) as draft:
            draft.write_text("new", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == ("new" if is_written else "old")
    assert list(tmp_path.iterdir()) == [target]
    assert (len(tries) > 1) is on_windows
