"""Why somebody may do something or not: the check itself, put into words.

Nothing is judged here. Their role is what `access.effective_role` says, whether they would get in is what the door
decides, and whether they may is what `decide` decides of the very command; this says which of them has spoken, and with
which row of which table. So an explanation is never a second opinion.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import fields, replace

from protocol import commands as c
from protocol.answers import Explanation
from protocol.errors import Code, sentence
from protocol.examples import example, members
from protocol.names import PersonKind, Role, RoleRule
from protocol.settings import Access
from server.room import access, inner
from server.room.apply import played
from server.room.decide import by_rule, decide, permitted, probes, target_of
from server.room.refusal import Refusal
from server.room.rules import GRANTED_BY, MEANINGS, PERMISSIONS, RULES, Cell, Relation, command_name, grants, relation
from server.room.state import Participant, Room

_ONE = {
    Role.ORGANIZER: "an organizer",
    Role.MODERATOR: "a moderator",
    Role.SPEAKER: "a speaker",
    Role.GUEST_SPEAKER: "a guest speaker",
    Role.VIEWER: "a viewer",
}
_MANY = {role: text.split(" ", 1)[1] + "s" for role, text in _ONE.items()}
_TOWARDS = {
    Relation.OFF_STAGE: "by somebody off the stage",
    Relation.ON_STAGE: "by somebody on the stage",
    Relation.SELF: "towards oneself",
    Relation.OTHER: "towards others",
    Relation.PROTECTED: "towards an organizer by right",
    Relation.OWN: "about what is their own",
    Relation.OTHERS: "about what others have made",
}
# Everything that the table of rules knows, by its name on the wire.
COMMANDS: dict[str, type[c.Command]] = {
    command_name(kind): kind  # type: ignore[misc]
    for kind in members(c.ClientMessage)
    if any((command_name(kind), towards) in RULES for towards in Relation)
}
# What comes by HTTP, with its kind, as in `file.upload:handout`.
COMMANDS["file.upload"] = inner.AddFile  # type: ignore[assignment]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to explain, present or not. `inherits`: what the server or their link gives them as long as the
    conference has chosen nothing."""

    id: str
    name: str
    kind: PersonKind
    by_right: bool = False
    inherits: Role | None = None


class _Because(msgspec.Struct, frozen=True):
    role: Role | None
    rule: RoleRule
    text: str


def explain(room: Room, who: Subject, ask: str, target: str | None = None) -> Explanation | Refusal:
    """Whether `who` may do `ask` (to `target`) and why: `ask` is a command as `can` names it, or an action of the
    table. A refusal is no answer: it says what is wrong with the question."""
    kind = _meant(ask, target)
    if isinstance(kind, Refusal):
        return kind
    because = _because(room, who)
    absent = who.id not in room.people
    if absent:
        entered = inner.Enter(name=who.name, kind=who.kind, by_right=who.by_right, inherits=who.inherits, pin=room.pin)
        came = decide(room, who.id, entered, 0)
        if isinstance(came, Refusal):
            return _outside(who, because, came)
        room = played(room, came)
        if who.id not in room.people:
            return _outside(who, because, None)
    person = room.people[who.id]
    ruled = by_rule(room, person)
    if kind is None:
        found = _of_action(room, person, ask)
    elif ask in ruled:
        found = _of_rule(room, person, ask, ruled[ask])
    else:
        command = _command(room, person, kind, ask, target, ruled)
        if isinstance(command, Refusal):
            return command
        found = _of_command(room, person, command)
    return replace(
        found,
        message=f"{_introduced(who, because, absent)} {found.message}",
        role=person.role,
        role_rule=because.rule,
        absent=absent,
    )


# --- the role ------------------------------------------------------------------------------------


def _because(room: Room, who: Subject) -> _Because:
    """The first of the five steps of authority.md, "Session roles", that matches."""
    by_right = who.by_right or who.id == room.owner
    role = access.effective_role(room, who.id, by_right, who.kind, who.inherits)
    if who.id == room.owner:
        return _Because(role, RoleRule.OWNER, "the conference is theirs")
    if who.by_right:
        text = "the server's owner, its admins and its operators are organizers in every conference"
        return _Because(role, RoleRule.BY_RIGHT, text)
    if who.id in room.assigned:
        return _Because(role, RoleRule.ASSIGNED, "this role was assigned to them in this conference")
    outsider = who.kind is not PersonKind.USER
    rule, class_ = (RoleRule.OUTSIDERS, "outsiders") if outsider else (RoleRule.MEMBERS, "members")
    chosen = access.general(room.settings, who.kind)
    if chosen is not Access.DEFAULT:
        text = f"general access for {class_} says {chosen.value}"
    elif who.kind is PersonKind.FEDERATED:
        text = "the conference has chosen nothing for outsiders, and users of a peer come like that"
    elif outsider:
        text = "the conference has chosen nothing for outsiders, and leaves it to their link"
    else:
        text = "the conference has chosen nothing for members, and members of this server come like that"
    return _Because(role, rule if role is not None else RoleRule.NO_ACCESS, text)


def _introduced(who: Subject, because: _Because, absent: bool) -> str:
    if because.role is None:
        return f"{who.name} has no access, because {because.text}."
    if absent:
        here = f"{who.name} is not in the conference; on coming they would be"
        return f"{here} {_ONE[because.role]}, because {because.text}."
    return f"{who.name} is {_ONE[because.role]}, because {because.text}."


def _outside(who: Subject, because: _Because, refused: Refusal | None) -> Explanation:
    """Somebody who does not get in, now at least."""
    code = Code.WAITING if refused is None else refused.code
    if refused is None:
        text = "They would wait at the door until they are let in, and do nothing meanwhile."
    elif because.role is None:
        text = "They are not let in."
    else:
        text = f"They are not let in: {sentence(code)}"
    return Explanation(
        allowed=False,
        message=f"{_introduced(who, because, absent=True)} {text}",
        role=because.role,
        role_rule=because.rule,
        code=code,
        absent=True,
    )


# --- what is asked ---------------------------------------------------------------------------------


def _meant(ask: str, target: str | None) -> type[c.Command] | Refusal | None:
    """The command that is meant; None for an action. Some names are both: then it is the command, unless that is about
    somebody and nobody was named."""
    kind = COMMANDS.get(ask.partition(":")[0])
    action = ask in PERMISSIONS
    aimed = None if kind is None else next((field for field in fields(kind) if field.name == "target"), None)
    if kind is None or (action and target is None and aimed is not None and aimed.required):
        if not action:
            return _unclear(f"There is no command and no action {ask!r}.")
        return None if target is None else _unclear(f"{ask} is an action and about nobody: leave the target out.")
    if aimed is None and target is not None:
        return _unclear(f"{ask} is about nobody: leave the target out.")
    if aimed is not None and aimed.required and target is None:
        return _unclear(f"{ask} is about somebody: name a target.")
    return kind


def _command(
    room: Room, person: Participant, kind: type[c.Command], ask: str, target: str | None, ruled: Iterable[str]
) -> c.Command | Refusal:
    """The command itself: the one that `can` tries, else one with the least that it needs."""
    about = (target or person.id) if "target" in kind.__struct_fields__ else None
    tried = dict(probes(room, about))
    if ask in tried:
        return tried[ask]
    name, _, variant = ask.partition(":")
    variants = [each for each in (*tried, *ruled) if each.startswith(f"{name}:")]
    if variants:
        return _unclear(f"Say which: {', '.join(variants)}.")
    if variant:
        return _unclear(f"{name} has no variants.")
    least: c.Command = example(kind, full=False)  # type: ignore[assignment]
    return least if about is None else replace(least, target=about)


def _unclear(text: str) -> Refusal:
    return Refusal(Code.BAD_MESSAGE, text, {"path": "$.command", "reason": text})


# --- the answers -------------------------------------------------------------------------------------


def _of_command(room: Room, person: Participant, command: c.Command) -> Explanation:
    kind, name = type(command), command_name(type(command))
    decided = decide(room, person.id, command, 0)  # type: ignore[arg-type]
    refused = decided if isinstance(decided, Refusal) else None
    aimed: str | None = getattr(command, "target", None)
    about: Participant | None = None
    towards: Relation | None = None
    if "target" in kind.__struct_fields__:
        about = target_of(room, kind, aimed or person.id)
        if about is None and refused is not None and refused.code is Code.NO_SUCH_PERSON:
            return _said(refused, "", f"{name} cannot be about {aimed}: {_why(refused)}")
        if about is None:
            # Without the right: the answer is the one about somebody who is there.
            towards = Relation.OTHER
    towards = towards or relation(room, person, about)
    rule = RULES.get((name, towards))
    if rule is None:
        return _said(refused, "", f"No rule lets anybody give {name} {_TOWARDS[towards]}: {_why(refused)}")
    row = f"{rule.name}, {_has(room, person, rule.action, own=towards is Relation.SELF)}"
    if refused is None or isinstance(permitted(room, person.id, kind, aimed), Refusal):
        return _said(refused, rule.name, f"{row}.")
    reason = f" ({refused.rule})" if refused.rule else ""
    return _said(refused, rule.name, f"{row}; but as things are: {_why(refused).rstrip('.')}{reason}.")


def _of_rule(room: Room, person: Participant, ask: str, decided: object) -> Explanation:
    """What a rule alone decides: a command about an entry, of others or `:own`, or something beside the log."""
    refused = decided if isinstance(decided, Refusal) else None
    name, _, variant = ask.partition(":")
    if (ask, Relation.ON_STAGE) in RULES:
        name, towards = ask, relation(room, person, None)
    else:
        towards = Relation.OWN if variant == "own" else Relation.OTHERS
    rule = RULES.get((name, towards))
    if rule is None:
        return _said(refused, "", f"No rule lets anybody give {name} {_TOWARDS[towards]}: {_why(refused)}")
    row = f"{rule.name}, {_has(room, person, rule.action, own=False)}"
    if refused is None or not grants(room, person, rule.action):
        return _said(refused, rule.name, f"{row}.")
    return _said(refused, rule.name, f"{row}; but as things are: {_why(refused).rstrip('.')} ({refused.rule}).")


def _of_action(room: Room, person: Participant, action: str) -> Explanation:
    allowed = grants(room, person, action)
    refused = None if allowed else Refusal(Code.NOT_ALLOWED, action)
    has = _has(room, person, action, own=False)
    return _said(refused, action, f"{action} means to {MEANINGS[action]}, {has}.")


def _has(room: Room, person: Participant, action: str, own: bool) -> str:
    """How the role has the action: a relative clause."""
    many = _MANY[person.role]
    cell = PERMISSIONS[action][person.role]
    if cell is not Cell.PARTIAL:
        return f"which {many} {'have' if cell is Cell.YES else 'have not'}"
    if own:
        return f"which {many} have for what is their own"
    setting = GRANTED_BY.get(action)
    if setting is None:
        return f"which {many} have for what is their own alone"
    state = "on" if getattr(room.settings, setting) else "off"
    return f"which {many} have for what is their own, and beyond it while the setting {setting} is on: it is {state}"


def _why(refused: Refusal | None) -> str:
    return sentence(refused.code) if refused is not None else ""


def _said(refused: Refusal | None, rule: str, message: str) -> Explanation:
    """The answer; `explain` puts the role to it."""
    return Explanation(
        allowed=refused is None,
        message=message,
        role_rule=RoleRule.NO_ACCESS,
        rule=rule,
        code=None if refused is None else refused.code,
    )
