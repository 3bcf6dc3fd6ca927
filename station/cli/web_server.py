"""The screen in a browser: textual-serve with our own page, one window at a time, for nobody but this page."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

_logger = logging.getLogger(__name__)

PAGES: Final = Path(__file__).parent / "web"
POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "frame-ancestors 'none'",
    )
)
"""Nothing is fetched from elsewhere; a line's PC may have no network at all."""
ALIVE_ASKED_S: Final = 15.0
"""How often a window is asked whether it is still there: a browser that lost its network must not keep the lanes."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _ScreenProcess(AppService):
    """The screen of one window: a process of its own, without a shell; the window learns when it ends by itself."""

    def __init__(self, arguments: Sequence[str], window: web.WebSocketResponse, server: Server) -> None:
        async def close() -> None:
            await window.close()

        super().__init__(
            "",
            write_bytes=window.send_bytes,
            write_str=window.send_str,
            close=close,
            download_manager=server.download_manager,
        )
        self._arguments = arguments

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environment = self._build_environment(width, height)
        process = await asyncio.create_subprocess_exec(
            *self._arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def run(self) -> None:
        """Hand on what the screen writes until its process has ended."""
        await super().run()
        if self._process is not None:
            await self._process.wait()
        await self.remote_close()


class ScreenServer(Server):
    """Starts the command for the window that opens the page, and ends it when that window is closed."""

    def __init__(
        self, arguments: Sequence[str], host: str, port: int, tell: Callable[[str], None], *, may_share: bool = False
    ) -> None:
        """`arguments` start the screen. With `may_share` many windows have a screen of their own each."""
        super().__init__("", host=host, port=port, title="flashing-station", public_url=_address(host, port))
        self._arguments = arguments
        self._tell = tell
        self._may_share = may_share
        self._is_taken = False
        self._screens: set[_ScreenProcess] = set()
        self._own_names = own_names(host)

    def serve(self, debug: bool = False) -> None:
        """Serve until the process is told to end; OSError when the address cannot be had."""
        self.debug = debug
        web.run_app(self._make_app(), host=self.host, port=self.port, access_log=None, print=self._tell_address)

    def _tell_address(self, _listening: str) -> None:
        self._tell(f"The screen is at {self.public_url} (Ctrl+C ends)")

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is told before the port is ours."""

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002  the library's signature
        """End every screen in good order: its lanes stop, its ports are free."""
        await asyncio.gather(*(screen.stop() for screen in self._screens))

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._only_from_here)
        app.on_response_prepare.append(_add_policy)
        return app

    @web.middleware
    async def _only_from_here(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse what another page sends: a browser lets every page open a socket to this PC."""
        origin = request.headers.get("Origin")
        if not self._is_meant(request.host) or (origin is not None and urlsplit(origin).netloc != request.host):
            _logger.warning("the screen was asked for by another page and refused")
            raise web.HTTPForbidden(text="This is the screen of a flashing station; open it by its own address.\n")
        return await handler(request)

    def _is_meant(self, asked: str) -> bool:
        """Whether a request's Host names this server: a foreign name that leads here is an attack (DNS rebinding)."""
        try:
            name = urlsplit(f"//{asked}").hostname or ""
        except ValueError:
            return False
        if is_loopback(name):
            return True
        return not is_loopback(self.host) and (_is_number(name) or name in self._own_names)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002  the library fills a template
        """Give the page; where the screen is open already, one that waits for it."""
        page = (PAGES / ("taken.html" if self._is_taken else "screen.html")).read_text(encoding="utf-8")
        if not self._may_share:
            page = page.replace("<body>", "<body data-works>")
        return web.Response(text=page, content_type="text/html", charset="utf-8")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run the screen for one window, until it has ended: before that nobody else gets the lanes."""
        if self._is_taken:
            raise web.HTTPConflict(text="The screen is open in another window.\n")
        self._is_taken = not self._may_share
        try:
            return await self._run_screen(request)
        finally:
            self._is_taken = False

    async def _run_screen(self, request: web.Request) -> web.WebSocketResponse:
        window = web.WebSocketResponse(heartbeat=ALIVE_ASKED_S)
        await window.prepare(request)
        screen = _ScreenProcess(self._arguments, window, self)
        await screen.start(to_int(request.query.get("width", ""), 80), to_int(request.query.get("height", ""), 24))
        self._screens.add(screen)
        try:
            await self._process_messages(window, screen)
        finally:
            await screen.stop()
            self._screens.discard(screen)
        return window


def is_loopback(host: str) -> bool:
    """Whether only this PC reaches a server that is bound to this address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_names(host: str) -> frozenset[str]:
    """Give the names, in small letters, by which others on the network call a server bound to this address."""
    name = socket.gethostname()
    return frozenset(one.lower() for one in (host, name, socket.getfqdn(name), f"{name}.local"))


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _address(host: str, port: int) -> str:
    if _is_number(host) and ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _add_policy(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
