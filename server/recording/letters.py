"""Text in pictures: each letter from the first font of this machine that has it.

The font that comes with Pillow has the letters of ASCII and no others: no é, no Ö, no И. It is taken where the machine
has no font at all.
"""

from __future__ import annotations

import functools
import itertools
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from PIL import ImageDraw, ImageFont

_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    *("/Library/Fonts", "/System/Library/Fonts"),
)
_KINDS = (".ttf", ".otf", ".ttc")
# Those that are read best come first; then upright ones of usual weight.
_FIRST = ("NotoSans-Regular", "DejaVuSans", "LiberationSans-Regular", "Arial")
# In which a font is asked for a letter; no font has one for a code point that is none.
_ASKED, _NONE = 20, "\U0010fffe"

Font = ImageFont.FreeTypeFont
Colour = tuple[int, int, int]


def fonts_here() -> list[Path]:
    """The files of this machine's fonts, in the order in which they are taken."""
    # Not Path.expanduser: in a container there may be nobody whose home it is.
    folders = [Path(os.path.expanduser(folder)) for folder in _FOLDERS]
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix in _KINDS]

    def order(path: Path) -> tuple[int, bool, str]:
        rank = _FIRST.index(path.stem) if path.stem in _FIRST else len(_FIRST)
        return rank, not path.stem.endswith("Regular"), path.name

    return sorted(found, key=order)


class Letters:
    """`fonts` in the order in which they are taken; of letters that none of them has `warn` is told once."""

    def __init__(self, fonts: Iterable[Path], warn: Callable[[str], None] = lambda sentence: None) -> None:
        self._paths: list[Path | None] = [*fonts, None]
        self._warn = warn
        self._warned = False
        self._font = functools.cache(self._opened)
        self._none = functools.cache(self._looks_of_none)
        self._of = functools.cache(self._which)

    def length(self, text: str, size: int) -> float:
        """How wide a text is, in pixels."""
        return sum(font.getlength(run) for font, run in self._runs(text, size))

    def write(
        self, pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: Colour, *, anchor: str, size: int
    ) -> None:
        """`anchor` as in Pillow: `l` or `m` across, `s` (the line it stands on) or `m` down."""
        runs = list(self._runs(text, size))
        if not runs:
            return
        left, top = at
        if anchor[0] == "m":
            left -= sum(font.getlength(run) for font, run in runs) / 2
        if anchor[1] == "m":
            above, below = runs[0][0].getmetrics()
            top += (above - below) / 2
        for font, run in runs:
            pen.text((left, top), run, colour, font=font, anchor="ls")
            left += font.getlength(run)

    def shortened(self, text: str, wide: float, size: int) -> str:
        """The text as far as it fits."""
        if self.length(text, size) <= wide:
            return text
        fitting = (f"{text[:end].rstrip()}…" for end in range(len(text) - 1, 0, -1))
        return next((each for each in fitting if self.length(each, size) <= wide), "")

    def _runs(self, text: str, size: int) -> Iterator[tuple[Font, str]]:
        before = 0
        which = []
        for letter in (text := unicodedata.normalize("NFC", text)):
            # What joins, marks or turns the letter before it is of that one's font.
            if unicodedata.category(letter) not in ("Mn", "Mc", "Me", "Cf", "Zs"):
                before = self._of(letter)
            which.append(before)
        for index, run in itertools.groupby(zip(which, text, strict=True), lambda each: each[0]):
            font = self._font(index, size)
            assert font is not None
            yield font, "".join(letter for _, letter in run)

    def _which(self, letter: str) -> int:
        for index in range(len(self._paths)):
            font = self._font(index, _ASKED)
            if font is not None and _look(font, letter) != self._none(index):
                return index
        if not self._warned:
            self._warned = True
            self._warn(f"No font on this machine has “{letter}”; install one that does, such as fonts-noto.")
        return next(index for index in range(len(self._paths)) if self._font(index, _ASKED) is not None)

    def _opened(self, index: int, size: int) -> Font | None:
        path = self._paths[index]
        if path is None:
            font = ImageFont.load_default(size)
            assert isinstance(font, Font)  # with FreeType, which wheels of Pillow have
            return font
        try:
            return ImageFont.truetype(str(path), size)
        except OSError:  # damaged, or of pictures in one size alone
            return None

    def _looks_of_none(self, index: int) -> object:
        font = self._font(index, _ASKED)
        return None if font is None else _look(font, _NONE)


def _look(font: Font, letter: str) -> object:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
