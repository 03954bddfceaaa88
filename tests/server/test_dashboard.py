"""The dashboard and the alerts: they ask for what the server measures, and leave nothing of it out."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from server.metrics import Metrics
from tests.harness import ROOT

DASHBOARD = json.loads((ROOT / "deploy/grafana/podium.json").read_text())
ALERTS = (ROOT / "deploy/prometheus/alerts.yml").read_text()
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
NAME = re.compile(r"\b(?:podium|process)_[a-z0-9_]+\b")
# How a family's samples are called (prometheus.io/docs/instrumenting/exposition_formats).
SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def measured() -> dict[str, set[str]]:
    """The families, each with the names of its samples."""
    families = Metrics().registry.collect()
    return {
        family.name: {family.name + ending for ending in SAMPLES[family.type]}
        for family in families
        if family.name.startswith(("podium_", "process_"))
    }


def test_everything_that_is_asked_for_is_measured() -> None:
    known = set[str]().union(*measured().values())
    asked = {name for text in [*EXPRESSIONS, ALERTS] for name in NAME.findall(text)}
    assert asked and asked <= known, asked - known


def test_everything_of_ours_that_is_measured_is_shown() -> None:
    shown = {name for text in EXPRESSIONS for name in NAME.findall(text)}
    forgotten = {family for family, names in measured().items() if family.startswith("podium_") and not names & shown}
    assert not forgotten


def test_a_label_by_which_something_is_split_exists() -> None:
    """`sum by (nothing)` is no error to Prometheus: it shows one line of everything."""
    # What Prometheus itself adds, and what every histogram and quantile has.
    labels = {"instance", "le"} | {
        label for metric in vars(Metrics()).values() for label in getattr(metric, "_labelnames", ())
    }
    split = {
        label.strip()
        for text in [*EXPRESSIONS, ALERTS]
        for names in re.findall(r"\bby \(([^)]*)\)", text)
        for label in names.split(",")
    }
    assert split and split <= labels, split - labels


def test_panels_have_their_own_places_and_numbers() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert all(panel["title"] and panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS)
