"""Whether something was written on behalf of somebody: a store's refusal says that of its own transaction alone, and
one request may have several."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar


class Writes:
    """`any`: something was committed, or may have been."""

    any = False


_current: ContextVar[Writes | None] = ContextVar("writes", default=None)


@contextlib.contextmanager
def watched() -> Iterator[Writes]:
    """What stores write for what is awaited within."""
    writes = Writes()
    token = _current.set(writes)
    try:
        yield writes
    finally:
        _current.reset(token)


def note() -> None:
    """Something is written, or nobody knows."""
    writes = _current.get()
    if writes is not None:
        writes.any = True
