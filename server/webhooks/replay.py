"""Telling a receiver again what it was told already, or has missed: its position is set back."""

from __future__ import annotations

import msgspec

from protocol.errors import Code
from server.roomlog import RoomLog
from server.storage.store import Store
from server.webhooks import subscriptions
from server.webhooks.positions import Place, Positions
from server.workspace.acting import Refused


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The events after `version` are told again. `oldest`: those up to it are not kept any more; where that is more
    than `version`, a notice of the gap comes first. `newest` is where the conference is."""

    webhook: str
    conference: str
    epoch: int
    version: int
    oldest: int
    newest: int


async def replay(
    store: Store, roomlog: RoomLog, positions: Positions, id: str, conference: str, version: int
) -> Replayed:
    """Have a subscription told again what came after a version. Raises `Refused`, `StoreUnavailable`."""
    webhook = await store.run(lambda connection: subscriptions.find(connection, id))
    if not webhook.about(conference):
        raise Refused(Code.BAD_MESSAGE, "The webhook is about another conference.", path="$.conference")
    position = await roomlog.position(conference)
    if position is None:
        raise Refused(Code.NO_SUCH_CONFERENCE)
    epoch, newest = position
    if version > newest:
        raise Refused(Code.BAD_MESSAGE, f"The conference is at version {newest}.", path="$.version")
    kept = await roomlog.commits_after(conference, 0, 1)
    await positions.put(id, conference, Place(epoch=epoch, version=version))
    # The dispatchers of all nodes notice it by this.
    await store.run(lambda connection: subscriptions.touch(connection, id))
    return Replayed(
        webhook=id,
        conference=conference,
        epoch=epoch,
        version=version,
        oldest=kept[0].after if kept else newest,
        newest=newest,
    )
