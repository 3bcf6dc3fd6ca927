"""A technician's shift in a terminal: each key does something, nothing is torn or left over, the record has what was seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.shift import Story, judge, work_shift
from tests.end_to_end.terminals import TERMINALS, lacking

ONE_EACH = len(Story)
"""One unit a story; `python -m tests.end_to_end.shift` works 50 units."""


@pytest.mark.parametrize(("terminal", "units"), [("pyte", ONE_EACH), ("tmux", 4)])
def test_a_shift_with_failures_another_language_and_other_windows_is_recorded_as_it_was_seen(
    terminal: str, units: int, tmp_path: Path
) -> None:
    if (reason := lacking(terminal)) is not None:
        pytest.skip(reason)
    worked = work_shift(TERMINALS[terminal], tmp_path, units)

    assert len({told.mac for told in worked.told}) == units
    judge(worked)
