"""The quick benchmark, as CI can judge it: by ratios with wide margins, on a machine that does other things, too."""

from __future__ import annotations

from tests.benchmarks.__main__ import measure, table
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
