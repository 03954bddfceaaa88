"""How every list that may be long is read: a page of up to `limit` entries, and where the next one begins.

The answer's `next` is the `after` of the following page, and null on the last. To a client it is opaque; here it is
the place of a page's last entry in the list's order. So nothing is told twice or left out because something before it
came or went meanwhile, which numbers of entries to skip cannot promise.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from protocol.errors import Code
from server.http.failure import Failure

MOST = 200

T = TypeVar("T")
P = TypeVar("P", bound=tuple[int | str, ...])
After = Annotated[str, Meta(max_length=400)]
Limit = Annotated[int, Meta(ge=1, le=MOST)]


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list: `after` is the `next` of the page before."""

    after: After = ""
    limit: Limit = 100


def begins(after: str, shape: type[P]) -> P | None:
    """The place after which a page begins; None: the list's first page. Raises `Failure`."""
    if not after:
        return None
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(after), type=shape)
        if any(isinstance(part, int) and abs(part) >= 2**63 for part in place):
            raise ValueError("more than the store's numbers hold")
        return place
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise Failure(Code.BAD_MESSAGE, "This is no page's `next`.", details={"path": "$.after"}) from None


def ends(found: Sequence[T], limit: int, place: Callable[[T], P]) -> tuple[list[T], str | None]:
    """The first `limit` of the entries found, and the page's `next`: one more than `limit` was looked for."""
    page = list(found[:limit])
    if len(found) <= limit:
        return page, None
    return page, base64.urlsafe_b64encode(msgspec.json.encode(place(page[-1]))).decode()


def cut(
    found: Sequence[T], asked: Page, shape: type[P], place: Callable[[T], P], *, newest_first: bool = False
) -> tuple[list[T], str | None]:
    """A page of a list that is there as a whole, in any order; see `ends`. Raises `Failure`."""
    after = begins(asked.after, shape)
    ordered = sorted(found, key=place, reverse=newest_first)
    if after is not None:
        ordered = [one for one in ordered if (place(one) < after if newest_first else place(one) > after)]
    return ends(ordered, asked.limit, place)
