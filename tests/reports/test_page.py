"""The page shows the numbers, needs nothing else, and lets nothing that the ledger holds become markup."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import station.reports.report
from station.errors import Code
from station.reports.page import report_page
from station.reports.report import Report, make_report
from station.texts import LANGUAGES, Texts
from station.verdict import Verdict
from tests.ledger.making import STAMP
from tests.reports.made_runs import made_shift

EVIL = """<script>document.title="pwned"</script><img src=x onerror='document.title="pwned"'>"""
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A small shift whose operator has a hostile name."""
    with made_shift(tmp_path_factory.mktemp("page") / "data", 20) as shift:
        for unit in range(1, 9):
            shift.run(unit, at_s=unit * 60, operator=EVIL)
        shift.run(9, Verdict.FAIL, Code.NO_BOOT, at_s=540, lane=2, message=EVIL)
        return make_report(shift.ledger, "batch")


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}]
        assert not [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_becomes_markup_and_nothing_is_fetched(report: Report, language: str) -> None:
    page = report_page(report, Texts(language))
    found = Elements(page)

    assert found.tags.count("script") == 1
    assert "img" not in found.tags
    assert found.addresses == []
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert STAMP not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_stand_beside_their_definitions(report: Report, language: str) -> None:
    page, texts = report_page(report, Texts(language)), Texts(language)

    assert f"{texts.say('report.first_pass')}<b>88.9 %</b><small>{texts.say('report.define.first_pass')}" in page
    for key in texts.sentences:
        if key.startswith("report.define."):
            assert texts.say(key).replace("'", "&#39;") in page, key


def test_the_audit_head_and_how_to_verify_it_are_told(report: Report) -> None:
    page = report_page(report, Texts("en"))

    assert report.head is not None
    assert report.head.is_genuine()
    assert report.head.hash in page
    assert f"station audit verify audit.jsonl --key {report.head.public_key}" in page


def test_a_large_batch_shows_its_last_units_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(station.reports.report, "UNITS_SHOWN_MAX", 3)
    with made_shift(tmp_path / "data", 9) as shift:
        for unit in range(1, 8):
            shift.run(unit)
        page = report_page(make_report(shift.ledger, "batch"), Texts("en"))

    assert re.findall(r"<td>(plug-\d+)", page) == ["plug-00007", "plug-00006", "plug-00005"]
    assert "3 of 7 units" in page
    assert "station report batch --out units.csv" in page


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome")
def test_a_real_browser_shows_it_without_a_word_on_the_console(report: Report, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(report_page(report, Texts("en")), encoding="utf-8")
    shown = browser(tmp_path, "--dump-dom", page.as_uri())

    assert "CONSOLE" not in shown.stderr
    assert "<title>Report batch</title>" in shown.stdout
    assert Elements(shown.stdout).tags.count("tr") == 10


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome")
def test_the_browser_would_tell_a_script_that_is_not_the_pages_own(report: Report, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    broken = report_page(report, Texts("en")).replace("</body>", '<script>document.title="pwned"</script></body>')
    page.write_text(broken, encoding="utf-8")
    shown = browser(tmp_path, "--dump-dom", page.as_uri())

    assert "CONSOLE" in shown.stderr
    assert "<title>Report batch</title>" in shown.stdout


def browser(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the browser without a window; what pages say on their console is on standard error."""
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    return subprocess.run(
        [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            *quiet,
            f"--user-data-dir={folder / 'browser'}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=True,
    )
