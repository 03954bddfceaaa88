"""What many people need, computed from what one of them was measured to cost: workers, nodes, Redis, bandwidth.

No machine is loaded here. Each figure of `Costs` was printed by another benchmark on a machine with two cores, and
each line of the result is one product or quotient of them, so that anybody can put in their own figures and follow.
What is not proportional (a full core, a full link) is kept away from by `Limits`, and not modelled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Annotated

import typer

from scripts.benchmarks.report import AsJson, Result, show


@dataclass(frozen=True)
class Costs:
    """Measured CPU time and memory; docs/scaling.md says when, by which command and beside which floor."""

    forward_us: float = 9.7
    """Worker: a packet forwarded to one of many viewers in step (`forward --scenario video200`)."""
    meeting_us: float = 25.0
    """Worker: a packet forwarded to one of a few (`forward --scenario meeting`)."""
    watch_us_per_s: float = 140.0
    """Worker: a connected viewer, each second (`forward`, idle_cpu_us_per_viewer_s)."""
    connect_ms: float = 2.0
    """Worker: a viewer's connection, once (`forward`, join_cpu_ms)."""
    join_ms: float = 3.3
    """Node: a join, from the handshake to the snapshot (`signaling`, join_cpu_us_last)."""
    event_us: float = 14.2
    """Node: an event told to one client (`signaling`, event_cpu_us_per_client)."""
    stay_us_per_s: float = 30.0
    """Node: a client that is told nothing, each second (`signaling`, idle_cpu_us_per_client_s)."""
    commit_us: float = 150.0
    """Redis: a commit with its publication (`commit`, redis_cpu_us)."""
    viewer_kib: float = 109.0
    """Worker: memory of a viewer (`forward`, rss_kib_per_viewer)."""
    client_kib: float = 19.4
    """Node: memory of a client, without TLS (`signaling`, kib_per_client)."""


@dataclass(frozen=True)
class Limits:
    """How full something may be. media.md's design limit of a worker, and room for a burst on every core."""

    viewers_per_worker: int = 500
    packets_per_worker: int = 100_000
    core: float = 0.7
    redis_core: float = 0.5
    clients_per_node: int = 5_000
    relays_per_worker: int = 4


@dataclass(frozen=True)
class Crowd:
    """So many conferences of one kind at once. `senders` are also viewers; of voices the loudest few are forwarded."""

    conferences: int
    people: int
    senders: int
    voices: int
    pictures: int
    picture_kbps: float
    picture_packets_per_s: float
    commits_per_s: float
    """Of one conference, joins not counted."""
    told_per_s: float
    """Events that everybody in a conference is told, of one conference."""
    arrival_s: float
    """Within so many seconds all come."""
    few: bool
    """Whether a packet has few receivers, who share little of its cost."""


# A voice: 50 packets a second of Opus, about 40 kbit/s with headers.
VOICE_PACKETS_PER_S = 50
VOICE_KBPS = 40.0
# A 720p picture of 1.5 Mbit/s in packets of 1,100 bytes.
PICTURE_KBPS = 1500.0
PICTURE_PACKETS_PER_S = 170.0

CROWDS = {
    # A speaker and their slides, two voices at a time; viewers are told counts each second and what is on the stage.
    "webinar": Crowd(1, 10_000, 4, 2, 2, PICTURE_KBPS, PICTURE_PACKETS_PER_S, 2.0, 1.5, 300.0, False),
    # Each sees the nine others in small tiles: the middle layer of three.
    "meetings": Crowd(10_000, 10, 10, 2, 9, 300.0, 45.0, 0.1, 0.1, 600.0, True),
}


def needs(crowd: Crowd, costs: Costs, limits: Limits) -> Result:
    """What it takes, a result of named figures."""
    people = crowd.conferences * crowd.people
    packets = crowd.voices * VOICE_PACKETS_PER_S + crowd.pictures * crowd.picture_packets_per_s
    packet_us = costs.meeting_us if crowd.few else costs.forward_us
    viewer_core = (packets * packet_us + costs.watch_us_per_s) / 1e6
    # Whichever of the three is reached first.
    per_worker = min(limits.viewers_per_worker, limits.packets_per_worker / packets, limits.core / viewer_core)
    if crowd.people > per_worker:
        workers_each = math.ceil(crowd.people / math.floor(per_worker))
        workers = workers_each * crowd.conferences
    else:
        # A conference is on one worker: what is left over on each is too small for one more.
        workers_each = 1
        workers = math.ceil(crowd.conferences / math.floor(per_worker / crowd.people))
    joins_per_s = people / crowd.arrival_s
    told = crowd.told_per_s * people
    steady_core = (people * costs.stay_us_per_s + told * costs.event_us) / 1e6
    arrival_core = joins_per_s * costs.join_ms / 1000
    nodes = max(math.ceil((steady_core + arrival_core) / limits.core), math.ceil(people / limits.clients_per_node), 1)
    commits = crowd.conferences * crowd.commits_per_s + joins_per_s
    kbps = crowd.voices * VOICE_KBPS + crowd.pictures * crowd.picture_kbps
    return {
        "people": people,
        "packets_per_viewer_s": packets,
        "viewers_per_worker": math.floor(per_worker),
        "workers": workers,
        "worker_cores": people * viewer_core,
        "workers_of_a_conference": workers_each,
        "relay_depth": _depth(workers_each, limits.relays_per_worker),
        "relayed_mbps_of_a_conference": (workers_each - 1) * _sent_kbps(crowd) / 1000,
        "worker_memory_gib": people * costs.viewer_kib / 2**20,
        "out_gbps": people * kbps / 1e6,
        "out_mbps_per_worker": people * kbps / 1000 / workers,
        "nodes": nodes,
        "node_cores_steady": steady_core,
        "node_cores_arriving": arrival_core,
        "node_memory_gib": people * costs.client_kib / 2**20,
        "commits_per_s": commits,
        "redis_core": commits * costs.commit_us / 1e6,
        "redis_servers": max(1, math.ceil(commits * costs.commit_us / 1e6 / limits.redis_core)),
        "connect_core_arriving": joins_per_s * costs.connect_ms / 1000,
    }


def _sent_kbps(crowd: Crowd) -> float:
    """What the senders of one conference send together, all layers of their pictures."""
    return crowd.senders * (VOICE_KBPS + PICTURE_KBPS * 1.3)


def _depth(workers: int, fan_out: int) -> int:
    """How many relays a packet goes through at most, when each worker feeds so many others."""
    depth, reached, last = 0, 1, 1
    while reached < workers:
        last *= fan_out
        reached += last
        depth += 1
    return depth


def command(
    crowd: Annotated[str, typer.Option(help=f"One of: {', '.join(CROWDS)}.")] = "webinar",
    people: Annotated[int, typer.Option(min=0, help="People in each conference; 0 as usual for the crowd.")] = 0,
    conferences: Annotated[int, typer.Option(min=0, help="Conferences at once; 0 as usual for the crowd.")] = 0,
    cost: Annotated[
        list[str] | None, typer.Option(help="Your own measurement, as in forward_us=4.5; may be given again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What so many people need, computed from measured costs; nothing is measured here."""
    if crowd not in CROWDS:
        raise typer.BadParameter(f"{crowd} is none of: {', '.join(CROWDS)}")
    chosen = CROWDS[crowd]
    chosen = replace(chosen, people=people or chosen.people, conferences=conferences or chosen.conferences)
    show(f"scale: {crowd}", needs(chosen, _costs(cost or []), Limits()), as_json, heading="needed")


def _costs(given: list[str]) -> Costs:
    names = {field.name for field in fields(Costs)}
    found: dict[str, float] = {}
    for each in given:
        name, _, text = each.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if name not in names or not 0 <= value < math.inf:
            raise typer.BadParameter(f"{each}: give one of {', '.join(sorted(names))}, as in forward_us=4.5")
        found[name] = value
    return replace(Costs(), **found)
