"""PDFs for tests: honest decks, and some that mean harm."""

from __future__ import annotations

import io
import zlib

from PIL import Image, ImageDraw

COLOURS = ((24, 60, 120), (120, 40, 60), (30, 100, 70), (110, 90, 20))


def deck(pages: int = 3, size: tuple[int, int] = (960, 540), title: str = "Page") -> bytes:
    """Pages of different colours with their number in large digits."""
    pictures = []
    for number in range(1, pages + 1):
        picture = Image.new("RGB", size, COLOURS[number % len(COLOURS)])
        ImageDraw.Draw(picture).text((60, 60), f"{title} {number}", fill="white", font_size=90)
        pictures.append(picture)
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:])
    return out.getvalue()


def strips(pages: int) -> bytes:
    """Pages that are hardly wider than a line: made into pictures in no time."""
    kids = b" ".join(b"%d 0 R" % (3 + number) for number in range(pages))
    return document(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, pages),
        *(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1 1000] /Resources << >> >>" for _ in range(pages)),
    )


def document(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))


def _stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(data), extra, data)


def _one_page(content: bytes, resources: bytes, *more: bytes, box: bytes = b"0 0 600 400") -> bytes:
    return document(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [%b] /Contents 4 0 R /Resources %b >>" % (box, resources),
        content,
        *more,
    )


def memory_bomb() -> bytes:
    """An image of 60,000 by 60,000 pixels, ten gigabytes, in a few kilobytes of zeros packed twice."""
    side = 60_000
    rows = zlib.compress(zlib.compress(b"\0" * 50_000_000, 9), 9)
    image = _stream(
        rows,
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        b"/Filter [/FlateDecode /FlateDecode]" % (side, side),
    )
    return _one_page(_stream(b"600 0 0 400 0 0 cm /I Do"), b"<< /XObject << /I 5 0 R >> >>", image)


def time_bomb() -> bytes:
    """A form that draws a form that draws a form, ten times each: 10^9 rectangles in two kilobytes."""
    depth = 9
    forms = []
    for level in range(depth):
        last = level == depth - 1
        body = b"0 0 600 400 re f\n" if last else b"/F Do\n" * 10
        inner = b"" if last else b"/Resources << /XObject << /F %d 0 R >> >>" % (6 + level)
        forms.append(_stream(body, b"/Type /XObject /Subtype /Form /BBox [0 0 600 400] " + inner))
    return _one_page(_stream(b"/F Do"), b"<< /XObject << /F 5 0 R >> >>", *forms)


def thin(width: float = 0.01, height: float = 14_000) -> bytes:
    """A page that is hardly there."""
    return _one_page(_stream(b""), b"<< >>", box=b"0 0 %f %f" % (width, height))
