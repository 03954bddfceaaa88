"""What somebody calls a file, and what kind of file that is.

On the disk a file has a name of ours. The given one is a label: it is shown, and offered when the file is downloaded,
so what could mislead a reader or a program is taken out of it. A handout is what the end of its name says, if that is
in the table and the first bytes do not say otherwise; nothing is ever served as a page (HTML, SVG), nor inline.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import msgspec

MAX_LABEL = 120


class Type(msgspec.Struct, frozen=True):
    """A kind of file: its media type, and what its first bytes are, one of these; none: they may be anything."""

    media: str
    begins: tuple[bytes, ...] = ()


_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
_WORDS = "text/plain; charset=utf-8"

TYPES: Mapping[str, Type] = {
    "pdf": Type("application/pdf", (b"%PDF-",)),
    "docx": Type(f"{_OPEN_XML}.wordprocessingml.document", _ZIP),
    "xlsx": Type(f"{_OPEN_XML}.spreadsheetml.sheet", _ZIP),
    "pptx": Type(f"{_OPEN_XML}.presentationml.presentation", _ZIP),
    "odt": Type(f"{_OPEN_DOCUMENT}.text", _ZIP),
    "ods": Type(f"{_OPEN_DOCUMENT}.spreadsheet", _ZIP),
    "odp": Type(f"{_OPEN_DOCUMENT}.presentation", _ZIP),
    "epub": Type("application/epub+zip", _ZIP),
    "zip": Type("application/zip", _ZIP),
    "txt": Type(_WORDS),
    "md": Type(_WORDS),
    "csv": Type("text/csv; charset=utf-8"),
    "ics": Type("text/calendar; charset=utf-8"),
    "png": Type("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": Type("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": Type("image/jpeg", (b"\xff\xd8\xff",)),
    "gif": Type("image/gif", (b"GIF87a", b"GIF89a")),
    "webp": Type("image/webp", (b"RIFF",)),
    "mp3": Type("audio/mpeg", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "m4a": Type("audio/mp4"),
    "ogg": Type("audio/ogg", (b"OggS",)),
    "mp4": Type("video/mp4"),
    "webm": Type("video/webm", (b"\x1aE\xdf\xa3",)),
}
# As many bytes as the longest beginning.
LONGEST = max(len(begin) for type_ in TYPES.values() for begin in type_.begins)

# What a file's name cannot have in it on one system or another.
_UNFIT = re.compile(r'[<>:"|?*/\\]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def label(name: str) -> str:
    """The given name without folders, and without letters that cannot be seen or turn the writing direction."""
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(char for char in unicodedata.normalize("NFC", last) if _is_seen(char))
    stem, dot, end = _UNFIT.sub("_", " ".join(seen.split())).rpartition(".")
    if not dot:
        stem, end = end, ""
    stem, end = stem.strip(" ."), re.sub(r"[^A-Za-z0-9]", "", end)[:16]
    if _RESERVED.fullmatch(stem):
        stem = f"_{stem}"
    kept = (stem or "file")[: MAX_LABEL - len(end) - 1].rstrip(" .")
    return f"{kept}.{end}" if end else kept


def _is_seen(char: str) -> bool:
    """Control and format characters (among them those that turn the direction), surrogates and odd spaces are not."""
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def extension(label: str) -> str:
    """The end of a label, in small letters; empty when it has none."""
    return label.rpartition(".")[2].lower() if "." in label else ""


def begins_right(extension: str, first: bytes) -> bool:
    """Whether the first bytes fit the end of the name."""
    begins = TYPES[extension].begins
    return not begins or first.startswith(begins)
