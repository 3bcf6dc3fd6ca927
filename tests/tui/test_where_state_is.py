"""The app routes, and a screen's state is frozen values: nothing that was decided or said hides in a widget's own fields."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
import textwrap
import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin

import pytest
from textual.app import App
from textual.reactive import Reactive
from textual.widget import Widget

import station.tui
from station.errors import CodedError
from station.tui import app as app_file
from station.tui.lane_pane import LanePane
from station.tui.lane_picture import picture_rows
from tests.tui.driving import on_line, settle
from tests.tui.fake_line import failed, fake_app, fake_line, passed, writing

OWN_FIELDS = {
    ("LanePane", "_picture"): "the rows that stand on the screen, so that only those that differ are painted",
    ("LanePane", "_shown_words"): "the border's words that stand on the screen; setting them is dear",
    ("LanePane", "_rest"): "the timer from one picture to the next",
    ("LineScreen", "_panes"): "the tiles themselves: a lane that is plugged in later has one more",
    ("ShiftHeader", "_reading"): "a read of the numbers is under way",
    ("ShiftHeader", "_read_again"): "and another one was asked for meanwhile",
    ("WatchScreen", "_is_reading"): "a read of the ledger is under way",
    ("ScreenApp", "settings"): "what the person at the screen prefers, kept in a file",
    ("ScreenApp", "ended_by"): "the signal that ended the screen, for who started it",
    ("StationApp", "_line"): "the line that was opened: it outlives every screen",
    ("StationApp", "_leaving"): "the way out is taken, once",
    ("StationApp", "_release_timer"): "until held keys count as typed",
}
"""What a widget or an app may set beside its reactive values, and why that is no state of the work."""
LONGER = {
    "__init__": "it takes what it is given",
    "on_event": "every key and scan is sent on by what it is",
}
"""Methods of the app that need more statements, and why."""
ROUTING_STATEMENTS_MAX = 10
"""Of a method of the app: which screen comes next needs no more."""


def classes() -> list[type]:
    """Every widget, screen and app of ours."""
    modules = [importlib.import_module(f"station.tui.{one.name}") for one in pkgutil.iter_modules(station.tui.__path__)]
    found = {one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)}
    ours = [one for one in found if one.__module__.startswith("station.tui.") and issubclass(one, Widget | App)]
    return sorted(ours, key=lambda one: one.__name__)


def fields_set(owner: type) -> Iterator[str]:
    """The names of what a class's own methods assign to `self` after it was made."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    for method in tree.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name != "__init__":
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
                    yield node.attr


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def test_a_widget_sets_only_reactive_values_once_it_is_made() -> None:
    textuals = {name for base in (Widget, App) for name in dir(base)}
    hidden = {
        (owner.__name__, name)
        for owner in classes()
        for name in fields_set(owner)
        if not isinstance(inspect.getattr_static(owner, name, None), Reactive) and name not in textuals
    }

    assert len(classes()) > 25
    assert hidden == set(OWN_FIELDS)


def test_every_reactive_value_is_frozen() -> None:
    loose = []
    for owner in classes():
        written = inspect.get_annotations(owner)
        for name, value in vars(owner).items():
            if isinstance(value, Reactive):
                (kind,) = get_args(eval(written[name], vars(sys.modules[owner.__module__])))  # noqa: S307  our own source
                loose += [] if is_frozen(kind) else [(owner.__name__, name, kind)]

    assert loose == []


def is_frozen(kind: Any) -> bool:
    """Whether no value of a type can be changed."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType, tuple, frozenset):
        return all(one is ... or is_frozen(one) for one in get_args(kind))
    if kind in (type(None), bool, int, float, str) or issubclass(kind, Enum | CodedError):
        return True
    return is_dataclass(kind) and bool(getattr(kind, "__dataclass_params__").frozen)  # noqa: B009  no stub knows it


@pytest.mark.parametrize("kind", [list[int], dict[str, int], tuple[list[int], ...], Widget])
def test_what_can_be_changed_is_not_frozen(kind: Any) -> None:
    assert not is_frozen(kind)


def test_the_app_file_holds_routing_only() -> None:
    tree = ast.parse(inspect.getsource(app_file))
    outside = [
        one for one in tree.body if isinstance(one, ast.ImportFrom) and (one.module or "").startswith("station.")
    ]
    app, run = [one for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef)]
    assert (app.name, run.name) == ("StationApp", "run_station_app")
    assert {one.module for one in outside if not (one.module or "").startswith("station.tui.")} == {
        "station.line.readiness"
    }
    methods = [one for one in app.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = {one.name for one in methods}
    assert names & {"compose", "render", "run_worker", "get_content_height"} == set()
    statements = {one.name: sum(isinstance(part, ast.stmt) for part in ast.walk(one)) for one in methods}
    assert {name for name, count in statements.items() if count > ROUTING_STATEMENTS_MAX} == set(LONGER)


async def test_a_tile_paints_the_same_from_the_same_view_whatever_it_showed_before() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        one, other = app.screen.query(LanePane)
        line.say(*failed(1), *writing(1), *passed(2), *writing(2))
        await settle(pilot)
        other.view = one.view
        await settle(pilot)
        width, height = one.size

        painted = [[row.plain for row in pane.render().split()] for pane in (one, other)]
        assert one.size == other.size
        assert painted[0] == painted[1] == [row.plain for row in picture_rows(one.view, app.texts, width, height)]
