"""Where the crowd goes: the conferences, and the links by which people of each role come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from media.loadtest.person import Ticket
from media.loadtest.plan import Plan
from protocol.client import Api, invitation
from protocol.names import Role

TITLE = "Load test"


class Venue:
    """The conferences of a run. `open` first, `close` at last."""

    def __init__(self, plan: Plan, api: Api) -> None:
        self._plan = plan
        self._api = api
        self._token = plan.token
        self._made: list[str] = []
        # One for each conference: role → the token of a guest link.
        self._doors: list[dict[Role, str]] = []

    async def open(self, code: str) -> None:
        """Make the conferences and their links, or take those that were given; `code` logs the local owner in.

        Raises `ApiError`.
        """
        plan = self._plan
        if code:
            self._token = await self._api.log_in(code)
        if not self._token:
            links = {Role.VIEWER: plan.url, Role.SPEAKER: plan.speaker_link, Role.MODERATOR: plan.moderator_link}
            self._doors = [{role: invitation(link)[1] for role, link in links.items() if link}]
            return
        if plan.conference:
            conferences = [plan.conference]
        else:
            conferences = [
                await self._api.create(f"{TITLE} {number + 1}", self._token) for number in range(plan.conferences)
            ]
            self._made = conferences
        roles = [Role.VIEWER, Role.SPEAKER, *([Role.MODERATOR] if plan.moderated else [])]
        for conference in conferences:
            made = [await self._api.invite(conference, role, self._token, TITLE) for role in roles]
            self._doors.append(dict(zip(roles, made, strict=True)))

    @property
    def conferences(self) -> int:
        """How many there are."""
        return len(self._doors)

    async def tickets(self, role: Role, count: int, came: Callable[[], None]) -> Sequence[Ticket]:
        """Tickets for so many people of a role, who are spread over the conferences; `came` is called for each.

        Raises `ApiError`.
        """

        async def one(number: int) -> Ticket:
            door = self._doors[number % len(self._doors)][role]
            ticket = Ticket(*await self._api.enter(door, f"{role.value.replace('_', ' ').capitalize()} {number + 1}"))
            came()
            return ticket

        return await asyncio.gather(*map(one, range(count)))

    async def close(self) -> None:
        """End the conferences that were made. Raises `ApiError`."""
        for conference in self._made:
            await self._api.end(conference, self._token)
        self._made = []
