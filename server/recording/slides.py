"""The pages of slides that a recording shows.

They are copied beside its tracks when they come on the stage: the file itself may be removed before the video of the
whole is made, and with the conference's files everything of it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

NAME = re.compile(r"slides-[0-9]{1,9}-[0-9]{1,4}\.webp\Z")


def name(number: int, page: int) -> str:
    """What a page of the conference's file `number` is called in a recording's folder."""
    return f"slides-{number}-{page}.webp"


def keep(folder: Path, number: int, page: int, picture: Path) -> None:
    """Copy a page, if it is not there already. Raises `OSError`."""
    target = folder / name(number, page)
    if target.exists():
        return
    other = target.with_name(f".{target.name}")
    shutil.copyfile(picture, other)
    os.replace(other, target)
