"""Where the viewers of a room are, and what its workers are told of the links between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.control import RoomRelays
from server.workers.layout import NOWHERE, Layout
from server.workers.spread import Spread


@dataclass(eq=False)
class Host:
    """A worker, as far as it matters."""

    name: str
    most: int = 2
    viewers: int = 0
    udp_port: int = 4000
    addresses: tuple[str, ...] = ("10.0.0.1",)
    link: object = field(default_factory=object)

    @property
    def id(self) -> str:
        return self.name

    @property
    def full(self) -> bool:
        return self.viewers >= self.most


HOSTS = ("w1", "w2", "w3")


class Room:
    """A room on the first of three workers, and on more when it has to be."""

    def __init__(self, key: str = "a key") -> None:
        self.hosts = {name: Host(name, addresses=(f"10.0.0.{number}",)) for number, name in enumerate(HOSTS, 1)}
        self.spread = Spread(key)
        self.lay(NOWHERE.joined("w1"))

    def lay(self, layout: Layout) -> list[str]:
        return self.spread.lay(layout, self.hosts)  # type: ignore[arg-type]

    def come(self, *people: str) -> None:
        for person in people:
            if self.spread.seat(person) is None and (more := set(HOSTS) - set(self.spread.layout.workers)):
                self.lay(self.spread.layout.joined(min(more)))
            self.spread.seat(person, anyhow=True)

    def seats(self, *people: str) -> list[str]:
        return [seat.name if (seat := self.spread.seat_of(person)) is not None else "" for person in people]

    def relays(self, name: str) -> RoomRelays:
        return self.spread.relays("r", self.hosts[name])  # type: ignore[arg-type]


def test_viewers_go_to_the_first_until_it_is_full_and_to_the_next_then() -> None:
    room = Room()
    room.come("a", "b", "c", "d", "e", "c")
    assert room.seats("a", "b", "c", "d", "e", "f") == ["w1", "w1", "w2", "w2", "w3", ""]
    assert [host.viewers for host in room.hosts.values()] == [2, 2, 1]
    # When all are full the first takes whoever comes.
    room.come("f", "g")
    assert room.seats("f", "g") == ["w3", "w1"]
    room.spread.end()
    assert [host.viewers for host in room.hosts.values()] == [0, 0, 0] and room.spread.workers == ()


def test_a_worker_that_cannot_be_reached_gets_nobody() -> None:
    room = Room()
    room.hosts["w1"].link = None
    room.come("a")
    assert room.seats("a") == ["w2"]


def test_both_ends_of_a_link_are_told_the_same_secret_and_each_the_others_addresses() -> None:
    room = Room()
    assert room.relays("w1") == RoomRelays(room="r", revision=room.spread.layout.version)
    room.lay(room.spread.layout.joined("w2"))
    feeding, fed = room.relays("w1"), room.relays("w2")
    assert feeding.revision == fed.revision == room.spread.layout.version > 0
    (feed,), source = feeding.feeds, fed.source
    assert feeding.source is None and fed.feeds == () and source is not None
    assert (feed.link, feed.secret) == (source.link, source.secret) and len(bytes.fromhex(feed.secret)) == 32
    assert feed.far == (("10.0.0.2", 4000),) and source.far == (("10.0.0.1", 4000),)
    # One more changes nothing for those who are joined.
    room.lay(room.spread.layout.joined("w3"))
    assert room.relays("w2").source == source
    assert room.relays("w1").feeds[0] == feed
    assert room.relays("w1").revision > feeding.revision


def test_nodes_that_agree_on_the_layout_and_the_key_tell_the_same_and_another_key_gives_another_secret() -> None:
    one, two, stranger = Room(), Room(), Room("another key")
    layout = NOWHERE.joined("w1").joined("w2")
    for room in (one, two, stranger):
        room.lay(layout)
    assert one.relays("w1") == two.relays("w1") and one.relays("w2") == two.relays("w2")
    mine, theirs = one.relays("w2").source, stranger.relays("w2").source
    assert mine is not None and theirs is not None
    assert mine.link == theirs.link and mine.secret != theirs.secret
    # The same name in another room is another secret as well.
    (link,) = layout.links
    assert link.secret("a key", "r") == mine.secret != link.secret("a key", "s")


def test_who_viewed_at_a_worker_that_is_not_in_the_layout_any_more_is_known() -> None:
    room = Room()
    room.come("a", "b", "c", "d", "e")
    assert room.lay(room.spread.layout.without(["w2"])) == ["c", "d"]
    assert [host.viewers for host in room.hosts.values()] == [2, 0, 1]
    assert room.seats("a", "c", "e") == ["w1", "", "w3"]


def test_at_a_worker_that_is_lost_nobody_sits_until_the_layout_is_another() -> None:
    room = Room()
    room.come("a", "b", "c")
    first, further = room.spread.workers
    assert room.spread.lose(first) == ["a", "b"]
    assert room.spread.first is None and room.spread.workers == (further,) and not room.spread.whole
    assert room.spread.seat("a") is further
    # What the others are told of the links is what all nodes tell.
    assert room.relays("w2").source is not None
    assert room.lay(room.spread.layout.without(["w1"])) == []
    assert room.spread.first is further and room.spread.whole and room.relays("w2").source is None
    assert sorted(room.spread.lose(further)) == ["a", "c"]
    assert room.spread.workers == ()


def test_a_recorder_is_fed_by_the_first_worker_over_a_link_that_is_in_no_layout() -> None:
    room, recorder = Room(), Host("recorder", addresses=("10.0.0.9",))
    room.come("a", "b", "c")
    layout, told = room.spread.layout, room.relays("w1")
    room.spread.record(recorder, 1)  # type: ignore[arg-type]
    assert room.spread.layout == layout and room.relays("w1") == told, "other nodes need not agree"
    feeds, fed = room.spread.feeds_recorder("r"), room.spread.fed_recorder("r")
    assert feeds.feed is not None and fed.source is not None
    assert (feeds.feed.link, feeds.feed.secret) == (fed.source.link, fed.source.secret)
    assert (feeds.feed.far, fed.source.far) == ((("10.0.0.9", 4000),), (("10.0.0.1", 4000),))
    assert feeds.revision == fed.revision == room.spread.record_revision
    # It stays as it is while its ends do, and is another one with another first worker.
    room.come("d", "e")
    assert room.spread.feeds_recorder("r") == feeds
    room.spread.lose(room.spread.workers[0])
    room.lay(room.spread.layout.without(["w1"]))
    moved = room.spread.feeds_recorder("r")
    assert moved.feed is not None and moved.feed.link != feeds.feed.link and moved.revision > feeds.revision
    (source,) = [room.spread.fed_recorder("r").source]
    assert source is not None and source.far == (("10.0.0.2", 4000),)
    assert [worker.id for worker in room.spread.workers] == ["w2", "w3"], "it takes nobody's place"
    # A name that was used is replaced, another one is not its affair.
    assert not room.spread.renew_recorder(feeds.feed.link)
    assert room.spread.renew_recorder(moved.feed.link)
    renewed = room.spread.feeds_recorder("r")
    assert renewed.feed is not None and renewed.feed.link != moved.feed.link and renewed.revision > moved.revision
    room.spread.record(None)
    ended = room.spread.feeds_recorder("r")
    assert ended.feed is None and ended.recording == 1 and ended.revision > renewed.revision
    assert room.spread.fed_recorder("r").source is None
