"""The keyring of the user who is signed in: the one door to `keyring`, which is an optional extra and imported when it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any, Final

from station.errors import CodedError

_GOOD_PRIORITY: Final = 1
"""keyring's own measure: backends below are not recommended, they keep nothing, or passwords in clear."""


class Trouble(Enum):
    """Why a keyring cannot be used."""

    NOT_INSTALLED = auto()
    NOT_SAFE = auto()
    """The system has none that keeps a secret."""
    LOCKED = auto()


class SystemKeyring:
    """Keeps texts under a service and a user. What goes wrong is raised as `fault` says; it hears a locked one's reason."""

    def __init__(self, fault: Callable[[Trouble, str], CodedError]) -> None:
        self._fault = fault

    @property
    def is_there(self) -> bool:
        """Whether this system has a keyring that keeps a secret."""
        return not isinstance(_backend(), Trouble)

    def get(self, service: str, user: str) -> str | None:
        """Give what is kept, None when there is nothing."""
        with self._open() as backend:
            text: str | None = backend.get_password(service, user)
        return text

    def put(self, service: str, user: str, text: str) -> None:
        """Keep a text, in the place of an earlier one."""
        with self._open() as backend:
            backend.set_password(service, user, text)

    def remove(self, service: str, user: str) -> None:
        """Forget what is kept."""
        with self._open() as backend:
            backend.delete_password(service, user)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        backend = _backend()
        if isinstance(backend, Trouble):
            raise self._fault(backend, "")
        from keyring.errors import KeyringError  # noqa: PLC0415  there, as the backend is

        try:
            yield backend
        except KeyringError as error:
            raise self._fault(Trouble.LOCKED, type(error).__name__) from None


def _backend() -> Any:
    try:
        import keyring  # noqa: PLC0415  an optional extra, for those who use it
    except ImportError:
        return Trouble.NOT_INSTALLED
    backend = keyring.get_keyring()
    return backend if backend.priority >= _GOOD_PRIORITY else Trouble.NOT_SAFE
