"""Text in pictures has the letters that people write with, also beyond ASCII."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from server.recording.letters import Letters, fonts_here

WHITE = (255, 255, 255)


def drawn(letters: Letters, text: str) -> bytes:
    image = Image.new("RGB", (400, 60))
    letters.write(ImageDraw.Draw(image), (5, 30), text, WHITE, anchor="lm", size=30)
    return image.tobytes()


@pytest.fixture
def letters() -> Letters:
    # There are some wherever there is the browser of the other tests.
    fonts = fonts_here()
    assert fonts
    return Letters(fonts)


def test_letters_with_accents_and_of_other_scripts_are_seen(letters: Letters) -> None:
    for text in ("é", "Ö", "ß", "ł", "И", "ω"):
        assert drawn(letters, text) != drawn(letters, "\U0010fffe")
    assert drawn(letters, "O\u0308") == drawn(letters, "Ö")


def test_of_a_letter_that_no_font_has_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    bare = Letters([broken], told.append)
    drawn(bare, "Anna")
    assert told == []
    drawn(bare, "Öztürk")
    drawn(bare, "Иван")
    assert len(told) == 1 and "“Ö”" in told[0]


def test_a_text_is_as_wide_as_it_is_said_and_shortened_to_what_there_is(letters: Letters) -> None:
    text = "Sára Иван Wagner"
    whole = letters.length(text, 30)
    image = Image.frombytes("RGB", (400, 60), drawn(letters, text))
    box = image.getbbox()
    assert box is not None and abs((box[2] - 5) - whole) < 6
    assert letters.shortened(text, whole + 1, 30) == text
    short = letters.shortened(text, whole / 2, 30)
    assert short.endswith("…") and text.startswith(short[:-1]) and letters.length(short, 30) <= whole / 2
    assert letters.shortened(text, 1, 30) == ""
    assert letters.length("", 30) == 0
