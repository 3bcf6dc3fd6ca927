"""Language, colours and bell are the station's own: changed by one key, kept for the next shift."""

from __future__ import annotations

from textual.widgets import OptionList

from station.tui.settings import Colours, Settings
from tests.tui.driving import on_line, opened, settle
from tests.tui.fake_line import CHOICE, failed, fake_app, fake_line
from tests.tui.pictures import screen_text


async def test_f9_changes_the_language_of_every_open_screen() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(1))
        await settle(pilot)
        await pilot.press("f1", "f9")
        await settle(pilot)
        assert "产品没有启动" in screen_text(app)
        assert "Esc 返回" in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "剩余证书 188" in screen_text(app)
        assert "F5 重试" in screen_text(app)
        await pilot.press("f9")
        await settle(pilot)

        assert "188 certificates left" in screen_text(app)


async def test_f9_changes_the_language_of_a_choice_and_keeps_the_cursor() -> None:
    app = fake_app(fake_line(), choices=(CHOICE, CHOICE))
    async with opened(app) as pilot:
        await pilot.press("down", "f9")
        await settle(pilot)

        assert screen_text(app).count("剩余证书") == 2
        assert app.screen.query_one(OptionList).highlighted == 1


async def test_what_is_changed_is_kept() -> None:
    kept: list[Settings] = []
    app = fake_app(fake_line(), keep_settings=kept.append)
    async with on_line(app) as pilot:
        await pilot.press("f9")
        for _ in Colours:
            app.action_change_colours()
        await settle(pilot)

        assert app.theme == "station-dark"
    assert [settings.language for settings in kept] == ["zh-CN"] * 4
    assert [settings.colours for settings in kept[1:]] == ["light", "contrast", "dark"]
