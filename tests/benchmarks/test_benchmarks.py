"""The quick benchmark, as CI can judge it: by ratios with wide margins, on a machine that does other things, too."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.__main__ import measure, table
from tests.benchmarks.ledger import working_folder
from tests.benchmarks.unit import SMALL_SET


def test_the_station_is_faster_than_the_esptool_command_line() -> None:
    rows = {row.case: row for row in measure(SMALL_SET, 1, (1,))}
    shown = table(list(rows.values()))
    assert rows["new unit"].of_esptool < 0.85, shown
    assert rows["the same unit again"].of_esptool < 0.7, shown
    assert rows["credentials only"].of_esptool < 0.7, shown
    of_limit = rows["new unit"].of_limit
    assert of_limit is not None
    assert of_limit > 0.4, shown
    assert rows["the same unit again"].ours_p50_s < rows["new unit"].ours_p50_s, shown


def test_a_benchmark_works_in_a_folder_that_was_not_there(tmp_path: Path) -> None:
    named = tmp_path / "on" / "that disk"
    with working_folder(named) as folder:
        assert folder.parent == named
        assert folder.is_dir()
    assert named.is_dir()
    assert not folder.exists()
