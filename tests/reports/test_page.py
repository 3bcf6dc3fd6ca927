"""The page shows the numbers, needs nothing else, and lets nothing that the ledger holds become markup."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import station.reports.report
from station.errors import Code
from station.reports.page import report_page
from station.reports.plots import columns, round_top
from station.reports.report import Report, make_report
from station.texts import LANGUAGES, Texts
from station.verdict import Verdict
from tests.end_to_end.browser import browser_page
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


_SEARCH = """
(async () => {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done));
  const shown = () => [...document.querySelectorAll("#units tbody tr")].filter((row) => !row.hidden).length;
  const seen = [document.title, shown()];
  for (const wanted of ["Ｆ31", "nobody", ""]) {
    search.value = wanted;
    search.dispatchEvent(new Event("input"));
    seen.push(found.value, shown());
  }
  return seen;
})()
"""


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


def test_a_unit_that_failed_tells_why_and_one_that_passed_at_last_tells_what_came_before(tmp_path: Path) -> None:
    with made_shift(tmp_path / "data", 9) as shift:
        shift.run(1, Verdict.FAIL, Code.NO_BOOT, message="the console ended with 'Guru Meditation'")
        shift.run(2, Verdict.FAIL, Code.UNIT_GONE, lane=2)
        shift.run(2, lane=2)
        made = make_report(shift.ledger, "batch")
    page = report_page(made, Texts("en"))

    assert "F31 The unit does not start<small>the console ended with &#39;Guru Meditation&#39;</small>" in page
    assert "<small>before: F21</small>" in page
    assert f"<small>{Texts('zh-CN').failures['F31'].cause}</small>" in report_page(made, Texts("zh-CN"))
    assert re.findall(r"<tr><td>(Lane \d)</td>\s*<td class=.number.>(.)</td>\s*<td class=.number.>(.)</td>", page) == [
        ("Lane 1", "·", "1"),
        ("Lane 2", "1", "·"),
    ]


def test_a_lane_with_none_of_the_codes_shown_has_no_row_among_them(tmp_path: Path) -> None:
    often = [code for code in Code if code is not Code.NO_BOOT][:8]
    with made_shift(tmp_path / "data") as shift:
        for code in (*often, *often):
            shift.run(1, Verdict.FAIL, code)
        shift.run(2, Verdict.FAIL, Code.NO_BOOT, lane=2)
        page = report_page(make_report(shift.ledger, "batch"), Texts("en"))

    table = page.split('<table class="counts">')[1].split("</table>")[0]
    assert table.count("<tr><td>") == 1


def test_serial_numbers_have_a_column_where_the_product_has_them(report: Report) -> None:
    labelled = [replace(line, last=replace(line.last, serial_number="SP00000001")) for line in report.units[:1]]
    page = report_page(replace(report, units=tuple(labelled)), Texts("en"))

    assert "<th>Serial number</th>" in page
    assert "<td>SP00000001</td>" in page
    assert "<th>Serial number</th>" not in report_page(report, Texts("en"))


def test_times_are_those_of_the_pc_and_say_so(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        page = report_page(report, Texts("en"))
    time.tzset()

    assert "Times are local: UTC+08:00." in page
    assert ">2026-11-24 16:09:12</td>" in page
    assert ">11-24 16:01</text>" in page


def test_a_batch_that_has_not_begun_has_no_empty_list(tmp_path: Path) -> None:
    with made_shift(tmp_path / "data", 3) as shift:
        page = report_page(make_report(shift.ledger, "batch"), Texts("en"))

    assert "Nothing has run yet." in page
    assert "<table" not in page
    assert "<input" not in page


@pytest.mark.parametrize("count", [1, 5, 16, 17, 30])
def test_no_label_of_an_axis_is_cut_off(count: int) -> None:
    plot = columns("Rate", [1.0] * count, ["11-24 16:00"] * count, top=1.0, unit="")
    starts = [float(x) for x in re.findall(r'class="axis" x="([0-9.]+)" y="[0-9.]+">11-24', plot)]

    assert starts
    assert max(starts) <= 500 - 11 * 6


@pytest.mark.parametrize(("value", "top"), [(10, 10), (11, 20), (198, 200), (201, 400), (0.5, 1), (100, 100)])
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert round_top(value) == top


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome")
async def test_a_real_browser_shows_it_and_searches_without_a_word_on_the_console(
    report: Report, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(report_page(report, Texts("en")), encoding="utf-8")
    async with browser_page(str(BROWSER), tmp_path / "browser") as page:
        await page.call("Page.navigate", url=file.as_uri())
        answer = await page.call("Runtime.evaluate", expression=_SEARCH, awaitPromise=True, returnByValue=True)

    assert answer["result"]["value"] == ["Report batch", 9, "1 / 9", 1, "0 / 9", 0, "", 9]
    assert page.complaints == []


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
