"""A port that is given to two lanes is refused, whatever its names."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.errors import UsageError
from station.line.named_ports import check_ports


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rfc2217://127.0.0.1:4000", "rfc2217://127.0.0.1:4000"),
        ("rfc2217://localhost:4000", "RFC2217://127.0.0.1:4000/"),
        ("rfc2217://bench:4000?ign_set_control", "rfc2217://Bench:4000"),
    ],
)
def test_a_port_under_two_names_is_one_port(one: str, other: str) -> None:
    with pytest.raises(UsageError, match="given to two lanes"):
        check_ports([one, other])
    check_ports([one, "rfc2217://127.0.0.1:4001"])


def test_a_link_to_a_port_is_that_port(tmp_path: Path) -> None:
    adapter, link = tmp_path / "ttyUSB0", tmp_path / "by-id"
    adapter.touch()
    try:
        link.symlink_to(adapter)
    except OSError:
        pytest.skip("this user may make no links")
    with pytest.raises(UsageError, match="also"):
        check_ports([str(adapter), str(link)])
