"""Every cell of the permission table, done over the WebSocket or HTTP against a running server: what a cell allows has
its effect, what it forbids is refused and changes nothing, by the fingerprint of the state."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.directory.conferences import Conferences
from server.identity.accounts import Accounts
from server.room.explain import COMMANDS
from server.room.rules import RULES
from server.storage.store import FILE_NAME, Store
from tests.conftest import SHARED_FLAGS
from tests.harness import Client, Refused, Server
from tests.smtp_server import SmtpServer
from tests.system.cells import ROWS, InPart, Row
from tests.system.scene import Say, Scene

TABLE = {
    row["action"]: row for row in csv.DictReader((Path(__file__).parents[1] / "data/session_permissions.csv").open())
}
ROLES = ("organizer", "moderator", "guest_speaker", "speaker", "viewer")


def cases() -> Iterator[tuple[Row, str, InPart]]:
    """Each row with each role: as a case, whether it is allowed."""
    for row in ROWS:
        for role in ROLES:
            cell = TABLE[row.action][role]
            if cell == "partial":
                assert row.in_part, f"{row.action} is partial for a {role}: say when it is allowed"
                yield from ((row, role, case) for case in row.in_part)
            else:
                yield row, role, InPart("", cell == "yes")


CASES = tuple(cases())


@dataclass
class House:
    """A running server and its mail server, the tokens of those who take part in every scene, and a conference for each
    case."""

    server: Server
    mails: SmtpServer
    tokens: dict[str, str]
    conferences: Iterator[str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("cells") / "data"
    data.mkdir()
    codes, conferences = asyncio.run(prepare(data))
    mails = SmtpServer(tmp_path_factory.mktemp("mails")).start()
    server = Server(data, *mails.flags, *SHARED_FLAGS).start()
    tokens = {name: server.api("POST", "/login", {"code": code})["token"] for name, code in codes.items()}
    yield House(server, mails, tokens, iter(conferences))
    server.stop()
    mails.stop()


async def prepare(data: Path) -> tuple[dict[str, str], list[str]]:
    """The data of a server that has accounts, who are at home in every conference, and a conference for each case;
    one after the other over HTTP, their owner would be returned to the one that is running."""
    store = Store.open(data / FILE_NAME)
    accounts, directory = Accounts(store), Conferences(store)
    owner, _ = await accounts.ensure_owner()
    people = {
        "owner": owner,
        **{name: await accounts.add(name, name.title()) for name in ("actor", "target", "watcher")},
    }
    codes = {name: await accounts.new_code(account.id) for name, account in people.items()}
    conferences = [(await directory.create("A cell", owner.id)).id for _ in (*CASES, *ROLES)]
    accounts.close()
    store.close()
    return codes, conferences


@pytest.fixture
async def scene(house: House) -> AsyncIterator[Callable[[str], Awaitable[Scene]]]:
    """Makes the scene in which the actor has a role."""
    # In debug mode asyncio notes a stack for each callback, which makes this five times as long.
    asyncio.get_running_loop().set_debug(False)
    clients: dict[str, Client] = {}
    made: list[Scene] = []

    async def make(role: str) -> Scene:
        one = Scene(house.server, house.mails, next(house.conferences), role, clients, house.tokens)
        made.append(one)
        for name in house.tokens:
            clients[name] = Client(house.server)
        await asyncio.gather(*(clients[name].hello(token) for name, token in house.tokens.items()))
        await asyncio.gather(*(client.join(one.conference, take_over=True) for client in clients.values()))
        assigned = (("actor", role), ("target", "speaker"), ("watcher", "viewer"))
        await asyncio.gather(
            *(
                clients["owner"].send("role.assign", target=clients[name].identity, role=given)
                for name, given in assigned
            )
        )
        return one

    yield make
    await asyncio.gather(*(peer.close() for one in made for peer in one.peers))
    await asyncio.gather(*(client.drop() for client in clients.values()))


@pytest.mark.parametrize(
    ("row", "role", "case"),
    CASES,
    ids=[" ".join(filter(None, (row.action, row.name, role, case.name))) for row, role, case in CASES],
)
async def test_a_cell_holds(row: Row, role: str, case: InPart, scene: Callable[[str], Awaitable[Scene]]) -> None:
    here = await scene(role)
    await here.set(*row.stage, *case.stage)
    await here.quiet()
    if case.allowed:
        answer = await here.do(row.act)
        for effect in row.effects:
            await effect(here, answer)
        return
    before, answer = await here.state(), None
    if not row.refused:
        answer = await here.do(row.act)
    else:
        for act in (row.act, *row.also):
            with pytest.raises(Refused) as refused:
                await here.do(act)
            assert refused.value.code in row.refused
            assert refused.value.answer["message"].endswith(".")
    for effect in row.denied:
        await effect(here, answer)
    assert await here.state() == before
    watching = {name: client for name, client in here.clients.items() if name != "actor"}
    await asyncio.gather(*(here.heard_out(client) for client in watching.values()))
    for name, client in watching.items():
        assert client.events.empty(), f"{name} was told {client.events.get_nowait()}"
        # What is said is no part of the state.
        while not client.signals.empty():
            assert client.signals.get_nowait()["type"] not in ("chat.message", "reaction")


def test_every_action_is_done_and_every_command_that_needs_one_is_given() -> None:
    """So there is no cell without a real action behind it, and no way around one."""
    assert {row.action for row in ROWS} == set(TABLE)
    given = {(row.action, act.command) for row in ROWS for act in (row.act, *row.also)}
    assert not {(rule.action, rule.command) for rule in RULES.values() if rule.action in TABLE} - given


@pytest.mark.parametrize("role", ROLES)
async def test_the_running_server_explains_each_cell_as_the_table_says(
    role: str, scene: Callable[[str], Awaitable[Scene]]
) -> None:
    """A name that is a command's as well stands for the command, which needs more than the cell; its cells are done
    above."""
    here = await scene(role)
    before = await here.state()
    for action, cells in TABLE.items():
        if action in COMMANDS:
            continue
        answer = (await here.do(Say("actor", "explain", {"command": action})))["result"]
        assert answer["role"] == role and answer["message"].endswith(".")
        # Partial: for what is one's own alone, or where the settings grant it, which by themselves they do not.
        assert answer["allowed"] is (cells[role] == "yes"), (action, answer)
    assert await here.state() == before
