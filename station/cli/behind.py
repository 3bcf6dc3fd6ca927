"""What a screen needs opened while it is there already, so that nobody waits for it before the first paint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from station.cli.loading import loading
from station.cli.stopping import WAIT_SLICE_S
from station.errors import Aborted, Code, CodedError, InternalFault

_T = TypeVar("_T")
PATIENCE_S: Final = 1.0
"""How long a terminal may stay without a prompt and without a word."""


class Behind(Generic[_T]):
    """A context that is entered in another thread than the block's, or in it, and closed at the block's end.

    What `open` could not do is raised there, unless the block itself raises something. The end waits for an opening that is
    under way; in the main thread, Ctrl+C breaks that wait off.
    """

    def __init__(
        self,
        context: Callable[[], AbstractContextManager[_T]],
        *,
        tell_wait: Callable[[], None] = lambda: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`context` may load whatever it needs; it is called by `open`. `tell_wait`, by a block's end that waits."""
        self._context = context
        self._tell_wait = tell_wait
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._is_begun = False
        self._is_given_up = False
        self._has_answer = threading.Event()
        """It is open, could not be opened, or nobody wants it any more."""
        self._is_done = threading.Event()
        """What was begun has ended; whoever closes it waits for this."""
        self._closing = ExitStack()
        self._values: list[_T] = []
        self._error: BaseException | None = None

    @property
    def is_begun(self) -> bool:
        """Whether the context has been entered, or is being."""
        return self._is_begun

    def open(self) -> bool:
        """Enter the context, once; False when it could not be entered, or nobody wants it any more."""
        with self._lock:
            if self._is_given_up:
                return False
            self._is_begun = True
        try:
            with loading():
                self._values.append(self._closing.enter_context(self._context()))
        except BaseException as error:  # noqa: BLE001  raised at the block's end, in the thread that tells it
            self._error = error
        finally:
            self._is_done.set()
            self._has_answer.set()
        return self._error is None

    def value(self) -> _T:
        """Give what the context gives, once it is open; CodedError when it could not be opened, Aborted once it is given up."""
        self._has_answer.wait()
        if not self._is_done.is_set():
            raise Aborted(Code.ABORTED, "the screen ended before the station was open", "Start the command again")
        if isinstance(self._error, CodedError):
            raise self._error
        if self._error is not None:
            raise InternalFault("what is behind the screen could not be opened")
        return self._values[0]

    def give_up(self) -> None:
        """Let go whoever waits for the value, and begin nothing any more: the screen has ended."""
        with self._lock:
            self._is_given_up = True
        self._has_answer.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_up()
        if self._is_begun:
            self._wait_for_opening()
        try:
            self._closing.__exit__(kind, error, trace)
        finally:
            if error is None and self._error is not None:
                raise self._error

    def _wait_for_opening(self) -> None:
        if self._is_done.wait(self._patience_s):
            return
        self._tell_wait()
        while not self._is_done.wait(WAIT_SLICE_S):
            pass  # a wait without an end would not see Ctrl-C on Windows
