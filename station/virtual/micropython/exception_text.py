"""Exceptions printed as MicroPython prints them."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any


def exception_text(error: BaseException, program_builtins: Mapping[str, Any]) -> str:
    """Give the traceback of a program's exception; frames of the stand-ins are left out, as native code has none."""
    lines = ["Traceback (most recent call last):"]
    lines += [
        f'  File "{name}", line {line}, in {function}' for name, line, function in _frames(error, program_builtins)
    ]
    if isinstance(error, SyntaxError):
        lines.append(f'  File "{error.filename}", line {error.lineno}')
    lines.append(f"{type(error).__name__}: {_message(error)}")
    return "\n".join(lines) + "\n"


def _frames(error: BaseException, program_builtins: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__builtins__") is program_builtins:
            yield frame.f_code.co_filename, trace.tb_lineno, frame.f_code.co_name
        trace = trace.tb_next


def _message(error: BaseException) -> str:
    arguments = error.args
    if isinstance(error, SyntaxError):
        return "invalid syntax"
    if not arguments:
        return ""
    if len(arguments) > 1:
        return repr(arguments)
    if isinstance(error, OSError) and isinstance(arguments[0], int):
        name = errno.errorcode.get(arguments[0])
        return f"[Errno {arguments[0]}] {name}" if name else str(arguments[0])
    return repr(arguments[0]) if isinstance(error, KeyError) else str(arguments[0])
