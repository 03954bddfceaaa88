"""Tickets: good once, within a minute, then for one browser; nobody else's, and noted once."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from protocol.names import PersonKind
from server.identity.access import Identified
from server.recording.tickets import GOOD_FOR_S, MAX_TICKETS, USED_WITHIN_S, Ticket, Tickets
from tests.harness import Server

WHO = Identified(identity="u_1", name="Olga", kind=PersonKind.USER, issued=0)
TICKET = Ticket(conference="c_1", number=1, file="001-0001-video.webm", who=WHO, play=False)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_is_used_within_a_minute_and_then_by_one_browser() -> None:
    clock = Clock()
    tickets = Tickets(clock)
    late, name = tickets.issue(TICKET), tickets.issue(TICKET)
    first = tickets.redeem(name, "")
    assert first is not None and first.first and first.ticket == TICKET
    assert tickets.redeem(name, "") is None
    assert tickets.redeem(name, "another-ä") is None
    clock.now = USED_WITHIN_S
    again = tickets.redeem(name, first.cookie)
    assert again is not None and not again.first
    assert tickets.redeem(late, "") is None
    clock.now = USED_WITHIN_S + GOOD_FOR_S
    assert tickets.redeem(name, first.cookie) is None


def test_tickets_are_bounded() -> None:
    tickets = Tickets()
    names = [tickets.issue(TICKET) for _ in range(MAX_TICKETS + 1)]
    assert len(tickets) == MAX_TICKETS
    assert tickets.redeem(names[0], "") is None
    assert tickets.redeem(names[-1], "") is not None


async def test_a_browser_fetches_a_file_by_its_ticket_and_parts_of_it_afterwards(
    podium_server: Callable[..., Server],
) -> None:
    server = podium_server()
    folder = server.data / "recordings" / server.conference / "0001"
    folder.mkdir(parents=True)
    film = bytes(range(256)) * 40
    (folder / "001-0001-video.webm").write_bytes(film)
    begun = {"type": "begun", "file": "001-0001-video.webm", "person": "u_1", "source": "video", "begins": 1.5}
    done = {"type": "finished", "file": "001-0001-video.webm", "bytes": len(film), "seconds": 12.5}
    (folder / "tracks.jsonl").write_text(json.dumps(begun) + "\n" + json.dumps(done) + "\n")
    begin = {"at": 1000, "begin": {"people": [{"id": "u_1", "name": "Olga"}]}}
    (folder / "timeline.jsonl").write_text(json.dumps(begin) + "\n")
    head = {"Authorization": f"Bearer {server.login().token}"}
    base = f"{server.url}/api/v1/conferences/{server.conference}"
    file = f"{base}/recordings/1/001-0001-video.webm"
    async with httpx.AsyncClient(verify=False) as owner, httpx.AsyncClient(verify=False) as thief:
        listed = (await owner.get(f"{base}/recordings", headers=head)).json()
        assert listed["deletes"] is True
        shown = next(each for each in listed["recordings"][0]["files"] if each["source"])
        assert (shown["label"], shown["seconds"]) == ("Olga", 12.5)
        guest = {"Authorization": f"Bearer {server.guest('Gus').token}"}
        assert (await thief.post(f"{file}/ticket", headers=guest)).status_code == 403
        assert (await owner.post(f"{base}/recordings/1/nothing/ticket", headers=head)).status_code == 404
        issued = (await owner.post(f"{file}/ticket", headers=head)).json()
        address = server.url + issued["path"]
        whole = await owner.get(address)
        assert (whole.status_code, whole.content) == (200, film)
        assert whole.headers["content-disposition"].startswith("attachment")
        part = await owner.get(address, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, film[100:200])
        assert (await thief.get(address)).status_code == 404
        noted = (await owner.get(f"{base}/audit?action=recording.download", headers=head)).json()
        assert len(noted["entries"]) == 1
