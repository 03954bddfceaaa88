/**
 * The messages on the wire, for the type checker.
 * Made from the definitions in `protocol/` by `python -m protocol.documents`; do not edit.
 */

/**
 * What somebody without an assignment of their own is in a conference; `no_access`: not let in.
 * @typedef {'moderator' | 'speaker' | 'viewer' | 'no_access'} Access
 */

/**
 * How a conference is held: who gets on the stage, and who sees and hears whom.
 * @typedef {'all_on_screen' | 'video_lecture' | 'role_based'} Mode
 */

/**
 * What can be muted. Muting `screen` also silences the sound of the shared screen.
 * @typedef {'audio' | 'video' | 'screen'} MuteSource
 */

/**
 * A person's session role in one conference; it follows the person when they come back.
 * @typedef {'organizer' | 'moderator' | 'guest_speaker' | 'speaker' | 'viewer'} Role
 */

/**
 * Where a track comes from. Each person has at most one track of each source.
 * @typedef {'audio' | 'video' | 'screen' | 'screen_audio'} Source
 */

/**
 * What an identity is: a user has an account, a guest came by a link.
 * @typedef {'user' | 'guest'} PersonKind
 */

/**
 * The codes of refusals and of closings.
 * @typedef {'bad_message' | 'too_large' | 'rate_limited' | 'not_yet' | 'already' | 'bad_token' | 'bad_resume' | 'no_access' | 'no_such_conference' | 'no_such_person' | 'not_allowed' | 'protected' | 'already_in_conference' | 'taken_over' | 'conference_ended' | 'conference_full' | 'stage_full' | 'not_on_stage' | 'not_invited' | 'no_request' | 'no_remark' | 'not_blocked' | 'too_many' | 'locked' | 'blocked' | 'removed' | 'no_such_track' | 'bad_offer' | 'media_unavailable' | 'store_unavailable' | 'too_slow' | 'going_away' | 'unsupported' | 'not_found' | 'internal'} Code
 */

/**
 * Why somebody is no longer in the conference.
 * @typedef {'left' | 'expired' | 'removed' | 'blocked' | 'no_access' | 'ended'} LeaveReason
 */

/**
 * Why somebody is no longer on the stage.
 * @typedef {'left' | 'taken_down' | 'gone' | 'mode' | 'ended'} StageLeaveReason
 */

/**
 * Why a turn to speak is over.
 * @typedef {'time' | 'ended' | 'mode'} RemarkEndReason
 */

/**
 * A person's connection as a word.
 * @typedef {'excellent' | 'good' | 'poor' | 'lost'} QualityGrade
 */

/**
 * Where a returning client stopped: its position and its single-use resume token.
 * @typedef {object} Resume
 * @property {string} conference
 * @property {number} epoch
 * @property {number} version
 * @property {string} token
 */

/**
 * What guests as a class may send, whatever their role.
 * @typedef {object} GuestsMay
 * @property {boolean} [messages]
 * @property {boolean} [audio]
 * @property {boolean} [video]
 */

/**
 * A conference at one version, as far as its reader may see it.
 *
 * `people` holds everybody in a small conference; in a crowded one, and for all but moderators where the settings
 * hide the list (`crowded` says so in both), the reader, the stage, and
 * for moderators those who asked or are invited: the others by `people.list`. `count` counts everybody
 * present. `stage` and `queue` are identities, in order of taking and asking. `asking`
 * are those who ask for a turn to speak, `remarks` whose turn it is and until when (ms since 1970). Moderators are
 * told who is `blocked`.
 * `teacher` is who was named for a `video_lecture`, empty for the owner; there the tracks of students are told only to
 * those who see them.
 * @typedef {object} Snapshot
 * @property {string} conference
 * @property {string} title
 * @property {number} epoch
 * @property {number} version
 * @property {string} you
 * @property {string} owner
 * @property {number} stage_places
 * @property {number} count
 * @property {boolean} [crowded]
 * @property {Person[]} [people]
 * @property {string[]} [stage]
 * @property {string[]} [queue]
 * @property {string[]} [asking]
 * @property {Record<string, number>} [remarks]
 * @property {Blocked[]} [blocked]
 * @property {Settings} [settings]
 * @property {Mode} [mode]
 * @property {string} [teacher]
 */

/**
 * Somebody in the conference as others see them.
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {PersonKind} kind
 * @property {Role} role
 * @property {boolean} [by_right]
 * @property {boolean} [away]
 * @property {boolean} [on_stage]
 * @property {boolean} [invited]
 * @property {Source[]} [tracks]
 * @property {MuteSource[]} [muted]
 * @property {MuteSource[]} [locked]
 */

/**
 * An identity that cannot come in: who blocked it, when (ms since 1970), and why.
 * @typedef {object} Blocked
 * @property {string} id
 * @property {string} name
 * @property {string} by
 * @property {number} time
 * @property {string} [note]
 */

/**
 * How a conference is held.
 *
 * `members` and `outsiders`: the general-access roles of members of this server and of guests; absent until chosen:
 * members are speakers, guests what their link says. `public`: guests may come in. `capacity`: how many may be
 * present, 0 for no limit; organizers by right come in always. `list_hidden`: only moderators see who is present
 * beside the stage. `force_unmute`: to ask somebody to unmute lifts the mute and has the device switched on, where
 * otherwise the person is only asked (a browser still asks its user). `remark_s`: how long a turn to speak is.
 * @typedef {object} Settings
 * @property {Access} [members]
 * @property {Access} [outsiders]
 * @property {boolean} [public]
 * @property {GuestsMay} [guests_may]
 * @property {number} [capacity]
 * @property {boolean} [list_hidden]
 * @property {boolean} [force_unmute]
 * @property {number} [remark_s]
 */

/**
 * One message of the chat; `number` counts the conference's messages from 1, `time` is ms since 1970.
 * @typedef {object} ChatMessage
 * @property {number} number
 * @property {number} time
 * @property {string} person
 * @property {string} name
 * @property {string} text
 */

/**
 * How loud somebody is: `level` 0 (silent) to 100.
 * @typedef {object} Loudness
 * @property {string} person
 * @property {number} level
 */

/**
 * The worker's measure of one person's connection. `loss` in percent, `rtt_ms` in ms, rates in kbit/s.
 * @typedef {object} Quality
 * @property {string} person
 * @property {QualityGrade} grade
 * @property {number} [loss]
 * @property {number} [rtt_ms]
 * @property {number} [up_kbps]
 * @property {number} [down_kbps]
 */

/**
 * The first message: who is there, proven by a token. `client` is random for each page load.
 * @typedef {object} Hello
 * @property {'hello'} type
 * @property {number} id
 * @property {string} token
 * @property {string} client
 * @property {Resume} [resume]
 */

/**
 * Which commands may I give now, about nobody in particular or about `target`?
 * @typedef {object} Can
 * @property {'can'} type
 * @property {number} id
 * @property {string} [target]
 */

/**
 * A page of everybody present, in order of joining; `after` is the last identity of the page before.
 * @typedef {object} PeopleList
 * @property {'people.list'} type
 * @property {number} id
 * @property {string} [after]
 * @property {number} [limit]
 */

/**
 * Enter a conference. `take_over` closes an earlier presence of the same person, wherever it is.
 *
 * `console`: a connection without media beside the person's own, such as the moderator console. It sees and
 * commands as the person does; the person is present while any of their connections is.
 * @typedef {object} ConferenceJoin
 * @property {'conference.join'} type
 * @property {number} id
 * @property {string} conference
 * @property {string} [name]
 * @property {boolean} [take_over]
 * @property {boolean} [console]
 */

/**
 * Leave for good: the seat is free at once, the role is kept for a return.
 * @typedef {object} ConferenceLeave
 * @property {'conference.leave'} type
 * @property {number} id
 */

/**
 * End the conference for everybody.
 * @typedef {object} ConferenceEnd
 * @property {'conference.end'} type
 * @property {number} id
 */

/**
 * Change settings (see `Settings`); what is absent stays as it is.
 * @typedef {object} ConferenceSettings
 * @property {'conference.settings'} type
 * @property {number} id
 * @property {string} [title]
 * @property {number} [stage_places]
 * @property {Access} [members]
 * @property {Access} [outsiders]
 * @property {boolean} [public]
 * @property {GuestsMay} [guests_may]
 * @property {number} [capacity]
 * @property {boolean} [list_hidden]
 * @property {boolean} [force_unmute]
 * @property {number} [remark_s]
 */

/**
 * Hold the conference in another mode, or name another teacher; everybody's place is decided anew.
 *
 * `teacher`: who teaches a `video_lecture`, the owner until somebody is named; absent, it stays who it is.
 * @typedef {object} ConferenceSetMode
 * @property {'conference.set_mode'} type
 * @property {number} id
 * @property {Mode} mode
 * @property {string} [teacher]
 */

/**
 * Ask for the stage. Who may take a free place (`stage.go`) has it at once; others queue.
 * @typedef {object} StageRequest
 * @property {'stage.request'} type
 * @property {number} id
 */

/**
 * Take one's request back.
 * @typedef {object} StageWithdraw
 * @property {'stage.withdraw'} type
 * @property {number} id
 */

/**
 * Give a place to somebody who asked.
 * @typedef {object} StageGrant
 * @property {'stage.grant'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Refuse somebody's request.
 * @typedef {object} StageRefuse
 * @property {'stage.refuse'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Invite somebody to the stage.
 * @typedef {object} StageInvite
 * @property {'stage.invite'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Accept an invitation: a place is taken.
 * @typedef {object} StageAccept
 * @property {'stage.accept'} type
 * @property {number} id
 */

/**
 * Decline an invitation.
 * @typedef {object} StageDecline
 * @property {'stage.decline'} type
 * @property {number} id
 */

/**
 * Give one's own place back.
 * @typedef {object} StageLeave
 * @property {'stage.leave'} type
 * @property {number} id
 */

/**
 * Take somebody down: every track of theirs stops, the place is free at once.
 * @typedef {object} StageTakeDown
 * @property {'stage.take_down'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Move a request to a position in the queue, 0 being the front.
 * @typedef {object} StageReorder
 * @property {'stage.reorder'} type
 * @property {number} id
 * @property {string} target
 * @property {number} position
 */

/**
 * Ask for a short turn to speak without going on the stage.
 * @typedef {object} RemarkRequest
 * @property {'remark.request'} type
 * @property {number} id
 */

/**
 * Take that back.
 * @typedef {object} RemarkWithdraw
 * @property {'remark.withdraw'} type
 * @property {number} id
 */

/**
 * Give somebody who asked their turn: their microphone goes out until it ends (see `remark_s` of the settings).
 * @typedef {object} RemarkGrant
 * @property {'remark.grant'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Refuse somebody's request for a turn.
 * @typedef {object} RemarkRefuse
 * @property {'remark.refuse'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * End a turn before its time (one's own without `target`).
 * @typedef {object} RemarkEnd
 * @property {'remark.end'} type
 * @property {number} id
 * @property {string} [target]
 */

/**
 * Mute one source of a person (oneself without `target`); enforced by the media worker.
 * @typedef {object} MediaMute
 * @property {'media.mute'} type
 * @property {number} id
 * @property {MuteSource} source
 * @property {string} [target]
 */

/**
 * Undo a mute; of another person also a lock.
 * @typedef {object} MediaUnmute
 * @property {'media.unmute'} type
 * @property {number} id
 * @property {MuteSource} source
 * @property {string} [target]
 */

/**
 * Mute so that the person cannot undo it.
 * @typedef {object} MediaLock
 * @property {'media.lock'} type
 * @property {number} id
 * @property {MuteSource} source
 * @property {string} target
 */

/**
 * Mute one source of everybody else who is on the stage or sends; `lock`: so that they cannot undo it.
 * @typedef {object} MediaMuteAll
 * @property {'media.mute_all'} type
 * @property {number} id
 * @property {MuteSource} source
 * @property {boolean} [lock]
 */

/**
 * Undo everybody's mutes and locks of one source; what people muted themselves stays muted.
 * @typedef {object} MediaUnmuteAll
 * @property {'media.unmute_all'} type
 * @property {number} id
 * @property {MuteSource} source
 */

/**
 * Ask somebody to unmute; where the conference's setting `force_unmute` says so, their mute is undone with it.
 * @typedef {object} MediaAskUnmute
 * @property {'media.ask_unmute'} type
 * @property {number} id
 * @property {MuteSource} source
 * @property {string} target
 */

/**
 * Stop a screen share, and nothing else of the person; they must publish it anew to share again.
 * @typedef {object} ShareStop
 * @property {'share.stop'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Remove somebody from the conference; they may come back.
 * @typedef {object} ParticipantRemove
 * @property {'participant.remove'} type
 * @property {number} id
 * @property {string} target
 * @property {string} [reason]
 */

/**
 * Remove somebody, who cannot come back until unblocked. They need not be present.
 * @typedef {object} ParticipantBlock
 * @property {'participant.block'} type
 * @property {number} id
 * @property {string} target
 * @property {string} [reason]
 */

/**
 * Let a blocked identity come back.
 * @typedef {object} ParticipantUnblock
 * @property {'participant.unblock'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Assign a session role to a person, who need not be present; kept when they leave.
 * @typedef {object} RoleAssign
 * @property {'role.assign'} type
 * @property {number} id
 * @property {string} target
 * @property {Role} role
 */

/**
 * Offer one's tracks: from the stage, as a student of a lecture camera and microphone, in a turn to speak the
 * microphone. The SDP offer of the publish connection, and which m-line carries which source.
 *
 * `tracks` is the complete set; a source that is missing is unpublished. `restart` says that the
 * connection is a new one, not a renegotiation.
 * @typedef {object} MediaPublish
 * @property {'media.publish'} type
 * @property {number} id
 * @property {string} sdp
 * @property {Record<string, Source>} tracks
 * @property {boolean} [restart]
 */

/**
 * Ask for a new subscribe connection; the server's `media.offer` follows, now and at every change.
 * @typedef {object} MediaSubscribe
 * @property {'media.subscribe'} type
 * @property {number} id
 */

/**
 * The SDP answer to a `media.offer`, with its generation and revision.
 * @typedef {object} MediaAnswer
 * @property {'media.answer'} type
 * @property {number} id
 * @property {number} generation
 * @property {number} revision
 * @property {string} sdp
 */

/**
 * Write to everybody.
 * @typedef {object} ChatSend
 * @property {'chat.send'} type
 * @property {number} id
 * @property {string} text
 */

/**
 * The last messages before `before` (a message's number), newest last.
 * @typedef {object} ChatHistory
 * @property {'chat.history'} type
 * @property {number} id
 * @property {number} [before]
 * @property {number} [limit]
 */

/**
 * Show an emoji to everybody for a moment.
 * @typedef {object} ReactionSend
 * @property {'reaction.send'} type
 * @property {number} id
 * @property {string} emoji
 */

/**
 * Accepted. `version` is the room's version that holds the outcome.
 * @typedef {object} Ok
 * @property {'ok'} type
 * @property {number} id
 * @property {number} [version]
 * @property {Welcome | Joined | Allowed | People | Accepted | ChatPage} [result]
 */

/**
 * Not accepted, and nothing has changed. `id` is absent when the message had none that could be read.
 * @typedef {object} Refused
 * @property {'refused'} type
 * @property {number} [id]
 * @property {Code} code
 * @property {string} message
 * @property {boolean} [retry]
 * @property {Record<string, any>} [details]
 */

/**
 * Answer to `hello`. After a resume, `resume` is the next single-use token, and the events missed
 * (or a `resync`) follow.
 * @typedef {object} Welcome
 * @property {'welcome'} type
 * @property {string} identity
 * @property {string} name
 * @property {boolean} [resumed]
 * @property {string} [resume]
 */

/**
 * Answer to `conference.join`: the conference as one may see it, and the token to come back with.
 * @typedef {object} Joined
 * @property {'joined'} type
 * @property {Snapshot} snapshot
 * @property {string} resume
 */

/**
 * Answer to `can`: the commands one may give now; moderators are told the rule that decided each.
 * @typedef {object} Allowed
 * @property {'allowed'} type
 * @property {string[]} commands
 * @property {Record<string, string>} [rules]
 */

/**
 * Answer to `people.list`; `more` when another page follows.
 * @typedef {object} People
 * @property {'people'} type
 * @property {Person[]} people
 * @property {boolean} [more]
 */

/**
 * Answer to `media.publish`: the SDP answer of the media worker.
 * @typedef {object} Accepted
 * @property {'answer'} type
 * @property {string} sdp
 */

/**
 * Answer to `chat.history`.
 * @typedef {object} ChatPage
 * @property {'chat'} type
 * @property {ChatMessage[]} messages
 * @property {boolean} [more]
 */

/**
 * The first event of every room.
 * @typedef {object} ConferenceCreated
 * @property {'conference.created'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} conference
 * @property {string} title
 * @property {string} owner
 * @property {number} stage_places
 */

/**
 * The settings as they now are.
 * @typedef {object} ConferenceSettingsChanged
 * @property {'conference.settings_changed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} title
 * @property {number} stage_places
 * @property {Settings} [settings]
 */

/**
 * The conference is held in this mode; what follows for each person's place and tracks comes after it.
 *
 * `teacher` is who was named, empty for the owner.
 * @typedef {object} ConferenceModeChanged
 * @property {'conference.mode_changed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Mode} mode
 * @property {string} [teacher]
 */

/**
 * Nobody is in the conference any more.
 * @typedef {object} ConferenceEnded
 * @property {'conference.ended'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 */

/**
 * Somebody entitled came to a conference that had ended: it runs again.
 * @typedef {object} ConferenceReopened
 * @property {'conference.reopened'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 */

/**
 * Somebody is in the conference.
 * @typedef {object} ParticipantJoined
 * @property {'participant.joined'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {string} name
 * @property {PersonKind} kind
 * @property {Role} role
 * @property {boolean} [by_right]
 */

/**
 * The connection of somebody broke; role, seat and mutes are kept for the grace period.
 * @typedef {object} ParticipantAway
 * @property {'participant.away'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody who was away is back.
 * @typedef {object} ParticipantReturned
 * @property {'participant.returned'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody is not in the conference any more.
 * @typedef {object} ParticipantLeft
 * @property {'participant.left'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {LeaveReason} reason
 * @property {string} [note]
 */

/**
 * An identity cannot come in until it is unblocked. Moderators are told.
 * @typedef {object} ParticipantBlocked
 * @property {'participant.blocked'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {string} name
 * @property {string} [note]
 */

/**
 * A blocked identity may come in again. Moderators are told.
 * @typedef {object} ParticipantUnblocked
 * @property {'participant.unblocked'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody's role is now this one, also when they return.
 *
 * `inherited`: not by an assignment of their own, but because the conference's general access has changed.
 * @typedef {object} RoleAssigned
 * @property {'role.assigned'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Role} role
 * @property {boolean} [inherited]
 */

/**
 * Somebody asks for the stage and stands at the end of the queue.
 * @typedef {object} StageRequested
 * @property {'stage.requested'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody took their request back.
 * @typedef {object} StageWithdrawn
 * @property {'stage.withdrawn'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody's request was refused.
 * @typedef {object} StageRefused
 * @property {'stage.refused'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * The queue, front first, as it now is.
 * @typedef {object} StageReordered
 * @property {'stage.reordered'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string[]} queue
 */

/**
 * Somebody is invited to the stage, until that moment (ms since 1970) if one is given.
 * @typedef {object} StageInvited
 * @property {'stage.invited'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {number} [until]
 */

/**
 * Somebody declined the invitation, or it has `expired`.
 * @typedef {object} StageDeclined
 * @property {'stage.declined'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {boolean} [expired]
 */

/**
 * Somebody has a place on the stage; their request, invitation and turn to speak are settled by it.
 *
 * `who` is the person as others see them, for those in a crowded conference who were not told of their coming; its
 * tracks hold for everybody: what a student of a lecture sends already is seen by all from here on.
 * @typedef {object} StageTaken
 * @property {'stage.taken'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Person} who
 */

/**
 * Somebody is not on the stage any more; their tracks are gone with the place.
 * @typedef {object} StageLeft
 * @property {'stage.left'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {StageLeaveReason} reason
 */

/**
 * Somebody off the stage asks for a short turn to speak.
 * @typedef {object} RemarkRequested
 * @property {'remark.requested'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody does not want their turn any more.
 * @typedef {object} RemarkWithdrawn
 * @property {'remark.withdrawn'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody does not get a turn.
 * @typedef {object} RemarkRefused
 * @property {'remark.refused'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 */

/**
 * Somebody may send their microphone until that moment (ms since 1970); `who` they are, as in `stage.taken`.
 * @typedef {object} RemarkGranted
 * @property {'remark.granted'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {number} until
 * @property {Person} who
 */

/**
 * Somebody's turn is over; their track is gone with it.
 * @typedef {object} RemarkEnded
 * @property {'remark.ended'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {RemarkEndReason} reason
 */

/**
 * A source of somebody is silent at the media plane; `locked`: they cannot undo it.
 * @typedef {object} MediaMuted
 * @property {'media.muted'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {MuteSource} source
 * @property {boolean} [locked]
 */

/**
 * A source of somebody may be heard or seen again.
 * @typedef {object} MediaUnmuted
 * @property {'media.unmuted'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {MuteSource} source
 */

/**
 * Somebody is asked to unmute; `forced`: their client switches the device on. They and moderators are told.
 * @typedef {object} MediaUnmuteAsked
 * @property {'media.unmute_asked'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {MuteSource} source
 * @property {boolean} [forced]
 */

/**
 * Somebody sends this source: from the stage, as a student of a lecture, or in a turn to speak.
 * @typedef {object} TrackPublished
 * @property {'track.published'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Source} source
 */

/**
 * Somebody does not send this source any more.
 * @typedef {object} TrackUnpublished
 * @property {'track.unpublished'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Source} source
 */

/**
 * Forget what you know: this is the conference now.
 * @typedef {object} Resync
 * @property {'resync'} type
 * @property {Snapshot} snapshot
 */

/**
 * Why this connection, or this presence, ends. `after_ms`: how long to wait before coming back.
 * @typedef {object} Closing
 * @property {'closing'} type
 * @property {Code} code
 * @property {string} message
 * @property {boolean} [retry]
 * @property {number} [after_ms]
 */

/**
 * How many are present, coalesced, for those who are not told each coming and going.
 * @typedef {object} PeopleCount
 * @property {'people.count'} type
 * @property {number} count
 */

/**
 * The media worker's offer for the subscribe connection. `tracks`: m-line → track, `identity/source`.
 * @typedef {object} MediaOffer
 * @property {'media.offer'} type
 * @property {number} generation
 * @property {number} revision
 * @property {string} sdp
 * @property {Record<string, string>} tracks
 */

/**
 * The media worker is another one now: open both connections anew.
 * @typedef {object} MediaReset
 * @property {'media.reset'} type
 * @property {string} reason
 */

/**
 * Who speaks now, loudest first; empty when nobody does.
 * @typedef {object} MediaSpeakers
 * @property {'media.speakers'} type
 * @property {Loudness[]} speakers
 */

/**
 * Connection quality: moderators are told everybody's, others their own and the stage's.
 * @typedef {object} MediaQuality
 * @property {'media.quality'} type
 * @property {Quality[]} people
 */

/**
 * A new message in the chat.
 * @typedef {object} ChatShown
 * @property {'chat.message'} type
 * @property {ChatMessage} message
 */

/**
 * Reactions since the last of these, by emoji; `person` when it was a single one.
 * @typedef {object} ReactionShown
 * @property {'reaction'} type
 * @property {Record<string, number>} counts
 * @property {string} [person]
 */

/**
 * Anything a client may say.
 * @typedef {(
 *   Hello |
 *   Can |
 *   PeopleList |
 *   ConferenceJoin |
 *   ConferenceLeave |
 *   ConferenceEnd |
 *   ConferenceSettings |
 *   ConferenceSetMode |
 *   StageRequest |
 *   StageWithdraw |
 *   StageGrant |
 *   StageRefuse |
 *   StageInvite |
 *   StageAccept |
 *   StageDecline |
 *   StageLeave |
 *   StageTakeDown |
 *   StageReorder |
 *   RemarkRequest |
 *   RemarkWithdraw |
 *   RemarkGrant |
 *   RemarkRefuse |
 *   RemarkEnd |
 *   MediaMute |
 *   MediaUnmute |
 *   MediaLock |
 *   MediaMuteAll |
 *   MediaUnmuteAll |
 *   MediaAskUnmute |
 *   ShareStop |
 *   ParticipantRemove |
 *   ParticipantBlock |
 *   ParticipantUnblock |
 *   RoleAssign |
 *   MediaPublish |
 *   MediaSubscribe |
 *   MediaAnswer |
 *   ChatSend |
 *   ChatHistory |
 *   ReactionSend
 * )} ClientMessage
 */

/**
 * Anything the server may say.
 * @typedef {(
 *   ConferenceCreated |
 *   ConferenceSettingsChanged |
 *   ConferenceModeChanged |
 *   ConferenceEnded |
 *   ConferenceReopened |
 *   ParticipantJoined |
 *   ParticipantAway |
 *   ParticipantReturned |
 *   ParticipantLeft |
 *   ParticipantBlocked |
 *   ParticipantUnblocked |
 *   RoleAssigned |
 *   StageRequested |
 *   StageWithdrawn |
 *   StageRefused |
 *   StageReordered |
 *   StageInvited |
 *   StageDeclined |
 *   StageTaken |
 *   StageLeft |
 *   RemarkRequested |
 *   RemarkWithdrawn |
 *   RemarkRefused |
 *   RemarkGranted |
 *   RemarkEnded |
 *   MediaMuted |
 *   MediaUnmuted |
 *   MediaUnmuteAsked |
 *   TrackPublished |
 *   TrackUnpublished |
 *   Resync |
 *   Closing |
 *   PeopleCount |
 *   MediaOffer |
 *   MediaReset |
 *   MediaSpeakers |
 *   MediaQuality |
 *   ChatShown |
 *   ReactionShown |
 *   Ok |
 *   Refused
 * )} ServerMessage
 */

export {};
