"""The screen of a training's lessons: the list, one sentence that follows the lesson, and the keys that lend a hand."""

from __future__ import annotations

import pytest

from station.texts import LANGUAGES, Texts
from station.tui.cell_text import wrap
from station.tui.lesson import SHARED_STAGES, Hand, Stage
from station.tui.lesson_screen import LessonScreen
from tests.tui.driving import on_line, settle
from tests.tui.fake_lessons import NAMES, VALUES, FakeLessons
from tests.tui.fake_line import fake_app, fake_line, waiting
from tests.tui.pictures import screen_text


async def test_f3_lists_the_lessons_and_a_digit_begins_one_on_the_line() -> None:
    line, lessons = fake_line(2, training=True), FakeLessons(done=frozenset({"pulled"}))
    app = fake_app(line, lessons=lessons)
    async with on_line(app) as pilot:
        await pilot.press("f3")
        await settle(pilot)
        assert isinstance(app.screen, LessonScreen)
        listed = screen_text(app)
        await pilot.press("3")
        await settle(pilot)
        assert "1 ✔ A unit" not in screen_text(app)

    assert "1 ✔ A unit is pulled out" in listed
    assert "TRAINING" in listed
    assert lessons.calls == ["begin foreign"]


async def test_enter_begins_the_first_lesson_that_is_not_done_and_f4_ends_the_one_that_is_given() -> None:
    line, lessons = fake_line(2, training=True), FakeLessons(done=frozenset({"pulled"}))
    app = fake_app(line, lessons=lessons)
    async with on_line(app) as pilot:
        await pilot.press("f3", "enter")
        await settle(pilot)
        await pilot.press("f3", "f4", "escape")
        await settle(pilot)
        lessons.say(Stage.WATCH)
        await settle(pilot)
        await pilot.press("f3", "f4")
        await settle(pilot)

    assert lessons.calls == ["begin wrong_chip", "leave"]


async def test_the_sentence_follows_the_lesson_and_f4_does_what_its_word_says() -> None:
    line, lessons = fake_line(2, training=True), FakeLessons()
    app = fake_app(line, lessons=lessons)
    async with on_line(app) as pilot:
        line.say(waiting(1), waiting(2))
        await settle(pilot)
        idle = screen_text(app)
        await pilot.press("f4")
        lessons.say(Stage.WATCH)
        await settle(pilot)
        await pilot.press("f4")
        assert lessons.calls == []
        watch = screen_text(app)
        lessons.say(Stage.ACT, Hand.PUT_IN)
        await settle(pilot)
        act = screen_text(app)
        await pilot.press("f4")
        lessons.say(Stage.DONE, Hand.NEXT)
        await settle(pilot)
        done = screen_text(app)

    assert lessons.calls == ["act"]
    assert "Lessons: what can go wrong, and what to do." in idle
    assert "▸ Lesson 1 of 5 · A unit is pulled out · lane 1" in watch
    assert "In a moment somebody pulls it out." in watch
    assert "F4 Put in" in act
    assert "✔ Lesson 1 of 5" in done
    assert "Well done." in done
    assert "F4 Next lesson" in done


async def test_outside_a_training_there_are_no_lessons() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.press("f3", "f4")
        await settle(pilot)
        assert app.screen is app.line_screen
        assert "Lesson" not in screen_text(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_lesson_fits_into_its_two_rows(language: str) -> None:
    texts = Texts(language)
    wanted = [f"lesson.{stage}" for stage in SHARED_STAGES]
    wanted += [f"lesson.{name}.{stage}" for name in NAMES for stage in (Stage.WATCH, Stage.ACT, Stage.DONE)]
    wanted += [key for key in texts.sentences if key.startswith("lesson.") and key.endswith(f".{Stage.THEN}")]

    assert [key for key in wanted if len(wrap(texts.say(key, **VALUES), 78)) > 2] == []
    assert [hand for hand in Hand if not texts.sentences.get(f"hand.{hand}")] == []
