"""Every way to be refused: a code, a sentence, and whether trying again later may help."""

from __future__ import annotations

import enum


class Code(enum.StrEnum):
    """The codes of refusals and of closings."""

    BAD_MESSAGE = "bad_message"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    NOT_YET = "not_yet"
    ALREADY = "already"
    BAD_TOKEN = "bad_token"
    COMPANY_DISABLED = "company_disabled"
    LINK_REVOKED = "link_revoked"
    BAD_RESUME = "bad_resume"
    NO_ACCESS = "no_access"
    WRONG_PIN = "wrong_pin"
    WAITING = "waiting"
    NOT_ADMITTED = "not_admitted"
    NO_SUCH_CONFERENCE = "no_such_conference"
    NO_SUCH_PERSON = "no_such_person"
    NOT_ALLOWED = "not_allowed"
    PROTECTED = "protected"
    ALREADY_IN_CONFERENCE = "already_in_conference"
    TAKEN_OVER = "taken_over"
    CONFERENCE_ENDED = "conference_ended"
    CONFERENCE_FULL = "conference_full"
    STAGE_FULL = "stage_full"
    NOT_ON_STAGE = "not_on_stage"
    NOT_INVITED = "not_invited"
    NO_REQUEST = "no_request"
    NO_REMARK = "no_remark"
    NOT_BLOCKED = "not_blocked"
    TOO_MANY = "too_many"
    LOCKED = "locked"
    BLOCKED = "blocked"
    REMOVED = "removed"
    NO_SUCH_TRACK = "no_such_track"
    NO_SUCH_DEVICE = "no_such_device"
    NO_SUCH_ENTRY = "no_such_entry"
    CHAT_CLOSED = "chat_closed"
    BAD_OFFER = "bad_offer"
    MEDIA_UNAVAILABLE = "media_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    TOO_SLOW = "too_slow"
    GOING_AWAY = "going_away"
    UNSUPPORTED = "unsupported"
    KEY_REUSED = "key_reused"
    UNSETTLED = "unsettled"
    NOT_FOUND = "not_found"
    INTERNAL = "internal"


# code → (sentence for a person, may a retry help?)
SENTENCES: dict[Code, tuple[str, bool]] = {
    Code.BAD_MESSAGE: ("The message could not be understood.", False),
    Code.TOO_LARGE: ("The message is larger than 64 KiB.", False),
    Code.RATE_LIMITED: ("Too many messages in a short time; wait a moment.", True),
    Code.NOT_YET: ("This is not possible before joining.", False),
    Code.ALREADY: ("This is already so.", False),
    Code.BAD_TOKEN: ("The token is not valid here.", False),
    Code.COMPANY_DISABLED: ("This server is switched off for the moment; its admins can switch it on again.", False),
    Code.LINK_REVOKED: ("The guest link was withdrawn; ask for a new one.", False),
    Code.BAD_RESUME: ("The connection cannot be resumed; join again.", False),
    Code.NO_ACCESS: ("You have no access to this conference.", False),
    Code.WRONG_PIN: ("This conference asks for its PIN.", False),
    Code.WAITING: ("The conference is held back; you are let in when it begins.", True),
    Code.NOT_ADMITTED: ("You were not let in.", True),
    Code.NO_SUCH_CONFERENCE: ("There is no such conference.", False),
    Code.NO_SUCH_PERSON: ("This person is not in the conference.", False),
    Code.NOT_ALLOWED: ("Your role does not allow this.", False),
    Code.PROTECTED: ("This person cannot be touched by your role.", False),
    Code.ALREADY_IN_CONFERENCE: ("You are already in a conference.", False),
    Code.TAKEN_OVER: ("You joined from another place, which closed this one.", False),
    Code.CONFERENCE_ENDED: ("The conference has ended.", False),
    Code.CONFERENCE_FULL: ("The conference is full.", True),
    Code.STAGE_FULL: ("All places on the stage are taken.", True),
    Code.NOT_ON_STAGE: ("This needs a place on the stage.", False),
    Code.NOT_INVITED: ("There is no invitation to the stage.", False),
    Code.NO_REQUEST: ("This person has not asked for it.", False),
    Code.NO_REMARK: ("This person has no turn to speak.", False),
    Code.NOT_BLOCKED: ("This person is not blocked.", False),
    Code.TOO_MANY: ("The conference can keep no more of these.", False),
    Code.LOCKED: ("A moderator has locked this; only a moderator can undo it.", False),
    Code.BLOCKED: ("You are blocked from this conference.", False),
    Code.REMOVED: ("A moderator removed you from the conference.", False),
    Code.NO_SUCH_TRACK: ("There is no such track.", False),
    Code.NO_SUCH_DEVICE: ("This person has no such device.", False),
    Code.NO_SUCH_ENTRY: ("There is no such entry, or not any more.", False),
    Code.CHAT_CLOSED: ("The chat is closed.", True),
    Code.BAD_OFFER: ("The media description could not be used.", False),
    Code.MEDIA_UNAVAILABLE: ("No media worker is available at the moment.", True),
    Code.STORE_UNAVAILABLE: ("The conference's record cannot be written at the moment.", True),
    Code.TOO_SLOW: ("The connection did not take what was sent to it.", True),
    Code.GOING_AWAY: ("The server is restarting; connect again.", True),
    Code.UNSUPPORTED: ("This is not supported here.", False),
    Code.KEY_REUSED: ("This Idempotency-Key was sent with another request.", False),
    Code.UNSETTLED: ("The same request is being answered, or was cut off; look what has come of it.", True),
    Code.NOT_FOUND: ("There is nothing here.", False),
    Code.INTERNAL: ("The server made a mistake; it has been noted.", True),
}


def sentence(code: Code) -> str:
    """The sentence a person reads for a code."""
    return SENTENCES[code][0]


def retry(code: Code) -> bool:
    """Whether the same command may succeed later without anything else being changed."""
    return SENTENCES[code][1]
