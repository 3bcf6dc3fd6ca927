"""The platform's HTTP side: the OpenAPI at `/`, its files, and the console's download of a product's certificates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from station.virtual.platform.api_call import HttpRequest
from station.virtual.platform.settings import HOST

BODY_BYTES_MAX: Final = 64 * 1024 * 1024
_STOP_TIMEOUT_S: Final = 1.0


class HttpServer:
    """Listens on 127.0.0.1."""

    def __init__(
        self,
        answer: Callable[[HttpRequest], Awaitable[tuple[int, dict[str, Any]]]],
        files: Mapping[str, bytes],
        take_upload: Callable[[str, bytes], bool],
        certificates: Callable[[str], bytes | None],
    ) -> None:
        """`files` by their path; `certificates` gives a product's CSV, None for no such product."""
        self._answer = answer
        self._files = files
        self._take_upload = take_upload
        self._certificates = certificates
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/", self._call)
        app.router.add_post("/upload", self._upload)
        app.router.add_get("/console/{product_key}.csv", self._csv)
        app.router.add_get("/{path:.+}", self._file)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=_STOP_TIMEOUT_S)

    async def listen(self, port: int) -> int:
        """Open the listener and give its port. OSError."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """End every connection and the listener."""
        await self._runner.cleanup()

    async def _call(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        # The path as it was sent: a normalised one would not have the signature that was made.
        status, body = await self._answer(HttpRequest(request.method, request.raw_path, headers, await request.read()))
        return web.json_response(body, status=status)

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        path, file = form.get("key"), form.get("file")
        if not isinstance(path, str) or not isinstance(file, web.FileField):
            raise web.HTTPBadRequest(text="a form with `key` and `file` is needed")
        if not self._take_upload(path, file.file.read()):
            raise web.HTTPForbidden(text="nobody asked for a file there")
        return web.Response(status=204)

    async def _csv(self, request: web.Request) -> web.Response:
        product_key = request.match_info["product_key"]
        data = self._certificates(product_key)
        if data is None:
            raise web.HTTPNotFound
        headers = {"Content-Disposition": f'attachment; filename="{product_key}.csv"'}
        return web.Response(body=data, content_type="text/csv", headers=headers)

    async def _file(self, request: web.Request) -> web.Response:
        data = self._files.get(request.match_info["path"])
        if data is None:
            raise web.HTTPNotFound
        headers = {"Accept-Ranges": "bytes"}
        try:
            wanted = request.http_range
            start, stop, _ = wanted.indices(len(data))
        except ValueError:
            start = stop = len(data)
            wanted = slice(start, stop)
        if wanted.start is None and wanted.stop is None:
            return web.Response(body=data, content_type="application/octet-stream", headers=headers)
        if start >= stop:
            raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return web.Response(status=206, body=data[start:stop], content_type="application/octet-stream", headers=headers)
