"""A headless Chromium, driven by the DevTools protocol, as far as the tests need it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
LIMIT_S: Final = 60.0
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1200,700",
)
_ESCAPES: Final = re.compile(r"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07]*\x07|.)")
_SHARE_OF_COLOUR: Final = """
(async () => {
  const image = new Image();
  image.src = "data:image/png;base64,%s";
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const dots = pen.getImageData(0, 0, image.width, image.height).data, wanted = [%d, %d, %d];
  let same = 0;
  for (let at = 0; at < dots.length; at += 4)
    same += wanted.every((value, part) => Math.abs(dots[at + part] - value) < 4);
  return same * 4 / dots.length;
})()
"""


def find_chromium() -> str | None:
    """Give the browser's program, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Page:
    """One page: what it was sent, where it asked, what it complained of."""

    socket: aiohttp.ClientWebSocketResponse
    received: bytearray = field(default_factory=bytearray)
    """What came over the page's own WebSocket in binary frames: the terminal's bytes."""
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    """Kinds of the boxes in which the browser asked its user."""
    _number: int = 0

    @property
    def text(self) -> str:
        """All words that the terminal was sent, without its escape sequences."""
        return _ESCAPES.sub("", self.received.decode("utf-8", "replace"))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something and give its answer."""
        self._number += 1
        await self.socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            said = await self._hear()
            if said.get("id") == self._number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result

    async def until(self, holds: Callable[[], bool]) -> None:
        """Take in what the browser tells until something holds; TimeoutError."""
        async with asyncio.timeout(LIMIT_S):
            while not holds():
                await self._hear()

    async def press(self, key: str, code: int) -> None:
        """Press one key that types nothing; `code` is its virtual key code."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def until_filled(self, colour: tuple[int, int, int], share: float) -> None:
        """Look at the page until more than a share (0 to 1) of its dots have a colour; TimeoutError."""
        async with asyncio.timeout(LIMIT_S):
            while await self._share_of(colour) <= share:
                pass

    async def _share_of(self, colour: tuple[int, int, int]) -> float:
        picture = (await self.call("Page.captureScreenshot"))["data"]
        script = _SHARE_OF_COLOUR % (picture, *colour)
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return float(answer["result"]["value"])

    async def _hear(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=LIMIT_S))
        told = said.get("params", {})
        match said.get("method"):
            case "Network.webSocketFrameReceived" if told["response"]["opcode"] == 2:
                self.received += base64.b64decode(told["response"]["payloadData"])
            case "Network.requestWillBeSent":
                self.asked.append(told["request"]["url"])
            case "Network.webSocketCreated":
                self.asked.append(told["url"])
            case "Page.javascriptDialogOpening":
                self.questions.append(told["type"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in {"error", "assert"}:
                self.complaints.append(json.dumps(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(told["entry"]["text"])
        return said


@asynccontextmanager
async def browser_page(chromium: str, profile: Path) -> AsyncIterator[Page]:
    """A new browser with one blank page."""
    process = subprocess.Popen(
        [chromium, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"listening on ws://([\d.]+:\d+)/", line) for line in process.stderr)))
        drain = asyncio.get_running_loop().run_in_executor(None, process.stderr.read)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{found[1]}/json/list") as answer:
                address = next(one for one in await answer.json() if one["type"] == "page")["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Runtime", "Log", "Network", "Page"):
                    await page.call(f"{domain}.enable")
                await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
                yield page
                await socket.send_json({"id": 0, "method": "Browser.close"})
        await asyncio.wait_for(drain, LIMIT_S)
    finally:
        process.kill()
        process.wait(LIMIT_S)
        if process.stderr is not None:
            process.stderr.close()
