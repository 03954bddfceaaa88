"""Which workers a room is on and how they are linked, as one value."""

from __future__ import annotations

import time

from server.workers.layout import NOWHERE, Layout


def spread(*workers: str) -> Layout:
    layout = NOWHERE
    for worker in workers:
        layout = layout.joined(worker)
    return layout


def ends(layout: Layout) -> set[tuple[str, str]]:
    return {(link.feeder, link.fed) for link in layout.links}


def test_the_first_worker_feeds_the_next_and_every_change_has_a_greater_version() -> None:
    layout, versions = NOWHERE, [NOWHERE.version]
    for worker in ("w1", "w2", "w3"):
        layout = layout.joined(worker)
        versions.append(layout.version)
    assert layout.workers == ("w1", "w2", "w3") and ends(layout) == {("w1", "w2"), ("w1", "w3")}
    assert versions == sorted(set(versions))
    # Also above what a server has told that ran before.
    assert versions[1] >= time.time_ns() // 1_000_000 - 1000


def test_what_changes_nothing_is_the_same_value() -> None:
    layout = spread("w1", "w2")
    assert layout.without([]) is layout and layout.without(["w9"]) is layout and layout.renewed("unknown") is layout


def test_links_that_stand_keep_their_names_and_one_that_is_made_again_gets_another() -> None:
    layout = spread("w1", "w2", "w3")
    (kept,) = [link for link in layout.links if link.fed == "w3"]
    (former,) = [link for link in layout.links if link.fed == "w2"]
    again = layout.without(["w2"]).joined("w2")
    assert kept in again.links and former not in again.links
    assert ends(again) == ends(layout)


def test_of_a_link_that_needs_another_name_only_that_is_another() -> None:
    layout = spread("w1", "w2", "w3")
    worn, kept = layout.links
    renewed = layout.renewed(worn.name)
    assert ends(renewed) == ends(layout) and renewed.workers == layout.workers
    assert kept in renewed.links and worn not in renewed.links
    assert len({link.name for link in (*layout.links, *renewed.links)}) == 3


def test_when_the_first_is_gone_the_next_takes_its_place() -> None:
    layout = spread("w1", "w2", "w3").without(["w1"])
    assert layout.workers == ("w2", "w3") and ends(layout) == {("w2", "w3")}
    assert layout.without(["w2", "w3"]).links == ()
