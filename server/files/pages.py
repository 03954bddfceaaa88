"""Makes the pages of a PDF into pictures: a program of its own, which a hostile PDF may do with as it likes.

    python -I pages.py PDF FOLDER MOST_PAGES MOST_BYTES SECONDS MEMORY

It imports nothing of ours, is given no environment, and takes its own rights away before it looks at the file: so much
memory and processor time, no large files, few open ones, no core dump. It writes `N-large.webp` and `N-small.webp`
for each page into the folder, and one line of JSON to its output: `{"pages": N, "size": BYTES}`, or `{"error": WHY}`
with one of `damaged`, `locked`, `too_many_pages`, `too_large`. A crash, a signal and silence mean `damaged` too
(server/files/renderer.py).
"""

import errno
import json
import os
import resource
import sys
from typing import Any

# The boxes that a page is fitted into, in pixels: a full HD screen, and a phone or a preview.
LARGE, SMALL = (1920, 1080), (640, 360)
# Of WebP, 0 to 100: letters stay sharp, and a page of text has some 60 KB.
QUALITY = 82
# The effort of the encoder, 0 to 6: with the default of 4 a page takes twice as long and is 5 % smaller.
METHOD = 2
# A page may be as long and thin as it likes.
LEAST_PX = 8
# Points, 1/72 inch (ISO 32000-1, 8.3.2.3, whose own limit is 14,400).
LEAST_POINTS, MOST_POINTS = 1.0, 20_000.0


def restrict(seconds: int, memory: int, most_bytes: int) -> None:
    """Take away what the work does not need."""
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: most_bytes,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_CORE: 0,
    }
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))
    # Media comes first.
    os.nice(10)


class NotTaken(Exception):
    """Why the PDF is not made into pages."""


def convert(path: str, folder: str, most_pages: int, most_bytes: int) -> tuple[int, int]:
    """Write all pages; how many there are, and how many bytes. Raises `NotTaken`."""
    import pypdfium2 as pdfium

    try:
        document: Any = pdfium.PdfDocument(path)
        count = len(document)
    except pdfium.PdfiumError as error:
        raise NotTaken("locked" if "password" in str(error).lower() else "damaged") from None
    if count == 0:
        raise NotTaken("damaged")
    if count > most_pages:
        raise NotTaken("too_many_pages")
    total = 0
    for index in range(count):
        page = document[index]
        picture = _picture(page)
        page.close()
        for name, box in (("large", LARGE), ("small", SMALL)):
            picture.thumbnail(box, reducing_gap=2.0)
            target = os.path.join(folder, f"{index + 1}-{name}.webp")
            picture.save(target, "WEBP", quality=QUALITY, method=METHOD)
            total += os.path.getsize(target)
        if total > most_bytes:
            raise NotTaken("too_large")
    return count, total


def _picture(page: Any) -> Any:
    """The page as large as it fits into the larger box; at least a few pixels, however thin it is."""
    width, height = (min(max(side, LEAST_POINTS), MOST_POINTS) for side in page.get_size())
    scale = min(LARGE[0] / width, LARGE[1] / height)
    picture = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    return picture.resize((max(picture.width, LEAST_PX), max(picture.height, LEAST_PX)))


def main() -> None:
    """See the module."""
    path, folder = sys.argv[1:3]
    most_pages, most_bytes, seconds, memory = map(int, sys.argv[3:7])
    restrict(seconds, memory, most_bytes)
    try:
        pages, size = convert(path, folder, most_pages, most_bytes)
        said: dict[str, object] = {"pages": pages, "size": size}
    except NotTaken as error:
        said = {"error": str(error)}
    except Exception as error:
        # Whatever the library makes of a file that is none: there is nobody here to tell more to. A page that is larger
        # than all pages may be is stopped by the limit of the process, since Python ignores its signal (SIGXFSZ).
        full = isinstance(error, OSError) and error.errno == errno.EFBIG
        said = {"error": "too_large" if full else "damaged"}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
