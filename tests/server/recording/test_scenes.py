"""What a timeline says of each moment, and where everybody is then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.recording.library import Library
from server.recording.scenes import Said, Scene, chat_of, places, scenes_of

AB = ["a", "b"]


def scene(kind: str = "grid", **more: Any) -> Scene:
    return Scene({}, ("a", "b"), more.pop("tiles", {}), kind, **more)


def timeline(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "timeline.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"at": 9, "cha')
    return path


def test_in_a_grid_a_screen_is_large_with_the_people_beside_it_and_all_are_seen() -> None:
    found = places(AB, [("a", "screen")], scene(), 1000, 600)
    assert found["a", "screen"] == (0, 0, 800, 600)
    assert found["a", "video"][0] == found["b", "video"][0] == 800
    grid = places(list("abcdef"), [], scene(), 900, 600)
    assert len({box[:2] for box in grid.values()}) == 6
    assert all(x + w <= 900 and y + h <= 600 for x, y, w, h in grid.values())


def test_tiles_placed_by_hand_stand_over_every_arrangement() -> None:
    placed = {"b": (50.0, 50.0, 25.0, 25.0)}
    for kind in ("grid", "speaker", "sidebar", "screen_first", "picture_in_picture"):
        for screens in ([], [("a", "screen")]):
            found = places(AB, screens, scene(kind, tiles=placed), 1000, 600)
            assert list(found.items())[-1] == (("b", "video"), (500, 300, 250, 150))
    assert places(AB, [], scene(tiles=placed), 1000, 600)["a", "video"] == (0, 0, 1000, 600)


def test_who_speaks_is_large_the_others_below_or_beside_and_who_was_chosen_goes_before() -> None:
    below = places(["a", "b", "c"], [], scene("speaker", speaker="b"), 1000, 600)
    assert below["b", "video"] == (0, 0, 1000, 480)
    assert below["a", "video"][1] == below["c", "video"][1] == 480
    beside = places(AB, [], scene("sidebar", speaker="b", spotlight="a"), 1000, 600)
    assert beside == {("a", "video"): (0, 0, 800, 600), ("b", "video"): (800, 0, 200, 600)}
    # Nobody has spoken yet, or who did is gone; and somebody who is alone has all of it.
    assert places(AB, [], scene("speaker", speaker="gone"), 1000, 600)["a", "video"] == (0, 0, 1000, 480)
    assert places(["a"], [], scene("speaker"), 1000, 600) == {("a", "video"): (0, 0, 1000, 600)}
    assert places([], [], scene("speaker"), 1000, 600) == {}


def test_a_screen_is_large_but_for_who_was_chosen() -> None:
    assert places(AB, [("b", "screen")], scene("speaker", speaker="a"), 1000, 600)["b", "screen"] == (0, 0, 1000, 480)
    chosen = places(AB, [("b", "screen")], scene("speaker", spotlight="a"), 1000, 600)
    assert chosen["a", "video"] == (0, 0, 1000, 480) and ("b", "screen") not in chosen


def test_picture_in_picture_has_one_in_the_corner_and_the_others_nowhere() -> None:
    found = places(["a", "b", "c"], [("a", "screen")], scene("picture_in_picture", speaker="c"), 1000, 600)
    assert found == {("a", "screen"): (0, 0, 1000, 600), ("c", "video"): (750, 450, 250, 150)}
    assert list(found)[-1] == ("c", "video"), "drawn over it"


def test_layout_and_speaker_of_the_time_come_from_the_timeline(tmp_path: Path) -> None:
    begin = {"people": [{"id": "a", "name": "Anna"}], "stage": ["a"], "layout": {"kind": "speaker", "spotlight": "a"}}
    changed = {"type": "conference.layout_changed", "layout": {"kind": "sidebar"}}
    path = timeline(
        tmp_path,
        {"at": 1000, "begin": begin},
        {"at": 2000, "event": {"type": "stage.taken", "person": "b"}},
        {"at": 3000, "speaker": "b"},
        {"at": 4000, "event": changed},
    )
    found = scenes_of(path)
    assert [at for at, _ in found] == [1, 2, 3, 4]
    assert found[0][1] == Scene({"a": "Anna"}, ("a",), {}, "speaker", "a", "")
    assert found[2][1] == Scene({"a": "Anna"}, ("a", "b"), {}, "speaker", "a", "b")
    assert found[3][1] == Scene({"a": "Anna"}, ("a", "b"), {}, "sidebar", "", "b")


def test_what_was_deleted_from_the_chat_is_not_in_it(tmp_path: Path) -> None:
    said = [
        {"at": 1000 * n, "chat": {"number": n, "name": "Anna", "text": text}} for n, text in enumerate(("one", ""), 1)
    ]
    assert chat_of(timeline(tmp_path, *said)) == [(1.0, Said("Anna", "one"))]


def test_a_tile_is_where_it_was_placed_until_it_is_taken_back_or_its_person_leaves_the_stage(tmp_path: Path) -> None:
    corner = {"x": 70, "y": 0, "width": 30, "height": 30}
    begin = {"stage": ["anna", "bert"], "layout": {"tiles": {"anna": corner}}}
    events = [
        {"type": "conference.layout_changed", "layout": {"tiles": {"anna": corner, "bert": {**corner, "y": 40}}}},
        {"type": "stage.left", "person": "anna"},
        {"type": "stage.taken", "person": "anna"},
        {"type": "conference.layout_changed", "layout": {"kind": "sidebar"}},
    ]
    written = timeline(
        tmp_path, {"at": 1000, "begin": begin}, *({"at": 2000 + n, "event": event} for n, event in enumerate(events))
    )
    anna, bert = (70, 0, 30, 30), (70, 40, 30, 30)
    assert [(each.stage, each.tiles) for _, each in scenes_of(written)] == [
        (("anna", "bert"), {"anna": anna}),
        (("anna", "bert"), {"anna": anna, "bert": bert}),
        (("bert",), {"bert": bert}),
        (("bert", "anna"), {"bert": bert}),
        (("bert", "anna"), {}),
    ]


def test_what_is_shown_on_the_stage_is_in_the_scene_until_it_is_taken_down(tmp_path: Path) -> None:
    slides = {"file": {"number": 3}, "page": 1, "person": "a"}
    poll = {"number": 1, "question": "Tea?", "options": ["Yes", "No"]}
    begin: dict[str, Any] = {"people": [], "stage": ["a"], "slides": slides}
    begin["displayed"] = {"name": "Vera", "text": "Why?"}
    events = (
        {"type": "slides.turned", "page": 2},
        {"type": "question.displayed"},
        {"type": "poll.launched", "poll": poll},
        {"type": "poll.closed", "poll": 1, "answers": 3, "counts": [2, 1]},
        {"type": "stage.left", "person": "a"},
        {"type": "slides.opened", "slides": {**slides, "person": "b"}},
        {"type": "slides.closed"},
        {"type": "question.displayed", "question": {"name": "", "text": "How?"}},
        {"type": "poll.removed", "poll": 1},
    )
    lines = [{"at": 1000 * at, "event": event} for at, event in enumerate(events, 2)]
    found = scenes_of(timeline(tmp_path, {"at": 1000, "begin": begin}, *lines))
    pages = [each.slides and (each.slides.person, each.slides.page) for _, each in found]
    assert pages == [("a", 1), *[("a", 2)] * 4, None, ("b", 1), None, None, None]
    cards = [each.card(at) for at, each in found]
    assert cards[:5] == [
        *[("Vera: Why?",)] * 2,
        (),
        ("Tea?", "Yes", "No"),
        ("Tea?", "Yes: 2", "No: 1"),
    ]
    assert cards[8] == ("A question: How?", "Tea?", "Yes: 2", "No: 1") and cards[9] == ("A question: How?",)
    assert found[4][1].card(found[4][0] + 10.1) == (), "results are shown for ten seconds"
    others = ({"type": "poll.closed", "poll": 2, "answers": 0, "counts": [0, 0]}, {"type": "poll.removed", "poll": 2})
    lines = [{"at": 1000 * at, "event": event} for at, event in enumerate(others, 2)]
    gone_on = scenes_of(timeline(tmp_path, {"at": 1000, "begin": {"people": [], "polls": [poll]}}, *lines))
    assert [scene.card(9.0) for _, scene in gone_on] == [("Tea?", "Yes", "No")], (
        "what befalls another poll is not its own"
    )


def test_when_the_newest_poll_is_over_the_one_that_is_still_open_is_seen_again(tmp_path: Path) -> None:
    tea, cake = ({"number": n, "question": text, "options": ["Yes"]} for n, text in ((1, "Tea?"), (2, "Cake?")))
    lines = (
        {"type": "poll.launched", "poll": cake},
        {"type": "poll.closed", "poll": 2, "answers": 1, "counts": [1]},
        {"type": "poll.closed", "poll": 1, "answers": 1, "counts": [1]},
    )
    begin = {"at": 1000, "begin": {"people": [], "polls": [tea]}}
    happened = ({"at": 2000 + 20_000 * n, "event": event} for n, event in enumerate(lines))
    (_, first), (_, both), (_, over), (_, last) = scenes_of(timeline(tmp_path, begin, *happened))
    assert first.card(1) == ("Tea?", "Yes") and both.card(2) == ("Cake?", "Yes")
    assert over.card(22) == ("Cake?", "Yes: 1") and over.card(33) == ("Tea?", "Yes")
    assert last.card(43) == ("Tea?", "Yes: 1") and last.card(53) == ()


def test_who_came_in_a_crowd_has_their_name_from_when_they_are_on_the_stage(tmp_path: Path) -> None:
    folder = tmp_path / "conference" / "0001"
    folder.mkdir(parents=True)
    taken = {"type": "stage.taken", "person": "g_1", "who": {"id": "g_1", "name": "Vera"}}
    granted = {"type": "remark.granted", "person": "g_2", "until": 9000, "who": {"id": "g_2", "name": "Ben"}}
    lines = [{"at": 2000, "event": taken}, {"at": 3000, "event": granted}]
    begin: dict[str, Any] = {"people": [], "stage": []}
    *_, (_, last) = scenes_of(timeline(folder, {"at": 1000, "begin": begin}, *lines))
    assert last.names == {"g_1": "Vera", "g_2": "Ben"} and last.stage == ("g_1",)
    for number, person in enumerate(last.names, 1):
        name = f"001-000{number}-audio.webm"
        (folder / name).write_bytes(b"-")
        with (folder / "tracks.jsonl").open("a") as index:
            index.write(json.dumps({"type": "begun", "file": name, "person": person, "source": "audio"}) + "\n")
    (recorded,) = Library(tmp_path).all("conference")
    assert [file.label for file in recorded.files if file.person] == ["Vera", "Ben"]
