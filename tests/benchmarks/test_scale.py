"""What a crowd needs is computed: by hand for one of them, and never less for more people or dearer packets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from scripts.benchmarks.__main__ import app
from scripts.benchmarks.scale import CROWDS, Costs, Crowd, Limits, needs
from tests.harness import ROOT

CROWD = st.builds(
    Crowd,
    conferences=st.integers(1, 10_000),
    people=st.integers(2, 50_000),
    senders=st.integers(1, 36),
    voices=st.integers(1, 6),
    pictures=st.integers(0, 25),
    picture_kbps=st.floats(50, 5000),
    picture_packets_per_s=st.floats(10, 600),
    commits_per_s=st.floats(0, 20),
    told_per_s=st.floats(0, 20),
    arrival_s=st.floats(10, 3600),
    few=st.booleans(),
)


def test_one_by_hand() -> None:
    crowd = Crowd(1, 1200, 1, 1, 1, 1460.0, 150.0, 1.0, 2.0, 60.0, False)
    costs = Costs(forward_us=5.0, watch_us_per_s=0.0, event_us=10.0, stay_us_per_s=30.0, join_ms=3.0, commit_us=100.0)
    found = needs(crowd, costs, Limits())
    # 200 packets/s each: 1 ms of CPU per viewer and second, so a core at 0.7 has room for more than the limit of 500.
    assert (found["packets_per_viewer_s"], found["viewers_per_worker"], found["workers"]) == (200.0, 500, 3)
    assert found["relay_depth"] == 1 and found["worker_cores"] == pytest.approx(1.2)
    assert found["out_gbps"] == pytest.approx(1.8)
    # 2 × 1200 × 10 µs and 1200 × 30 µs; 20 joins/s of 3 ms.
    assert found["node_cores_steady"] == pytest.approx(0.06) and found["node_cores_arriving"] == pytest.approx(0.06)
    assert found["commits_per_s"] == pytest.approx(21.0) and found["redis_core"] == pytest.approx(0.0021)


@given(CROWD, st.floats(1, 5))
def test_more_of_anything_never_needs_less(crowd: Crowd, factor: float) -> None:
    before = needs(crowd, Costs(), Limits())
    more = (
        needs(replace(crowd, conferences=crowd.conferences * 2), Costs(), Limits()),
        needs(
            crowd, replace(Costs(), forward_us=Costs().forward_us * factor, join_ms=Costs().join_ms * factor), Limits()
        ),
        needs(replace(crowd, told_per_s=crowd.told_per_s * factor), Costs(), Limits()),
    )
    for after in more:
        for key in ("workers", "nodes", "redis_servers", "worker_cores", "node_cores_steady"):
            assert after[key] >= before[key]  # type: ignore[operator]


@given(CROWD)
def test_no_worker_is_given_more_than_it_may_have(crowd: Crowd) -> None:
    costs, limits = Costs(), Limits()
    found = needs(crowd, costs, limits)
    workers = found["workers"]
    assert isinstance(workers, int)
    viewers = crowd.people * crowd.conferences / workers
    packets = crowd.voices * 50 + crowd.pictures * crowd.picture_packets_per_s
    cost = costs.meeting_us if crowd.few else costs.forward_us
    assert viewers <= limits.viewers_per_worker
    assert viewers * packets <= limits.packets_per_worker * 1.001
    assert viewers * (packets * cost + costs.watch_us_per_s) / 1e6 <= limits.core * 1.001


def test_the_document_says_what_is_computed() -> None:
    text = (ROOT / "docs" / "scaling.md").read_text()
    webinar, meetings = (text[text.index(f"## {head}") :] for head in ("One webinar", "10,000 meetings"))
    for name, told in (("webinar", webinar), ("meetings", meetings)):
        found = needs(CROWDS[name], Costs(), Limits())
        for key, unit in (
            ("packets_per_viewer_s", " a second"),
            ("workers", " workers"),
            ("commits_per_s", " commits"),
        ):
            assert f"**{found[key]:,.0f}{unit}**" in told, key
        assert f"**{found['out_gbps']:g} Gbit/s**" in told
    assert "**158 viewers**" in webinar and "**54**" in meetings and "**20 nodes**" in meetings


def test_ones_own_costs_are_taken_and_mistakes_are_told() -> None:
    run = CliRunner().invoke
    usual = json.loads(run(app, ["scale", "--json"]).output)
    cheaper = json.loads(run(app, ["scale", "--json", "--cost", "forward_us=3"]).output)
    assert cheaper["workers"] < usual["workers"] and usual["people"] == CROWDS["webinar"].people
    for wrong in (
        ["--cost", "forward=3"],
        ["--cost", "forward_us=much"],
        ["--cost", "join_ms=-1"],
        ["--crowd", "none"],
    ):
        refused = run(app, ["scale", *wrong])
        assert refused.exit_code == 2 and "Traceback" not in refused.output
