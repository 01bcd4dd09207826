"""Class names outside ASCII on images: letters of an installed font, else the number of the class."""

import logging

import numpy as np
import pytest

from multibox.drawing import boxes, letters
from multibox.drawing.boxes import draw_captioned_boxes

IMAGE = np.full((200, 300, 3), 127, np.uint8)
BOX = np.array([[40.0, 60.0, 250.0, 180.0]], np.float32)


def drawn(name: str, label: int = 7) -> np.ndarray:
    return draw_captioned_boxes(IMAGE, BOX, labels=np.array([label]), captions=[(name, f"{name} 0.87")])


@pytest.fixture
def no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "can_draw", lambda text: False)
    letters.warn_once.cache_clear()


def test_accents_are_left_out() -> None:
    """A name with accents is drawn as the same name without them, in the usual font."""
    np.testing.assert_array_equal(drawn("Žluťoučký"), drawn("Zlutoucky"))


@pytest.mark.usefixtures("no_font")
def test_the_number_of_the_class_stands_for_letters_without_a_font(caplog: pytest.LogCaptureFixture) -> None:
    """Without a font, the image is that of the name `class 7`, and each name is reported once."""
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(drawn("猫"), drawn("class 7"))
        drawn("猫")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["class 猫 is drawn with its number"]


@pytest.mark.skipif(not letters.can_draw("кошка 0.87"), reason="no font with these letters, or no Pillow")
def test_letters_of_an_installed_font() -> None:
    """Different names in a script that a font has give different images, which are not that of the number."""
    cat, dog = drawn("кошка"), drawn("собака")
    assert (cat != dog).any()
    assert (cat != drawn("class 7")).any()
    dark = (cat.astype(int) != IMAGE).any(axis=2)
    assert dark.any()


@pytest.mark.skipif(not letters.can_draw("кошка"), reason="no font with these letters, or no Pillow")
def test_a_text_is_as_wide_as_it_is_drawn() -> None:
    """The measured width against the columns that change when the text is drawn."""
    canvas = np.zeros((60, 400, 3), np.uint8)
    letters.draw_text(canvas, "кошка", left=10, baseline=40, capital=20, color=(255, 255, 255))
    columns = np.flatnonzero(canvas.any(axis=(0, 2)))
    assert columns[0] >= 9
    assert columns[-1] <= 10 + letters.text_length("кошка", capital=20)


def test_a_font_that_nothing_provides(monkeypatch: pytest.MonkeyPatch) -> None:
    """No fontconfig and no font of macOS: the letters cannot be drawn."""
    monkeypatch.setattr(letters, "_fonts_with", lambda text: [])
    letters._font_file.cache_clear()
    assert not letters.can_draw("猫")
    letters._font_file.cache_clear()
