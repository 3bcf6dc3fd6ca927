"""The screen in a browser: one unit to PASS on the bench, in a real Chromium, with nothing fetched from elsewhere."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.browser import LIMIT_S, browser_page, find_chromium
from tests.end_to_end.conftest import Desk
from tests.free_port import free_port

CHROMIUM = find_chromium()
PASS_FILL = (0x0A, 0x7F, 0x5C)
F9, F9_CODE = "F9", 120

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="a console program is not interrupted from outside on Windows"),
]


@contextmanager
def served(data: Path) -> Iterator[str]:
    """`station demo --serve` on one lane, for one unit; gives its address, and looks at the end how it ended."""
    port = free_port()
    words = ("demo", "--serve", "--serve-port", port, "--lanes", 1, "--units", 1, "--profile", "training")
    with Desk(data, data).start(*words) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("The screen is at ")
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    assert (out, err, process.returncode) == ("", "", 0)


async def test_a_unit_passes_in_a_browser_that_fetches_nothing_from_elsewhere_and_asks_before_it_leaves(
    tmp_path: Path,
) -> None:
    assert CHROMIUM is not None
    with served(tmp_path / "data") as address:
        async with browser_page(CHROMIUM, tmp_path / "profile") as page:
            await page.call("Page.navigate", url=address)
            await page.until(lambda: "✔ PASS" in page.text)
            await page.until_filled(PASS_FILL, 0.2)
            await page.press(F9, F9_CODE)
            await page.until(lambda: "F9 English" in page.text)

            await page.call("Page.reload")
            await page.until(lambda: page.questions == ["beforeunload"])
            await page.call("Page.handleJavaScriptDialog", accept=False)
            told = page.text.count("F9 中文")
            await page.press(F9, F9_CODE)
            await page.until(lambda: page.text.count("F9 中文") > told)

            assert page.complaints == []
            hosts = {url.split("://", 1)[1].split("/")[0] for url in page.asked if not url.startswith("data:")}
            assert hosts == {address.split("://")[1]}
