"""How a document comes to another system: as a file in a folder, or by POST. The only door to aiohttp's client.

Sources: docs.aiohttp.org (client, timeouts, trust_env); draft-ietf-httpapi-idempotency-key-header-07 for `Idempotency-Key`,
whose value is a quoted string, and for what 409 and 422 mean there.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from station.errors import UsageError
from station.ledger.whole_file import written_whole
from station.platform.openapi_client import goes_direct
from station.results.settings import ChannelSettings, NoAuthorization, read_authorization

_REFUSING: Final = frozenset({400, 413, 422})
"""The document itself is not taken; anything else may be mended without it."""
_CONFLICT: Final = 409
_SAID_MAX: Final = 300


class Outcome(StrEnum):
    """DELIVERED; REFUSED: this document never will be; CONFLICT: the other system has its key in hand; the rest may be tried again:
    FAULT: answered, perhaps for this document alone; AWAY: nothing can be delivered now.
    """

    DELIVERED = "delivered"
    REFUSED = "refused"
    CONFLICT = "conflict"
    FAULT = "fault"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a delivery, why, and how long the other system wants to be left alone."""

    outcome: Outcome
    cause: str = ""
    retry_after_s: float = 0.0


class Delivery(Protocol):
    """Delivers documents, one at a time; a lane never calls it."""

    def deliver(self, name: str, document: bytes, key: UUID) -> Answer:
        """Deliver a document; `name` is a file's, without suffix. No exception for what the other system does."""

    def cancel(self) -> None:
        """Let go of the delivery in hand, from any thread; it is then AWAY."""

    def look(self) -> str:
        """Give what keeps it from delivering, as far as that is seen without a delivery; empty when nothing does."""


def open_delivery(settings: ChannelSettings) -> Delivery:
    """Give the delivery that a channel's settings name."""
    if settings.folder is not None:
        return FolderDelivery(Path(settings.folder))
    return HttpDelivery(settings)


class FolderDelivery:
    """A hot folder. A file has its name only when it is whole; a folder that is away is not made: it may be a share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, name: str, document: bytes, key: UUID) -> Answer:  # noqa: ARG002  it stands in the document
        """Write the file; again under the same name, it takes its own place."""
        try:
            with written_whole(self._folder / f"{name}.json") as draft:
                draft.write_bytes(document)
        except UsageError as error:
            return Answer(Outcome.AWAY, f"{self._folder}: {error.cause}")
        return Answer(Outcome.DELIVERED)

    def cancel(self) -> None:
        """A file is written before anybody can wait for it."""

    def look(self) -> str:
        """Say whether the folder is there."""
        return "" if self._folder.is_dir() else f"{self._folder} is no folder"


class HttpDelivery:
    """POST with JSON. Redirects are not followed: they would carry the authorization elsewhere."""

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings
        self._url = settings.url or ""
        self._place = settings.place
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Answer]] | None = None

    def deliver(self, name: str, document: bytes, key: UUID) -> Answer:  # noqa: ARG002  the key names it
        """Send the document and say what the answer means."""
        try:
            headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{key}"', **self._authorization()}
            return asyncio.run(self._post(document, headers))
        except asyncio.CancelledError:
            return Answer(Outcome.AWAY, "stopped")
        except (OSError, ValueError) as error:
            return Answer(Outcome.AWAY, self._no_authorization(error))

    def cancel(self) -> None:
        """Break off the request in hand; the other system may have it."""
        if (running := self._running) is not None:
            loop, task = running
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(task.cancel)

    def look(self) -> str:
        """Say whether the authorization can be read and somebody listens at the address."""
        try:
            self._authorization()
        except (OSError, ValueError) as error:
            return self._no_authorization(error)
        return asyncio.run(self._knock())

    def _authorization(self) -> dict[str, str]:
        named = self._settings.authorization_file
        return {} if named is None else {"Authorization": read_authorization(Path(named))}

    def _no_authorization(self, error: Exception) -> str:
        why = str(error) if isinstance(error, NoAuthorization) else getattr(error, "strerror", None)
        return f"{self._settings.authorization_file} cannot be used: {why or type(error).__name__}"

    async def _knock(self) -> str:
        from aiohttp import ClientError, ClientSession, ClientTimeout  # noqa: PLC0415  half a second that few stations need

        limit = ClientTimeout(total=self._settings.timeout_s)
        try:
            async with (
                ClientSession(timeout=limit, trust_env=not goes_direct(self._url)) as session,
                session.options(self._url, ssl=self._tls(), allow_redirects=False),
            ):
                return ""
        except (ClientError, OSError, TimeoutError) as error:
            return f"{self._place}: {_told(error)}"

    async def _post(self, document: bytes, headers: dict[str, str]) -> Answer:
        from aiohttp import ClientError, ClientSession, ClientTimeout  # noqa: PLC0415  as above

        task = asyncio.current_task()
        assert task is not None  # noqa: S101  asyncio.run made it
        self._running = (asyncio.get_running_loop(), task)
        limit = ClientTimeout(total=self._settings.timeout_s)
        try:
            async with (
                ClientSession(timeout=limit, trust_env=not goes_direct(self._url)) as session,
                session.post(
                    self._url, data=document, headers=headers, ssl=self._tls(), allow_redirects=False
                ) as answer,
            ):
                said = (await answer.content.read(_SAID_MAX)).decode("utf-8", "replace")
                for secret in headers.get("Authorization", "").split():
                    said = said.replace(secret, "***")
                said = " ".join(f"HTTP {answer.status} {said}".split())
                return _meaning(answer.status, said, answer.headers)
        except (ClientError, OSError, TimeoutError) as error:
            return Answer(Outcome.AWAY, f"{self._place}: {_told(error)}")
        finally:
            self._running = None

    def _tls(self) -> ssl.SSLContext | bool:
        return ssl.create_default_context(cafile=self._settings.ca_file) if self._settings.ca_file else True


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    cause = getattr(error, "os_error", error)  # aiohttp's own sentence has the address once more, and its own words
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno:
        return os.strerror(cause.errno) if cause.errno > 0 else cause.strerror or type(cause).__name__
    return str(error) or type(error).__name__


def _meaning(status: int, said: str, headers: Mapping[str, str]) -> Answer:
    if 200 <= status < 300:
        return Answer(Outcome.DELIVERED)
    if status in _REFUSING:
        return Answer(Outcome.REFUSED, said)
    if status == _CONFLICT:
        return Answer(Outcome.CONFLICT, said)
    wait = headers.get("Retry-After", "")
    return Answer(
        Outcome.FAULT if status in {500, 501} else Outcome.AWAY, said, float(wait) if wait.isdecimal() else 0.0
    )
