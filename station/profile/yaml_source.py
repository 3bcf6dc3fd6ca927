"""The one door to PyYAML: a YAML text as plain values, with the line of each, and every mistake of the text itself.

Plain scalars are read as YAML 1.2 says (`on` and `12:30` are texts), so that a file means here what an editor's schema check
takes it for. Tags are refused, aliases are few, and size and depth are bounded: a profile comes by mail as well as from git.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from station.errors import Fault
from station.profile.quantities import SourceFloat, SourceInt, as_written, shown

Place = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

SIZE_BYTES_MAX: Final = 1 << 20
ALIASES_MAX: Final = 20
NODES_MAX: Final = 5_000
TOKENS_MAX: Final = 40_000
DEPTH_MAX: Final = 30

_TOO_MUCH: Final = (
    "the file holds too many values, or they are nested too deeply",
    "Write the profile as the examples do",
)
_OPENING: Final = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING: Final = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)

_INT: Final = re.compile(r"[-+]?[0-9]{1,40}")
_HEX: Final = re.compile(r"0[xX][0-9a-fA-F]{1,40}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Span:
    """A value in the text: `line` from 1, character positions of its begin and end, and the node itself."""

    key_line: int
    line: int
    begin: int
    end: int
    node: yaml.Node


@dataclass(slots=True)
class YamlSource:
    """A YAML file: `tree` of dict, list and scalars, where each value stands, and what is wrong with the text."""

    path: Path
    text: str
    tree: Any = None
    spans: dict[Place, Span] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, place: Place) -> int | None:
        """Give the line of a value; of the nearest one around it when it is not there."""
        for length in range(len(place), -1, -1):
            if (span := self.spans.get(place[:length])) is not None:
                return span.key_line
        return None

    def value(self, place: Place) -> Any:
        """Give the value at a place as the file writes it; numbers as their text, None when there is none."""
        value = self.tree
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return as_written(value)

    def fault(self, line: int | None, cause: str, mend: str) -> None:
        """Add a mistake of the text."""
        self.faults.append(Fault(str(self.path), line, cause, mend))


def read_yaml(path: Path) -> YamlSource:
    """Read a file; what is wrong stands in `faults`, and `tree` is None when nothing could be read."""
    source = YamlSource(path, "")
    text = _read_text(source)
    return source if text is None else parse_yaml(path, text)


def parse_yaml(path: Path, text: str) -> YamlSource:
    """Parse a text as `read_yaml` does; `path` names it in the faults."""
    source = YamlSource(path, text)
    if _check_tokens(source):
        return source
    loader = yaml.SafeLoader(text)  # `_check_tokens` has opened one already, so the text is readable
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        _add_yaml_error(source, error)
        return source
    except RecursionError:
        source.fault(None, *_TOO_MUCH)
        return source
    finally:
        loader.dispose()
    if root is None:
        source.fault(None, "the file holds nothing", "Begin with `station profile new`")
        return source
    builder = _Builder(source)
    tree = builder.build(root, (), root)
    source.tree = None if builder.too_much else tree
    return source


def _read_text(source: YamlSource) -> str | None:
    path = source.path
    try:
        if not path.is_file():
            there = path.exists()
            source.fault(
                None,
                f"{path} is no file" if there else f"{path} does not exist",
                "Name the profile's YAML file" if there else "Check the path; `station profile new` makes a profile",
            )
            return None
        with path.open("rb") as file:
            data = file.read(SIZE_BYTES_MAX + 1)
    except OSError as error:
        source.fault(None, f"{path} cannot be read: {error.strerror or error}", "Correct the rights of the file")
        return None
    if len(data) > SIZE_BYTES_MAX:
        source.fault(None, f"{path} is larger than 1 MB", "Name the profile's YAML file, not an image")
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        utf_16 = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
        source.fault(
            None if utf_16 else line,
            "the file is UTF-16" if utf_16 else f"byte {data[error.start]:#04x} is not UTF-8",
            "Save the file as UTF-8",
        )
        return None


def _check_tokens(source: YamlSource) -> bool:
    """Find what a look at single lines and tokens tells; True when parsing further makes no sense."""
    for number, line in enumerate(source.text.split("\n"), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip() and not line.lstrip().startswith("#"):
            source.fault(number, "the line begins with a tab", "Indent with spaces")
    if source.faults:
        return True
    aliases = depth = 0
    try:
        loader = yaml.SafeLoader(source.text)
    except yaml.YAMLError as error:
        _add_yaml_error(source, error)
        return True
    try:
        for count, token in enumerate(_tokens(loader)):
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > DEPTH_MAX or count > TOKENS_MAX:
                source.fault(token.start_mark.line + 1, *_TOO_MUCH)
                return True
            if isinstance(token, yaml.TagToken):
                source.fault(
                    token.start_mark.line + 1,
                    "tags (`!` at the begin of a value) are not allowed",
                    "Put the text in quotes",
                )
            elif isinstance(token, yaml.AliasToken):
                aliases += 1
    except yaml.YAMLError as error:
        _add_yaml_error(source, error)
        return True
    finally:
        loader.dispose()
    if aliases > ALIASES_MAX:
        source.fault(
            None, f"there are {aliases} aliases (`*`), at most {ALIASES_MAX} are taken", "Write the values out"
        )
    return bool(source.faults)


def _tokens(loader: yaml.SafeLoader) -> Iterator[yaml.Token]:
    while loader.check_token():
        yield loader.get_token()  # type: ignore[no-untyped-call]  # the stubs leave this method bare


def _add_yaml_error(source: YamlSource, error: yaml.YAMLError) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    line = None if mark is None else mark.line + 1
    for sign, cause, mend in _PARSER_WORDS:
        if sign in problem:
            source.fault(line, cause, mend)
            return
    source.fault(line, f"this is no YAML: {problem}", "Look at this line and the one above it")


_PARSER_WORDS: Final = (
    (
        "mapping values are not allowed",
        "a colon stands where none may be",
        "Put a text that holds `: ` in quotes, and indent keys of one level alike",
    ),
    (
        "found unknown escape character",
        "a backslash in double quotes means something else",
        "Put the text in single quotes",
    ),
    ("found unexpected end of stream", "a quote is not closed", "Close the quote"),
    ("could not find expected ':'", "a colon is missing behind a key", "Write `key: value`"),
    (
        "expected <block end>",
        "the line is indented otherwise than its neighbours",
        "Indent keys of one level alike, with spaces",
    ),
    ("expected ',' or", "a comma or a closing bracket is missing", "Close { with } and [ with ]"),
    ("cannot start any token", "the line begins with a sign that YAML keeps for itself", "Put the text in quotes"),
    ("but found another document", "`---` begins a second document", "Keep one profile in one file"),
    (
        "special characters are not allowed",
        "the file holds a control character",
        "Remove it, or save the file as UTF-8",
    ),
    ("found undefined alias", "an alias (`*`) names nothing", "Put the text in quotes"),
)


class _Builder:
    """Makes plain values of nodes and notes where each stands."""

    def __init__(self, source: YamlSource) -> None:
        self._source = source
        self._nodes = 0
        self._open: set[int] = set()
        self.too_much = False

    def build(self, node: yaml.Node, place: Place, key: yaml.Node) -> Any:
        self._nodes += 1
        self._source.spans[place] = Span(
            key.start_mark.line + 1, node.start_mark.line + 1, node.start_mark.index, node.end_mark.index, node
        )
        if self._nodes > NODES_MAX or len(place) > DEPTH_MAX or id(node) in self._open:
            self._refuse_size(node)
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*place, index), item) for index, item in enumerate(node.value)]
            return scalar(node)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        built: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._source.fault(line, "a key is a list or a mapping", "Write `key: value`")
                continue
            key = key_node.value
            if key in first:
                self._source.fault(
                    line, f"the key {shown(key)} stands twice (before in line {first[key]})", "Remove one of them"
                )
                continue
            first[key] = line
            built[key] = self.build(value_node, (*place, key), key_node)
        return built

    def _refuse_size(self, node: yaml.Node) -> None:
        self.too_much = True
        if not any(fault.cause == _TOO_MUCH[0] for fault in self._source.faults):
            self._source.fault(node.start_mark.line + 1, *_TOO_MUCH)


def scalar(node: yaml.Node) -> Any:
    """Give a scalar's value as YAML 1.2's core schema reads it; numbers remember their text."""
    text = str(node.value)
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return SourceInt.of(int(text), text)
    if _HEX.fullmatch(text):
        return SourceInt.of(int(text, 16), text)
    if _FLOAT.fullmatch(text):
        return SourceFloat.of(float(text), text)
    return text
