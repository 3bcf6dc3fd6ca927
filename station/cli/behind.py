"""What a screen needs opened while it is there already, so that nobody waits for it before the first paint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Generic, Self, TypeVar

from station.cli.loading import loading
from station.errors import CodedError, InternalFault

_T = TypeVar("_T")


class Behind(Generic[_T]):
    """A context that is entered in another thread than the block's, or in it, and closed at the block's end.

    What `open` could not do is raised there, unless the block itself raises something.
    """

    def __init__(self, context: Callable[[], AbstractContextManager[_T]]) -> None:
        """`context` may load whatever it needs; it is called by `open`."""
        self._context = context
        self._is_begun = False
        self._is_done = threading.Event()
        self._closing = ExitStack()
        self._values: list[_T] = []
        self._error: BaseException | None = None

    def open(self) -> bool:
        """Enter the context, once; False when it could not be entered."""
        self._is_begun = True
        try:
            with loading():
                self._values.append(self._closing.enter_context(self._context()))
        except BaseException as error:  # noqa: BLE001  raised at the block's end, in the thread that tells it
            self._error = error
        finally:
            self._is_done.set()
        return self._error is None

    def value(self) -> _T:
        """Give what the context gives, once it is open; CodedError when it could not be opened."""
        self._is_done.wait()
        if isinstance(self._error, CodedError):
            raise self._error
        if self._error is not None:
            raise InternalFault("what is behind the screen could not be opened")
        return self._values[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_begun:
            self._is_done.wait()
        try:
            self._closing.__exit__(kind, error, trace)
        finally:
            if error is None and self._error is not None:
                raise self._error
