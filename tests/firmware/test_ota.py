"""The real application is moved from one version to another over the air, and back when the new one is no good."""

from __future__ import annotations

import tarfile
from typing import Any

import pytest

from tests.firmware.board import Board, source_files
from tests.firmware.fake_platform import PRODUCT_KEY
from tests.firmware.packages import INFORM, OWN, PROGRESS, UPGRADE, make_package, order
from tests.firmware.test_station_app import run

NEW_READY = "station-app ready: station-app 0.2.0 device=plug-0001"


def new_version(**files: str) -> bytes:
    """Give a package of the application as version 0.2.0."""
    source = source_files()["station_app.py"].replace('VERSION = "0.1.0"', 'VERSION = "0.2.0"')
    return make_package({"station_app.py": source} | {f"{name}.py": text for name, text in files.items()})


def push_once(board: Board, message: Any) -> None:
    """Run the application until it ends, with this order pushed as soon as it is online."""
    waiting = [message]

    def push() -> bool:
        if waiting and board.platform.bodies(INFORM):
            board.platform.push(UPGRADE, waiting.pop())
        return False

    run(board, 20_000, push)


def ordered(package: bytes, version: str = "0.2.0", **changes: Any) -> Board:
    """Give a board that was ordered to take this package, as it stands after its restart or refusal."""
    board = Board()
    board.web.files["/package"] = package
    push_once(board, order(package, version, **changes))
    return board


def steps(board: Board) -> list[int]:
    return [int(body["params"]["step"]) for body in board.platform.bodies(PROGRESS)]


def versions(board: Board) -> list[str]:
    return [body["params"]["version"] for body in board.platform.bodies(INFORM) if "module" not in body["params"]]


def test_a_unit_running_version_a_is_moved_to_b_and_reports_b() -> None:
    board = ordered(new_version())
    assert board.lines[-1] == "station-app: restarting into the update"
    run(board)
    assert board.lines[-2:] == [NEW_READY, "station-app online"]
    assert versions(board) == ["0.1.0", "0.2.0"]
    assert steps(board) == [0, 20, 40, 60, 80, 100] or (steps(board)[0], steps(board)[-1]) == (0, 100)


def test_the_new_version_stays_and_the_next_one_takes_the_other_slot() -> None:
    board = ordered(new_version())
    for _ in range(5):
        run(board)
        assert board.lines[-2] == NEW_READY
    third = make_package({"station_app.py": source_files()["station_app.py"].replace("0.1.0", "0.3.0")})
    board.web.files["/package"] = third
    board.platform.published.clear()
    push_once(board, order(third, "0.3.0"))
    run(board)
    assert versions(board)[-1] == "0.3.0"
    slots = board.load("aliyun.slots").Slots()
    assert (slots.current, slots.previous, slots.is_on_trial) == (2, 1, False)


def test_an_update_may_bring_its_own_library() -> None:
    topics = source_files()["aliyun/topics.py"] + "\nprint('new topics')\n"
    source = source_files()["station_app.py"].replace("0.1.0", "0.2.0")
    library = {name: text for name, text in source_files().items() if name.startswith("aliyun/")}
    board = ordered(make_package(library | {"aliyun/topics.py": topics, "station_app.py": source}))
    run(board)
    assert board.lines[-3:] == ["new topics", NEW_READY, "station-app online"]


def test_a_version_that_is_asked_for_comes_in_the_reply() -> None:
    board = Board()
    package = new_version()
    board.web.files["/package"] = package
    board.platform.replies[f"/sys/{OWN}/thing/ota/firmware/get"] = lambda _body: {
        "code": 200,
        "data": order(package, "0.2.0")["data"],
    }
    assert run(board, 20_000) == "reset"


def test_a_broken_download_goes_on_where_it_ended() -> None:
    board = Board()
    package = new_version()
    board.web.files["/package"] = package
    board.web.cuts = [700, 3000, 1]
    push_once(board, order(package, "0.2.0"))
    assert [start for _, start in board.web.requests] == [0, 700, 3700, 3701]
    run(board)
    assert versions(board)[-1] == "0.2.0"


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"sign": "00" * 32}, -3),
        ({"url": "http://files.example/none"}, -2),
        ({"url": "ftp://files.example/package"}, -2),
        ({"signMethod": "Md5"}, -1),
        ({"module": "motor"}, -1),
        ({"size": 512}, -3),
        ({"size": 10_000_000}, -2),
        ({"version": "x" * 65}, -4),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
def test_an_order_that_cannot_be_followed_is_refused_and_the_unit_goes_on(changes: dict[str, Any], step: int) -> None:
    board = ordered(new_version(), **changes)
    assert steps(board)[-1] == step
    assert board.lines == ["station-app ready: station-app 0.1.0 device=plug-0001", "station-app online"]


def hostile(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Give a package with a member of this name and kind before a whole application."""
    whole = bytearray(make_package({"x": b"", "station_app.py": "VERSION = 0"}))
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.linkname = "/main.py" if kind == tarfile.SYMTYPE else ""
    return entry.tobuf(tarfile.USTAR_FORMAT) + bytes(whole)


@pytest.mark.parametrize(
    "package",
    [
        hostile("../main.py"),
        hostile("/main.py"),
        hostile("a/../../main.py"),
        hostile("link", tarfile.SYMTYPE),
        hostile("x" * 90),
        make_package({"other.py": "VERSION = 0"}),
        new_version()[:5000],
        b"\x1f\x8b" + b"\x5a" * 2000,
        make_package({"station_app.py": b"#" * 400_000}),
    ],
    ids=["up", "absolute", "up inside", "link", "long name", "no application", "cut short", "no tar", "too large"],
)
def test_a_package_that_is_no_good_changes_nothing(package: bytes) -> None:
    board = ordered(package)
    assert steps(board)[-1] == -4
    run(board)
    assert board.lines[-2:] == ["station-app ready: station-app 0.1.0 device=plug-0001", "station-app online"]


@pytest.mark.parametrize(
    "program",
    ["raise ValueError('broken')", "this is no python", "import hmac", "def run():\n    raise OSError(5)"],
)
def test_a_version_that_falls_over_is_rolled_back_at_once(program: str) -> None:
    board = ordered(make_package({"station_app.py": program}))
    assert run(board) == "reset"
    run(board)
    assert versions(board) == ["0.1.0", "0.1.0"]


def test_a_version_that_does_not_connect_is_rolled_back_after_its_trial_and_not_taken_again() -> None:
    package = make_package({"station_app.py": "VERSION = 'B'\ndef run():\n    print('B runs')\n"})
    board = ordered(package)
    for _ in range(3):
        assert run(board) == "end"
        assert board.lines[-1] == "B runs"
        # The guard rings when the version has not reached the platform in time.
        assert board.timers[0]["period"] == 300_000
    board.platform.published.clear()
    push_once(board, order(package, "0.2.0"))
    assert board.lines[-2:] == ["station-app ready: station-app 0.1.0 device=plug-0001", "station-app online"]
    assert steps(board) == [-1]


def test_a_version_that_connects_stops_the_guard() -> None:
    board = ordered(new_version())
    board.platform.is_reachable = False
    run(board)
    assert 0 in board.timers
    board.platform.is_reachable = True
    run(board)
    assert board.timers == {}
    assert PRODUCT_KEY in board.platform.connects[-1]["user"]
