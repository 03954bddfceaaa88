"""`podium explain`: why somebody may do something in a conference, or not."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from protocol.answers import Explanation
from server.cli.options import with_settings
from server.cli.output import WRONG, Failed, as_json, line
from server.cli.work import Desk, at_desk
from server.conference.explaining import known, logged_state
from server.config import Settings
from server.room.explain import explain as explained
from server.room.refusal import Refusal

EXAMPLE = "Example: podium explain anna kxw-mfqp-ryt media.mute:audio u_1f2e3d4c5b6a7988"


@with_settings("data", "redis")
def explain(
    settings: Settings,
    account: Annotated[str, typer.Argument(help="A login, or an identity such as g_1f2e3d4c5b6a7988.")],
    conference: Annotated[str, typer.Argument(help="The conference's id.")],
    action: Annotated[
        str, typer.Argument(help="A command, such as media.mute:audio, or an action of docs/permissions.md.")
    ],
    target: Annotated[str | None, typer.Argument(help="Whom the command is about: a login or an identity.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say whether somebody may do something in a conference as it is now, and which rule decides.

    They need not be in it; and the server need not run.
    """

    async def work(desk: Desk) -> Explanation | Refusal:
        found = await desk.conference(conference)
        room = await logged_state(desk.roomlog, found)

        async def identity(name: str) -> str:
            by_login = await desk.accounts.by_login(name)
            if by_login is not None:
                return by_login.id
            somewhere = (room.people, room.lobby, room.assigned, room.blocked)
            if any(name in each for each in somewhere) or await desk.accounts.find(name) is not None:
                return name
            raise Failed(f"Nobody called {name!r} is known here: no account, and nobody in the conference.")

        who = await known(await identity(account), room, desk.identities)
        return explained(room, who, action, await identity(target) if target is not None else None)

    answer = at_desk(settings, work)
    if isinstance(answer, Refusal):
        raise Failed(answer.rule, WRONG)
    if json:
        as_json(msgspec.to_builtins(answer))
    else:
        line(f"{'Yes' if answer.allowed else 'No'}. {answer.message}")
