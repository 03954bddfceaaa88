"""A map that is never changed: each change makes another map, which shares nearly all of itself with the former.

The state of a room holds one row for each person, and every event makes a new state. A dict would be copied as a whole
each time: 10 µs for a thousand people, 200 µs for ten thousand (it leaves the processor's cache), some three times for
each join. Here the rows stand in *pages* of some dozens, in the order in which they came, and an index says on which
page a key is. A change copies one page and a part of the index.

That what did not change is the same object makes two more questions cheap: which rows differ between two states (whole
pages are skipped), and which rows pass a test (each page answers once, and remembers).
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Any, Generic, TypeVar, cast, overload

T = TypeVar("T")
V = TypeVar("V")

# Rows of a page, and parts of the index: with ten thousand rows a change copies 64 rows, the places of 160 pages and a
# part of 160 keys, each about a microsecond.
PAGE = 64
_PARTS = 64
_NO_PART: dict[str, int] = {}


class _Page(Generic[V]):
    """Some rows, and what was asked of them before. Nothing of it is changed but what it remembers."""

    __slots__ = ("chosen", "rows")

    def __init__(self, rows: dict[str, V]) -> None:
        self.rows = rows
        self.chosen: dict[Callable[[V], bool], tuple[V, ...]] = {}

    def choose(self, test: Callable[[V], bool]) -> tuple[V, ...]:
        found = self.chosen.get(test)
        if found is None:
            found = self.chosen[test] = tuple(filter(test, self.rows.values()))
        return found


class Table(Mapping[str, V]):
    """Rows in the order in which their keys came first. Made by `table`, changed by `put` and `drop`."""

    __slots__ = ("_index", "_pages", "_size")

    def __init__(self, pages: tuple[_Page[V], ...] = (), index: tuple[dict[str, int], ...] = (), size: int = 0) -> None:
        self._pages = pages
        self._index = index
        self._size = size

    # --- reading ------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(page.rows for page in self._pages)

    def __getitem__(self, key: str) -> V:
        at = self._place(key)
        if at is None:
            raise KeyError(key)
        return self._pages[at].rows[key]

    def __contains__(self, key: object) -> bool:
        return self._place(cast(str, key)) is not None

    @overload
    def get(self, key: str, /) -> V | None: ...

    @overload
    def get(self, key: str, /, default: V | T) -> V | T: ...

    def get(self, key: str, /, default: Any = None) -> Any:
        """The row, or `default`."""
        at = self._place(key)
        return default if at is None else self._pages[at].rows[key]

    def values(self) -> ValuesView[V]:
        """The rows in order."""
        return _Values(self)

    def items(self) -> ItemsView[str, V]:
        """Keys and rows in order."""
        return _Items(self)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Mapping) and dict(self.items()) == dict(other.items()))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"table({dict(self.items())!r})"

    def _place(self, key: str) -> int | None:
        if not self._size:
            return None
        return self._index[hash(key) % _PARTS].get(key)

    # --- changing -----------------------------------------------------------------------

    def put(self, key: str, row: V) -> Table[V]:
        """With this row, in the place of the former one of that key or at the end."""
        at = self._place(key)
        if at is not None:
            return Table(self._turned(at, {**self._pages[at].rows, key: row}), self._index, self._size)
        pages = self._pages
        if pages and len(pages[-1].rows) < PAGE:
            at = len(pages) - 1
            pages = self._turned(at, {**pages[at].rows, key: row})
        else:
            at = len(pages)
            pages = (*pages, _Page({key: row}))
        return Table(pages, self._indexed(key, at), self._size + 1)

    def drop(self, key: str) -> Table[V]:
        """Without the row of that key."""
        at = self._place(key)
        if at is None:
            return self
        if self._size == 1:
            return EMPTY
        left = dict(self._pages[at].rows)
        del left[key]
        pages = self._turned(at, left)
        if len(pages) > 2 + 2 * self._size // PAGE:
            # Mostly gaps: filled up, after as many departures as there are rows to be moved.
            return table(Table(pages, (), self._size - 1))
        return Table(pages, self._indexed(key, None), self._size - 1)

    def _turned(self, at: int, rows: dict[str, V]) -> tuple[_Page[V], ...]:
        return (*self._pages[:at], _Page(rows), *self._pages[at + 1 :])

    def _indexed(self, key: str, at: int | None) -> tuple[dict[str, int], ...]:
        index = self._index or (_NO_PART,) * _PARTS
        number = hash(key) % _PARTS
        part = dict(index[number])
        if at is None:
            del part[key]
        else:
            part[key] = at
        return (*index[:number], part, *index[number + 1 :])

    # --- what sharing makes cheap -------------------------------------------------------

    def differing(self, other: Table[V]) -> set[str]:
        """The keys whose row is another object than in `other`, or is in one of the two only."""
        if self is other:
            return set()
        found: set[str] = set()
        mine, theirs = self._pages, other._pages
        for at in range(max(len(mine), len(theirs))):
            page = mine[at].rows if at < len(mine) else {}
            former = theirs[at].rows if at < len(theirs) else {}
            if page is not former:
                unlike = {key for key, row in page.items() if former.get(key) is not row}
                unlike.update(key for key in former if key not in page)
                # What is on no page of the same place may have come to another one.
                found.update(key for key in unlike if self.get(key) is not other.get(key))
        return found

    def choose(self, test: Callable[[V], bool]) -> list[V]:
        """The rows that pass a test, in order. It is asked once for each page, so it must be a function that lives as
        long as the program and looks at nothing but the row."""
        return [row for page in self._pages for row in page.choose(test)]


class _Values(ValuesView[V]):
    __slots__ = ()

    def __iter__(self) -> Iterator[V]:
        rows = cast("Table[V]", self._mapping)  # type: ignore[attr-defined]
        return chain.from_iterable(page.rows.values() for page in rows._pages)


class _Items(ItemsView[str, V]):
    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, V]]:
        rows = cast("Table[V]", self._mapping)  # type: ignore[attr-defined]
        return chain.from_iterable(page.rows.items() for page in rows._pages)


# The one table without rows, so that a state in which something has emptied is written as one that never had it.
EMPTY: Table[Any] = Table()


def table(rows: Mapping[str, V]) -> Table[V]:
    """A table of these rows."""
    if not rows:
        return EMPTY
    index: tuple[dict[str, int], ...] = tuple({} for _ in range(_PARTS))
    for place, key in enumerate(rows):
        index[hash(key) % _PARTS][key] = place // PAGE
    items = list(rows.items())
    pages = tuple(_Page(dict(items[start : start + PAGE])) for start in range(0, len(items), PAGE))
    return Table(pages, index, len(items))
