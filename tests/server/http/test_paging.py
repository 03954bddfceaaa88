"""Every list that may be long comes in pages, all in the same way."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from server.http.api import API
from server.http.endpoint import Endpoint
from server.http.failure import Failure
from server.http.paging import MOST, Page, begins, cut
from tests.harness import Server

# Those that have a small bound of their own and come whole; the reports' rows go on after a line's number.
WHOLE = {"listAttributes", "listTemplates", "listFiles", "listRecordings"}
LISTS = [endpoint for endpoint in API if endpoint.name.startswith("list")]


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda endpoint: endpoint.name)
def test_every_list_has_pages_or_is_short(endpoint: Endpoint) -> None:
    if endpoint.name in WHOLE:
        assert endpoint.query is None
        return
    assert endpoint.query is not None and issubclass(endpoint.query, Page)
    assert endpoint.response is not None and issubclass(endpoint.response, msgspec.Struct)
    assert "next" in endpoint.response.__struct_fields__


@given(some.sets(some.tuples(some.integers(0, 5), some.text(max_size=2)), max_size=30), some.integers(1, 7))
def test_the_pages_are_the_list(entries: set[tuple[int, str]], limit: int) -> None:
    for newest_first in (False, True):
        found: list[tuple[int, str]] = []
        after: str | None = ""
        while after is not None:
            page, after = cut(
                list(entries),
                Page(after=after, limit=limit),
                tuple[int, str],
                lambda one: one,
                newest_first=newest_first,
            )
            assert len(page) <= limit
            found += page
        assert found == sorted(entries, reverse=newest_first)


def test_what_goes_between_two_pages_moves_nothing() -> None:
    names = [(f"{number:02}",) for number in range(6)]
    first, after = cut(names, Page(limit=3), tuple[str], lambda one: one)
    assert after is not None
    left = [name for name in names if name not in first]
    second, end = cut(left, Page(after=after, limit=3), tuple[str], lambda one: one)
    assert (first + second, end) == (names, None)


@pytest.mark.parametrize("after", ["x", "W10=", "WyJ4Il0=", "WzFlOTld", "WzE4NDQ2NzQ0MDczNzA5NTUxNjE1XQ==", "\xff"])
def test_a_place_that_no_page_told_is_refused(after: str) -> None:
    with pytest.raises(Failure):
        begins(after, tuple[int])


def test_conferences_events_links_and_people_are_read_page_by_page(shared_server: Server) -> None:
    token = shared_server.login().token
    conference = shared_server.create()
    for number in range(5):
        shared_server.api("POST", "/conferences", {"title": f"P{number}", "starts": 4_000_000_000_000}, token)
        shared_server.api("POST", "/events", {"title": f"P{number}"}, token)
        shared_server.invite("viewer", conference)
        shared_server.api("POST", "/groups", {"name": f"paged{number}"}, token)
    for path, field, name in (
        ("/conferences", "conferences", "conference"),
        ("/events", "events", "event"),
        (f"/conferences/{conference}/invitations", "invitations", "id"),
        ("/groups", "groups", "name"),
        ("/workspace/people", "people", "id"),
        ("/workspace/record", "entries", "number"),
    ):
        whole = shared_server.api("GET", f"{path}?limit={MOST}", token=token)
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = shared_server.api("GET", f"{path}?limit=2&after={after}", token=token)
            found += [one[name] for one in page[field]]
            after = page["next"]
        assert found == [one[name] for one in whole[field]] and whole["next"] is None, path
    for wrong in ("limit=0", f"limit={MOST + 1}", "after=nowhere", "offset=3"):
        refused = shared_server.request("GET", f"/api/v1/conferences?{wrong}", token=token)
        assert (refused.status, refused.json["code"]) == (400, "bad_message"), wrong
