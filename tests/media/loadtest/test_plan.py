"""What can be asked of a load test, and what is refused before anybody comes."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from media.loadtest.plan import MAX_VIEWERS, Plan, PlanError, Storm
from protocol.client import invitation
from protocol.names import Source

LINK = "https://meet.example/c/abc#invite=tok"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"viewers": MAX_VIEWERS + 1}, "--viewers must be 0 to 5,000"),
        ({"publishers": 37}, "need --conferences 2"),
        ({"publishers": 0, "viewers": 0}, "Nobody would come"),
        ({"duration_s": 0.5}, "--duration must be 1 to"),
        ({"loss": 95}, "--loss must be 0 to 90"),
        ({"audio": False, "video_kbps": 0}, "publish nothing"),
        ({"size": "big"}, "--size is a width and a height"),
        ({"viewers": 0, "churn": 1.0}, "--churn needs --viewers"),
        ({"token": "t"}, "--token belongs to a server"),
        ({"url": "ftp://host"}, "has the form https://host"),
        ({"url": "https://meet.example"}, "is no guest link"),
        ({"url": LINK}, "Publishers need a speaker's guest link"),
        ({"url": LINK, "speaker_link": LINK.replace("meet", "other")}, "different servers"),
        ({"url": LINK, "publishers": 0, "storm": Storm.MUTE}, "needs a moderator's guest link"),
        ({"url": LINK, "publishers": 0, "conferences": 2}, "is for one conference"),
        ({"url": LINK, "token": "t"}, "give either it or links"),
        ({"url": "https://meet.example", "token": "t", "workers": 2}, "--workers is for the local server"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence.replace("(", r"\(")):
        Plan(**asked).check()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"publishers": 72, "conferences": 2},
        {"url": LINK, "publishers": 0},
        {"url": LINK, "speaker_link": LINK, "moderator_link": LINK, "storm": Storm.ALL},
        {"url": "https://meet.example", "token": "t", "conference": "abc"},
    ],
)
def test_what_can_be_done_is_said_in_a_sentence(asked: dict[str, Any]) -> None:
    plan = Plan(**asked)
    plan.check()
    said = plan.intention()
    assert ("on loopback only" if plan.local else "meet.example") in said and "tok" not in said


def test_a_machine_with_too_few_files_is_found_out_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 256))
    with pytest.raises(PlanError, match="open files, and the system allows 256"):
        Plan(viewers=1000).check()
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    Plan(viewers=1000).check()
    assert len(raised) == 1 and 2000 < raised[0][0] < 4096 == raised[0][1]


def test_what_is_sent_has_the_rate_that_was_asked_for() -> None:
    for kbps, fps in ((880, 25), (150, 30), (6000, 15)):
        (sound, picture) = Plan(video_kbps=kbps, fps=fps).patterns()
        assert (sound.source, sound.packets_per_s) == (Source.AUDIO, 50)
        assert picture.packets_per_s * picture.size * 8 == pytest.approx(1000 * kbps, rel=0.01)
        assert picture.packets_per_s % fps == 0 and 80 <= picture.size <= 1100, "whole frames in packets of one size"
    assert [each.source for each in Plan(video_kbps=0).patterns()] == [Source.AUDIO]


def test_three_layers_are_each_half_as_wide_as_the_next() -> None:
    layers = Plan(audio=False, video_kbps=1700, simulcast=True).patterns()
    assert [(each.rid, each.width, each.height) for each in layers] == [
        ("q", 320, 180),
        ("h", 640, 360),
        ("f", 1280, 720),
    ]
    rates = [each.packets_per_s * each.size * 8 for each in layers]
    assert rates == sorted(rates) and rates[0] == pytest.approx(154_000, rel=0.02)


def test_a_guest_link_is_taken_apart() -> None:
    assert invitation(LINK) == ("https://meet.example", "tok")
    with pytest.raises(ValueError, match="no guest link"):
        invitation("https://meet.example/c/abc")
