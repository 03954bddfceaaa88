"""How each action of tests/data/session_permissions.csv is tried out, as data: what is set up, what is sent by somebody
with the role, and what comes of it where the cell allows it.

What stands for whom in fields says scene.py. The actor has the role of the column, the target is a speaker unless a row
makes them something else, the watcher a viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests import pdf
from tests.system.effects import (
    Effect,
    answered,
    closed,
    is_a_picture,
    is_begun,
    is_finished,
    is_recorded,
    mailed,
    not_shown,
    refused,
    says,
    shown,
    then,
    told,
)
from tests.system.scene import Act, Call, Say, Step


@dataclass(frozen=True)
class InPart:
    """A case of a cell that is partial: what is set up for it, and whether the action is then allowed."""

    name: str
    allowed: bool
    stage: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Row:
    """One way to do an action. `also`: what goes with it, tried where the cell says no, and where it says yes among
    the effects. `refused`: with which codes all of it is refused where the cell says no; none: it is accepted, and
    changes nothing. `denied`: the effects there. `in_part`: the cases of partial cells."""

    action: str
    act: Step
    effects: tuple[Effect, ...]
    stage: tuple[Step | Act, ...] = ()
    also: tuple[Step, ...] = ()
    refused: tuple[str, ...] = ("not_allowed",)
    in_part: tuple[InPart, ...] = ()
    denied: tuple[Effect, ...] = ()

    @property
    def name(self) -> str:
        """What is sent."""
        if isinstance(self.act, Call):
            return f"{self.act.method} {self.act.path.removeprefix('/conferences/@conference')}"
        return self.act.type


def settings(**fields: Any) -> Say:
    """The owner's settings."""
    return Say("owner", "conference.settings", fields)


HERE = {"conference": "@conference"}
AT_TARGET = {"target": "@target"}
ON_STAGE = (Say("target", "stage.request"),)
AS_VIEWER = Say("owner", "role.assign", {**AT_TARGET, "role": "viewer"})
# By an invitation: for every role.
ACTOR_ON_STAGE = (Say("owner", "stage.invite", {"target": "@actor"}), Say("actor", "stage.accept"))
# Whoever may not be backstage waits at the door now: viewers, and with them the watcher.
BACKSTAGE = (Say("actor", "conference.leave"), settings(backstage=True), Say("actor", "conference.join", HERE))
SENDING = (*ON_STAGE, Say("target", "media.publish", {"sdp": "@sdp", "tracks": {"0": "audio"}}))
# Of somebody else than the actor, each the first of its kind in the conference.
ASKED = Say("target", "question.ask", {"text": "When do we begin?"})
POLL = {"question": "Shall we?", "options": ["Yes", "No"]}
PREPARED, LAUNCHED = Say("target", "poll.create", POLL), Say("target", "poll.launch", {"poll": 1})
LINK = {"url": "https://example.org/", "title": "An example"}
PUBLISHED = Say("target", "link.publish", LINK)
TILE = {"x": 10, "y": 10, "width": 30, "height": 30}
SAID = (ASKED, Say("target", "chat.send", {"text": "To be kept"}), PREPARED, LAUNCHED, PUBLISHED)
# What is exported, and a word of it.
REPORTS = tuple(
    (Call("actor", "GET", f"/conferences/@conference/{path}"), word)
    for path, word in (
        *(
            (f"{path}?format={format}", word)
            for path, word in (
                ("audit", "@watcher"),
                ("reports/people", "@watcher"),
                ("reports/attendance", "@watcher"),
                ("reports/chat", "To be kept"),
                ("reports/questions", "When do we begin?"),
                ("reports/polls", "Shall we?"),
                ("reports/links", "https://example.org/"),
            )
            for format in ("json", "csv")
        ),
        ("recordings", "timeline.jsonl"),
        ("recordings/1/timeline.jsonl", "@watcher"),
    )
)
ATTENDEES = "/conferences/@conference/attendees"
FILES = "/conferences/@conference/files"
NOTES = b"To be read at home.\n"


def handout(who: str) -> Call:
    """Somebody uploads one."""
    return Call(who, "POST", f"{FILES}?kind=handout&name=notes.txt", NOTES)


def slides(who: str) -> Call:
    """Somebody uploads a deck, of as few pixels as can be."""
    return Call(who, "POST", f"{FILES}?kind=slides&name=talk.pdf", pdf.strips(3))


def own(*steps: Step) -> tuple[Step, ...]:
    """What the actor has done as a speaker, before they had their role."""
    role = {"target": "@actor"}
    return (
        Say("owner", "role.assign", {**role, "role": "speaker"}),
        *steps,
        Say("owner", "role.assign", {**role, "role": "@role"}),
    )


def shows(file: int, page: int = 1) -> Say:
    """The owner puts slides on the stage."""
    return Say("owner", "slides.open", {"file": file, "page": page})


ROWS: tuple[Row, ...] = (
    # --- general ------------------------------------------------------------------------
    Row(
        "settings.access",
        Say("actor", "conference.settings", {"title": "Renamed", "capacity": 50}),
        (told("conference.settings_changed", title="Renamed", by="@actor"),),
    ),
    Row(
        "settings.access",
        Say("actor", "conference.set_mode", {"mode": "video_lecture"}),
        (told("conference.mode_changed", mode="video_lecture"),),
    ),
    Row(
        "settings.access",
        Say("actor", "conference.set_pin", {"pin": "4711"}),
        (told("conference.pin_changed", to="owner", pin="4711"),),
    ),
    Row(
        "settings.access",
        Call("actor", "GET", "/conferences/@conference/state"),
        (answered(lambda scene, answer: answer["conference"] == scene.conference),),
    ),
    Row(
        "participant.remove",
        Say("actor", "participant.remove", AT_TARGET),
        (told("participant.left", person="@target", reason="removed"), closed("target", "removed")),
    ),
    Row(
        "report.export",
        REPORTS[0][0],
        (says(REPORTS[0][1]), *(then(report, says(word)) for report, word in REPORTS[1:])),
        stage=(*SAID, Say("owner", "recording.start"), is_begun, Say("owner", "recording.stop")),
        also=tuple(report for report, _ in REPORTS[1:]),
    ),
    Row(
        "invite.email",
        Call("actor", "POST", ATTENDEES, {"people": [{"email": "@conference@example.org"}], "role": "speaker"}),
        (mailed,),
        denied=(then(Call("owner", "GET", ATTENDEES), answered(lambda scene, answer: answer["total"] == 0)),),
    ),
    Row(
        "session.start_end",
        Say("actor", "conference.end"),
        (shown("closing", code="conference_ended"), shown("closing", to="target", code="conference_ended")),
    ),
    Row(
        "session.start_end",
        Call("actor", "POST", "/conferences/@conference/end"),
        (
            answered(lambda scene, answer: answer["running"] is False),
            shown("closing", code="conference_ended"),
        ),
    ),
    Row(
        "session.start_end",
        Say("actor", "conference.start"),
        (told("conference.started", to="target", by="@actor"),),
        stage=BACKSTAGE,
        refused=("not_allowed", "not_yet"),
    ),
    # --- stage --------------------------------------------------------------------------
    Row(
        "stage.join_backstage",
        Say("actor", "stage.request"),
        (told("stage.taken", to="target", person="@actor"),),
        stage=BACKSTAGE,
        refused=("not_yet",),
    ),
    Row(
        "stage.go",
        Say("actor", "stage.request"),
        (told("stage.taken", person="@actor"),),
        # Everybody has asked while the stage was full, and a place is free now: those who may take it do so.
        stage=(settings(stage_places=1), *ON_STAGE, Say("actor", "stage.request"), Say("target", "stage.leave")),
        refused=(),
    ),
    Row(
        "stage.invite_viewer",
        Say("actor", "stage.grant", AT_TARGET),
        (told("stage.taken", person="@target", by="@actor"),),
        stage=(AS_VIEWER, Say("target", "stage.request")),
    ),
    Row(
        "stage.invite_viewer",
        Say("actor", "stage.reorder", {"target": "@watcher", "position": 0}),
        (
            told("stage.reordered", to="owner", by="@actor"),
            then(
                Say("actor", "stage.refuse", AT_TARGET),
                told("stage.refused", to="target", person="@target", by="@actor"),
            ),
        ),
        stage=(AS_VIEWER, Say("target", "stage.request"), Say("watcher", "stage.request")),
        also=(Say("actor", "stage.refuse", AT_TARGET),),
    ),
    Row(
        "stage.invite_viewer",
        Say("actor", "remark.grant", AT_TARGET),
        (
            told("remark.granted", person="@target", by="@actor"),
            then(
                Say("actor", "remark.refuse", {"target": "@watcher"}),
                told("remark.refused", person="@watcher", by="@actor"),
            ),
        ),
        stage=(AS_VIEWER, Say("target", "remark.request"), Say("watcher", "remark.request")),
        also=(Say("actor", "remark.refuse", {"target": "@watcher"}),),
    ),
    Row(
        "media.publish",
        slides("actor"),
        (
            told("file.added", by="@actor"),
            then(Call("watcher", "GET", f"{FILES}/2/pages/3?size=small"), answered(is_a_picture)),
            then(Say("actor", "slides.open", {"file": 1, "page": 2}), told("slides.opened", by="@actor")),
        ),
        stage=(*own(slides("actor")), *ACTOR_ON_STAGE),
        also=(Say("actor", "slides.open", {"file": 1, "page": 2}),),
    ),
    Row(
        "file.control_own",
        Say("actor", "slides.page", {"file": 1, "page": 3}),
        (
            told("slides.turned", page=3, by="@actor"),
            then(Say("actor", "slides.close", {"file": 1}), told("slides.closed", by="@actor")),
        ),
        stage=(*own(slides("actor")), shows(1)),
        also=(Say("actor", "slides.close", {"file": 1}),),
    ),
    Row(
        "file.control_any",
        Say("actor", "slides.page", {"file": 1, "page": 3}),
        (
            told("slides.turned", page=3, by="@actor"),
            # Without a place of their own.
            then(Say("actor", "slides.open", {"file": 1, "page": 2}), told("slides.opened", by="@actor")),
        ),
        stage=(slides("target"), shows(1)),
        also=(Say("actor", "slides.open", {"file": 1, "page": 2}),),
    ),
    Row(
        "share.remove_any",
        Say("actor", "slides.close", {"file": 1}),
        (
            told("slides.closed", by="@actor"),
            then(Say("actor", "file.remove", {"file": 1}), told("file.removed", file=1, by="@actor")),
        ),
        stage=(slides("target"), shows(1)),
        also=(Say("actor", "file.remove", {"file": 1}),),
    ),
    Row(
        "handout.upload",
        handout("actor"),
        (
            told("file.added", by="@actor"),
            then(Call("watcher", "GET", f"{FILES}/2"), answered(lambda scene, answer: answer == NOTES)),
            then(Say("actor", "file.remove", {"file": 1}), told("file.removed", file=1, by="@actor")),
        ),
        stage=own(handout("actor")),
        also=(Say("actor", "file.remove", {"file": 1}),),
    ),
    Row(
        "media.publish",
        Say("actor", "media.publish", {"sdp": "@sdp", "tracks": {"0": "audio"}}),
        (
            told("track.published", person="@actor", source="audio"),
            answered(lambda scene, answer: "a=recvonly" in answer["result"]["sdp"]),
        ),
        stage=(Say("actor", "stage.request"),),
        refused=("not_on_stage",),
    ),
    Row(
        "stage.invite",
        Say("actor", "stage.invite", AT_TARGET),
        (
            told("stage.invited", person="@target"),
            then(Say("target", "stage.accept"), told("stage.taken", person="@target")),
        ),
    ),
    Row(
        "share.remove_any",
        Say("actor", "share.stop", AT_TARGET),
        (told("track.unpublished", person="@target", source="screen", by="@actor"),),
        stage=(*ON_STAGE, Say("target", "media.publish", {"sdp": "@sdp", "tracks": {"0": "audio", "1": "screen"}})),
    ),
    Row(
        "question.display",
        Say("actor", "question.display", {"question": 1}),
        (told("question.displayed", by="@actor"),),
        stage=(ASKED,),
    ),
    Row("link.promote", Say("actor", "link.promote", {"link": 1}), (told("link.promoted"),), stage=(PUBLISHED,)),
    Row("poll.send", Say("actor", "poll.launch", {"poll": 1}), (told("poll.launched"),), stage=(PREPARED,)),
    Row("poll.send", Say("actor", "poll.close", {"poll": 1}), (told("poll.closed"),), stage=(PREPARED, LAUNCHED)),
    Row(
        "question.answer",
        Say("actor", "question.answer", {"question": 1, "text": "Because."}),
        (told("question.answered", question=1),),
        stage=(ASKED,),
    ),
    Row(
        "layout.change_own",
        Say("actor", "layout.place", {"tile": TILE}),
        (told("conference.layout_changed", by="@actor"),),
        stage=ACTOR_ON_STAGE,
        in_part=(InPart("one's own", True),),
    ),
    Row(
        "layout.change_own",
        Say("actor", "layout.place", {"tile": TILE, **AT_TARGET}),
        (told("conference.layout_changed", by="@actor"),),
        stage=ON_STAGE,
        in_part=(InPart("another's", False),),
    ),
    Row(
        "layout.change_everyone",
        Say("actor", "conference.layout", {"kind": "speaker", "spotlight": "@target"}),
        (
            told("conference.layout_changed", by="@actor"),
            then(
                Say("actor", "layout.place", {"tile": TILE, **AT_TARGET}),
                told("conference.layout_changed", by="@actor"),
            ),
        ),
        stage=ON_STAGE,
        also=(Say("actor", "layout.place", {"tile": TILE, **AT_TARGET}),),
    ),
    *(
        Row(
            "stage.mute",
            Say("actor", type, {"source": "audio", **fields}),
            (told(event, to="watcher", person="@target", source="audio", by="@actor", **more),),
            stage=(*SENDING, *before),
        )
        for type, fields, before, event, more in (
            ("media.mute", AT_TARGET, (), "media.muted", {}),
            ("media.lock", AT_TARGET, (), "media.muted", {"locked": True}),
            ("media.mute_all", {}, (), "media.muted", {}),
            (
                "media.unmute",
                AT_TARGET,
                (Say("owner", "media.lock", {"source": "audio", **AT_TARGET}),),
                "media.unmuted",
                {},
            ),
            (
                "media.unmute_all",
                {},
                (Say("owner", "media.mute", {"source": "audio", **AT_TARGET}),),
                "media.unmuted",
                {},
            ),
        )
    ),
    Row(
        "stage.mute",
        Say("actor", "media.ask_unmute", {"source": "audio", **AT_TARGET}),
        (told("media.unmute_asked", to="target", person="@target", by="@actor"),),
        stage=(*SENDING, Say("owner", "media.mute", {"source": "audio", **AT_TARGET})),
    ),
    # --- engagement ---------------------------------------------------------------------
    Row(
        "people.see_hidden",
        Say("actor", "people.list"),
        (answered(lambda scene, answer: len(answer["result"]["people"]) == 4),),
        stage=(settings(list_hidden=True),),
    ),
    Row(
        "participant.block",
        Say("actor", "participant.block", AT_TARGET),
        (told("participant.left", person="@target", reason="blocked"), closed("target", "blocked")),
    ),
    Row(
        "participant.block",
        Say("actor", "participant.unblock", {"target": "u_0000000000000000"}),
        (told("participant.unblocked", to="owner", person="u_0000000000000000"),),
        stage=(Say("owner", "participant.block", {"target": "u_0000000000000000"}),),
    ),
    *(
        Row(
            "chat.moderate",
            Say("actor", type, fields),
            (told(event, to="watcher", **more),),
            stage=before,
            in_part=(
                InPart("granted", True, (settings(speakers_moderate_chat=True),)),
                InPart("not granted", False),
            ),
        )
        for type, fields, before, event, more in (
            (
                "chat.delete",
                {"number": 1},
                (Say("target", "chat.send", {"text": "Spam"}),),
                "chat.deleted",
                {"number": 1},
            ),
            ("chat.close", {}, (), "chat.closed", {}),
            ("chat.open", {}, (Say("owner", "chat.close"),), "chat.opened", {}),
            ("question.dismiss", {"question": 1}, (ASKED,), "question.dismissed", {"question": 1}),
            (
                "question.approve",
                {"question": 1},
                (settings(questions_approved=True), ASKED),
                "question.approved",
                {},
            ),
            ("link.remove", {"link": 1}, (PUBLISHED,), "link.removed", {"link": 1}),
            ("poll.remove", {"poll": 1}, (PREPARED, LAUNCHED), "poll.removed", {"poll": 1}),
        )
    ),
    Row(
        "question.see_private",
        Say("actor", "question.list"),
        (answered(lambda scene, answer: [one["number"] for one in answer["result"]["questions"]] == [1]),),
        stage=(Say("target", "question.ask", {"text": "Between us?", "private": True}),),
        refused=(),
        in_part=(
            InPart("granted", True, (settings(speakers_see_private_questions=True),)),
            InPart("not granted", False),
        ),
        denied=(answered(lambda scene, answer: not answer["result"].get("questions")),),
    ),
    Row(
        "chat.moderator_channel",
        Say("actor", "chat.send", {"text": "Among us", "channel": "moderators"}),
        (shown("chat.message", to="owner"), shown("chat.message", to="target")),
    ),
    Row(
        "chat.moderator_channel",
        Say("actor", "chat.history", {"channel": "moderators"}),
        (answered(lambda scene, answer: len(answer["result"]["messages"]) == 1),),
        stage=(Say("owner", "chat.send", {"text": "Among us", "channel": "moderators"}),),
    ),
    Row("question.ask", Say("actor", "question.ask", {"text": "Why?"}), (told("question.asked"),)),
    Row(
        "question.ask",
        Say("actor", "question.upvote", {"question": 1}),
        (told("question.upvoted", to="actor", person="@actor"),),
        stage=(ASKED,),
    ),
    Row(
        "question.ask",
        Say("actor", "question.dismiss", {"question": 1}),
        (told("question.dismissed", question=1, by="@actor"),),
        stage=(Say("actor", "question.ask", {"text": "Why?"}),),
    ),
    Row(
        "poll.create",
        Say("actor", "poll.create", POLL),
        (
            told("poll.created", to="owner"),
            then(Say("actor", "poll.remove", {"poll": 1}), told("poll.removed", to="owner", poll=1, by="@actor")),
        ),
        stage=own(Say("actor", "poll.create", POLL)),
        also=(Say("actor", "poll.remove", {"poll": 1}),),
    ),
    Row(
        "poll.answer",
        Say("actor", "poll.answer", {"poll": 1, "chosen": [0]}),
        (told("poll.answered", to="owner", person="@actor"),),
        stage=(PREPARED, LAUNCHED),
    ),
    Row(
        "recording.start_end",
        Say("actor", "recording.start"),
        (
            told("recording.started", by="@actor"),
            is_recorded,
            then(Say("actor", "recording.stop"), told("recording.stopped", by="@actor"), is_finished),
        ),
    ),
    Row(
        "recording.start_end",
        Say("actor", "recording.stop"),
        (told("recording.stopped", by="@actor"),),
        stage=(Say("owner", "recording.start"), is_begun),
    ),
    Row(
        "link.publish",
        Say("actor", "link.publish", LINK),
        (
            told("link.published"),
            then(Say("actor", "link.remove", {"link": 1}), told("link.removed", link=1, by="@actor")),
        ),
        stage=own(Say("actor", "link.publish", LINK)),
        also=(Say("actor", "link.remove", {"link": 1}),),
    ),
    Row("chat.send", Say("actor", "chat.send", {"text": "hello"}), (shown("chat.message"),)),
    Row(
        "chat.send",
        Say("actor", "chat.send", {"text": "Between us", "channel": "private", "to": "@target"}),
        (shown("chat.message", to="target"), not_shown("chat.message")),
    ),
    Row(
        "chat.send",
        Say("actor", "chat.edit", {"number": 1, "text": "Hello"}),
        (
            shown("chat.changed"),
            # Nobody puts words into somebody else's mouth.
            refused(Say("actor", "chat.edit", {"number": 2, "text": "I agree"}), "not_allowed"),
            then(Say("actor", "chat.delete", {"number": 1}), told("chat.deleted", number=1, by="@actor")),
        ),
        stage=(Say("actor", "chat.send", {"text": "helo"}), Say("target", "chat.send", {"text": "No"})),
        also=(Say("actor", "chat.delete", {"number": 1}),),
    ),
    Row("reaction.send", Say("actor", "reaction.send", {"emoji": "👍"}), (shown("reaction"),)),
)
