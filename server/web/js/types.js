/**
 * The messages on the wire, for the type checker.
 * Made from the definitions in `protocol/` by `python -m protocol.documents`; do not edit.
 */

/**
 * What somebody without an assignment of their own is in a conference. `default`: nothing was chosen, so members of
 * this server are speakers and guests what their link says; `no_access`: not let in.
 * @typedef {'default' | 'moderator' | 'speaker' | 'viewer' | 'no_access'} Access
 */

/**
 * What can be chosen for guests as a class; each by themselves may be made moderator.
 * @typedef {'default' | 'speaker' | 'viewer' | 'no_access'} Outsiders
 */

/**
 * Who waits at the door until they are admitted. Organizers by right and whoever has a role of their own in the
 * conference never do.
 * @typedef {'off' | 'guests' | 'everyone'} Lobby
 */

/**
 * Who may write to one person alone: everybody; only to and from those who moderate the chat; nobody.
 * @typedef {'everyone' | 'moderators' | 'off'} PrivateChat
 */

/**
 * How a conference is held: who gets on the stage, and who sees and hears whom.
 * @typedef {'all_on_screen' | 'video_lecture' | 'role_based'} Mode
 */

/**
 * Grid: all tiles alike; speaker: who speaks is large; sidebar: the same with the others beside; screen_first: a
 * shared screen is large; picture_in_picture: one tile over a large one.
 * @typedef {'grid' | 'speaker' | 'sidebar' | 'screen_first' | 'picture_in_picture'} LayoutKind
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
 * What a device is for; the words are those of the browsers.
 * @typedef {'audioinput' | 'videoinput' | 'audiooutput'} DeviceKind
 */

/**
 * Where a track comes from. Each person has at most one track of each source.
 * @typedef {'audio' | 'video' | 'screen' | 'screen_audio'} Source
 */

/**
 * Where a chat message is read: by everybody, by those who have the moderators' channel, or by two people alone:
 * who wrote it and to whom.
 * @typedef {'everyone' | 'moderators' | 'private'} Channel
 */

/**
 * What an identity is: a user has an account, a guest came by a link or through another program, a federated user
 * has an account on a peer.
 * @typedef {'user' | 'guest' | 'federated'} PersonKind
 */

/**
 * Why somebody at the door is not in the conference yet: to be admitted, or until it begins.
 * @typedef {'lobby' | 'backstage'} WaitReason
 */

/**
 * Where a poll stands.
 * @typedef {'prepared' | 'open' | 'closed'} PollState
 */

/**
 * What a file is for: a handout is downloaded, slides are shown.
 * @typedef {'handout' | 'slides'} FileKind
 */

/**
 * What browsers are to send their cameras in: VP8 and H.264 in several streams (simulcast), VP9 and AV1 in one
 * stream with layers (SVC). Who cannot sends VP8.
 * @typedef {'vp8' | 'h264' | 'vp9' | 'av1'} CameraCodec
 */

/**
 * Which rule gave somebody their role; the first that matches: the conference is theirs, they are organizer by
 * right everywhere, the role was assigned to them here, general access of members, general access of outsiders or
 * their link; or none, and they are not let in.
 * @typedef {'owner' | 'by_right' | 'assigned' | 'members' | 'outsiders' | 'no_access'} RoleRule
 */

/**
 * The codes of refusals and of closings.
 * @typedef {'bad_message' | 'too_large' | 'rate_limited' | 'not_yet' | 'already' | 'bad_token' | 'company_disabled' | 'link_revoked' | 'bad_resume' | 'no_access' | 'wrong_pin' | 'waiting' | 'not_admitted' | 'no_such_conference' | 'no_such_person' | 'not_allowed' | 'protected' | 'already_in_conference' | 'taken_over' | 'conference_ended' | 'conference_full' | 'stage_full' | 'not_on_stage' | 'not_invited' | 'no_request' | 'no_remark' | 'not_blocked' | 'too_many' | 'locked' | 'blocked' | 'removed' | 'no_such_track' | 'no_such_device' | 'no_such_entry' | 'chat_closed' | 'bad_offer' | 'media_unavailable' | 'store_unavailable' | 'too_slow' | 'going_away' | 'unsupported' | 'key_reused' | 'unsettled' | 'not_found' | 'internal'} Code
 */

/**
 * The life of a transport.
 * @typedef {'connected' | 'lost' | 'closed' | 'failed'} TransportState
 */

/**
 * Why somebody is no longer in the conference.
 * @typedef {'left' | 'expired' | 'removed' | 'blocked' | 'no_access' | 'waiting' | 'ended' | 'moved'} LeaveReason
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
 * Why a recording ended: it was stopped; it has reached the largest size, or the disk's reserve; the disk does not
 * keep up with it; it cannot be written.
 * @typedef {'stopped' | 'too_large' | 'disk_full' | 'too_slow' | 'failed'} RecordingEnd
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
 * Changes of `GuestsMay`; what is absent stays as it is.
 * @typedef {object} GuestsMayChange
 * @property {boolean} [messages]
 * @property {boolean} [audio]
 * @property {boolean} [video]
 */

/**
 * Where a tile stands and how large it is, in percent of the stage; (0, 0) is its upper left corner.
 * @typedef {object} Tile
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/**
 * One device; `id` means something to that person's client alone. `chosen`: it is in use, or would be.
 * @typedef {object} Device
 * @property {string} id
 * @property {DeviceKind} kind
 * @property {string} [label]
 * @property {boolean} [chosen]
 */

/**
 * A conference at one version, as far as its reader may see it.
 *
 * `people` holds everybody in a small conference; in a crowded one, and for all but moderators where the settings
 * hide the list (`crowded` says so in both), the reader, the stage, and
 * for moderators those who asked or are invited: the others by `people.list`. `count` counts everybody
 * present. `stage` and `queue` are identities, in order of taking and asking. `asking`
 * are those who ask for a turn to speak, `remarks` whose turn it is and until when (ms since 1970). Moderators are
 * told who is `blocked`, and who waits in the `lobby`; organizers are told the `pin` at the door.
 * `started`: the conference was begun by `conference.start`; it is held back, and viewers wait, while it is not and
 * `backstage` of the settings says so.
 * `teacher` is who was named for a `video_lecture`, empty for the owner; there the tracks of students are told only to
 * those who see them. `layout` is how the stage is laid out for everybody. Moderators are told the `devices` of those
 * in `people`, as far as their clients have reported them. `displayed` and `promoted` are the question and the link on
 * the stage, `slides` what is shown there, `polls` those that are open; everything else of these comes by pages
 * (`question.list`, …). `recording`: everything that is sent is recorded.
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
 * @property {Layout} [layout]
 * @property {Record<string, Device[]>} [devices]
 * @property {boolean} [started]
 * @property {string} [pin]
 * @property {Waiting[]} [lobby]
 * @property {Question} [displayed]
 * @property {Link} [promoted]
 * @property {Poll[]} [polls]
 * @property {boolean} [chat_closed]
 * @property {Slides} [slides]
 * @property {Recording} [recording]
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
 * `members` and `outsiders`: the general-access roles of members of this server and of guests. `public`: guests may
 * come in. `lobby`: who waits at the door until they are let in. `backstage`: viewers wait until the conference is
 * started. `capacity`: how many may be present, 0 for no limit; organizers by right come in always. `list_hidden`:
 * only moderators see who is present beside the stage. `force_unmute`: to ask somebody to unmute lifts the mute and
 * has the device switched on, where otherwise the person is only asked (a browser still asks its user). `remark_s`:
 * how long a turn to speak is. `speakers_moderate_chat`, `speakers_see_private_questions`: speakers may do what
 * otherwise moderators do. `questions_approved`: questions are seen by others when a moderator has approved them.
 * `private_chat`: who may write to one person alone. `slow_mode_s`: how many seconds pass between two messages of one
 * person to everybody; 0 for no such wait, and for those who moderate the chat there is none.
 * @typedef {object} Settings
 * @property {Access} [members]
 * @property {Access} [outsiders]
 * @property {boolean} [public]
 * @property {Lobby} [lobby]
 * @property {boolean} [backstage]
 * @property {GuestsMay} [guests_may]
 * @property {number} [capacity]
 * @property {boolean} [list_hidden]
 * @property {boolean} [force_unmute]
 * @property {number} [remark_s]
 * @property {boolean} [speakers_moderate_chat]
 * @property {boolean} [speakers_see_private_questions]
 * @property {boolean} [questions_approved]
 * @property {PrivateChat} [private_chat]
 * @property {number} [slow_mode_s]
 */

/**
 * What guests as a class may send, whatever their role.
 * @typedef {object} GuestsMay
 * @property {boolean} [messages]
 * @property {boolean} [audio]
 * @property {boolean} [video]
 */

/**
 * What everybody sees. `spotlight`: who is large, empty for whoever speaks; `tiles`: places of their own, by
 * identity, which win over the kind's arrangement.
 * @typedef {object} Layout
 * @property {LayoutKind} [kind]
 * @property {string} [spotlight]
 * @property {Record<string, Tile>} [tiles]
 */

/**
 * Somebody at the door, and since when (ms since 1970).
 * @typedef {object} Waiting
 * @property {string} id
 * @property {string} name
 * @property {PersonKind} kind
 * @property {WaitReason} reason
 * @property {number} since
 */

/**
 * A question. `number` counts the conference's questions from 1; `person` and `name` are who asked, `time` is ms
 * since 1970. A `private` one is seen by who asked and by those who may see private ones; one that is not `approved`
 * yet by who asked and by those who may approve it. `voted`: the reader has voted for it.
 * @typedef {object} Question
 * @property {number} number
 * @property {string} person
 * @property {string} name
 * @property {string} text
 * @property {number} time
 * @property {boolean} [private]
 * @property {boolean} [approved]
 * @property {number} [votes]
 * @property {boolean} [voted]
 * @property {WrittenAnswer} [answer]
 */

/**
 * The answer to a question: by whom, who they were then, and when (ms since 1970).
 * @typedef {object} WrittenAnswer
 * @property {string} person
 * @property {string} name
 * @property {string} text
 * @property {number} time
 */

/**
 * A link that somebody published. `number` counts the conference's links from 1, `time` is ms since 1970.
 * @typedef {object} Link
 * @property {number} number
 * @property {string} person
 * @property {string} name
 * @property {number} time
 * @property {string} url
 * @property {string} title
 */

/**
 * A poll. `number` counts the conference's polls from 1; `person` and `name` are who made it, `time` is when it was
 * made, in ms since 1970. `multiple`: several options may be chosen; `anonymous`: nobody is shown who chose what;
 * `live`: the results are seen while it is open, otherwise when it is closed.
 *
 * `answers` is how many people have answered, `counts` how often each option was chosen; empty as long as the reader
 * may not see it. `answered`: the reader has answered, and of a poll that is not anonymous `chosen` is what.
 * @typedef {object} Poll
 * @property {number} number
 * @property {string} person
 * @property {string} name
 * @property {number} time
 * @property {string} question
 * @property {string[]} options
 * @property {boolean} [multiple]
 * @property {boolean} [anonymous]
 * @property {boolean} [live]
 * @property {PollState} [state]
 * @property {number} [answers]
 * @property {number[]} [counts]
 * @property {boolean} [answered]
 * @property {number[]} [chosen]
 */

/**
 * Slides on the stage: which, at what page (from 1), and who has put them there.
 * @typedef {object} Slides
 * @property {File} file
 * @property {number} page
 * @property {string} person
 */

/**
 * A file that somebody has uploaded. `number` counts the conference's files from 1, `time` is ms since 1970.
 *
 * `label`: the name it was given, without what could mislead or hurt; `size`: bytes that are kept of it; `pages` of
 * slides. `key` is the server's own name for it, another one for each file there has ever been.
 * @typedef {object} File
 * @property {number} number
 * @property {FileKind} kind
 * @property {string} person
 * @property {string} name
 * @property {number} time
 * @property {string} label
 * @property {number} size
 * @property {string} key
 * @property {number} [pages]
 */

/**
 * A recording that runs: its number in the conference, from 1, since when (ms since 1970), and who started it.
 * @typedef {object} Recording
 * @property {number} number
 * @property {number} since
 * @property {string} by
 */

/**
 * One of a person's two connections. `silent_ms`: how long nothing was heard from them; `rtt_ms`, `loss` (percent,
 * of the last second): -1 where not known; `kbps_limit`: what the path is estimated to carry, 0 where it is not.
 * @typedef {object} PathReport
 * @property {TransportState} state
 * @property {string} [network]
 * @property {number} [bytes]
 * @property {number} [rtt_ms]
 * @property {number} [loss]
 * @property {number} [silent_ms]
 * @property {number} [kbps_limit]
 * @property {number} [score]
 */

/**
 * A track as the worker receives it from its publisher.
 *
 * `received`, `received_bytes`: what came; `lost`: what did not, also not when it was asked for again; `repaired`:
 * what came only then; `forwarded`: packets to all `viewers` together; `dropped`: packets that came while the track
 * was closed; `keyframes_asked`: how often its publisher was asked for a key frame. Of the last interval: `loss` in
 * percent, after repair; `jitter_ms`; `still_ms`: how long the picture stood still; `score`.
 * @typedef {object} TrackReport
 * @property {string} track
 * @property {number} received
 * @property {number} received_bytes
 * @property {number} lost
 * @property {number} forwarded
 * @property {number} dropped
 * @property {boolean} [open]
 * @property {string} [codec]
 * @property {number} [repaired]
 * @property {number} [keyframes_asked]
 * @property {number} [viewers]
 * @property {number} [loss]
 * @property {number} [jitter_ms]
 * @property {number} [still_ms]
 * @property {number} [score]
 * @property {LayerReport[]} [layers]
 */

/**
 * One encoding of a track, the lowest first: its name (`rid`, empty where there is one only), its rate in the last
 * second, and its picture. `live`: something came within the last second. Width, height and rate of frames are 0
 * where they are not known, as for sound.
 * @typedef {object} LayerReport
 * @property {string} [rid]
 * @property {boolean} [live]
 * @property {number} [kbps]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [fps]
 */

/**
 * A track as one viewer gets it from the worker.
 *
 * `rid`: which of its layers they get; `wanted`: which they are to get, the same unless a switch waits for a key
 * frame; `flowing`: it is sent to them now. `repeated`: packets sent again because they asked for them;
 * `keyframes_asked`: how often they asked for a key frame. As they report it themselves, -1 before they have: `loss`
 * in percent before repair, `jitter_ms`.
 * @typedef {object} ReceivedTrack
 * @property {string} track
 * @property {boolean} flowing
 * @property {number} packets
 * @property {number} bytes
 * @property {string} [rid]
 * @property {string} [wanted]
 * @property {number} [repeated]
 * @property {number} [keyframes_asked]
 * @property {number} [loss]
 * @property {number} [jitter_ms]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [fps]
 * @property {number} [score]
 */

/**
 * One message of the chat; `number` grows from message to message of its channel, `time` is ms since 1970.
 *
 * `to` is whom a private one was written to. `reply_to` is the number of the message of the same channel that it
 * replies to, 0 for none. `mentions` are the people it names, of those who read it. `edited`: when its text was
 * changed last, 0 for never.
 * @typedef {object} ChatMessage
 * @property {number} number
 * @property {number} time
 * @property {string} person
 * @property {string} name
 * @property {string} text
 * @property {Channel} [channel]
 * @property {string} [to]
 * @property {number} [reply_to]
 * @property {string[]} [mentions]
 * @property {number} [edited]
 */

/**
 * What somebody chose in a poll, as positions of its options from 0.
 * @typedef {object} Choice
 * @property {string} person
 * @property {string} name
 * @property {number[]} chosen
 */

/**
 * How loud somebody is: `level` 0 (silent) to 100.
 * @typedef {object} Loudness
 * @property {string} person
 * @property {number} level
 */

/**
 * The worker's measure of one person's connection. `loss` in percent, `rtt_ms` in ms, rates in kbit/s.
 *
 * `sent` and `received`: the score (1.0 to 5.0, absent where nothing is known) of the worst they send and the worst
 * they receive; `sources`: of each thing they send. The grade follows the worse of the two, slowly on the way up.
 * @typedef {object} Quality
 * @property {string} person
 * @property {QualityGrade} grade
 * @property {number} [loss]
 * @property {number} [rtt_ms]
 * @property {number} [up_kbps]
 * @property {number} [down_kbps]
 * @property {number} [sent]
 * @property {number} [received]
 * @property {Record<string, number>} [sources]
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
 * Why may I, or may `about`, give a command (to `target`), or not? `command` is a name as `can` has it, such as
 * `media.mute:audio`, or an action of the table of permissions. About others whoever moderates may ask.
 * @typedef {object} Explain
 * @property {'explain'} type
 * @property {number} id
 * @property {string} command
 * @property {string} [about]
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
 *
 * `pin`: the conference's PIN, where it asks for one. Who must wait at the door is answered `held`.
 * @typedef {object} ConferenceJoin
 * @property {'conference.join'} type
 * @property {number} id
 * @property {string} conference
 * @property {string} [name]
 * @property {boolean} [take_over]
 * @property {boolean} [console]
 * @property {string} [pin]
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
 * @property {Outsiders} [outsiders]
 * @property {boolean} [public]
 * @property {Lobby} [lobby]
 * @property {boolean} [backstage]
 * @property {GuestsMayChange} [guests_may]
 * @property {number} [capacity]
 * @property {boolean} [list_hidden]
 * @property {boolean} [force_unmute]
 * @property {number} [remark_s]
 * @property {boolean} [speakers_moderate_chat]
 * @property {boolean} [speakers_see_private_questions]
 * @property {boolean} [questions_approved]
 * @property {PrivateChat} [private_chat]
 * @property {number} [slow_mode_s]
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
 * Lay the stage out for everybody; without `spotlight`, whoever speaks is large where the kind makes one large.
 * Tiles placed by hand stay, unless the kind changes.
 * @typedef {object} ConferenceLayout
 * @property {'conference.layout'} type
 * @property {number} id
 * @property {LayoutKind} kind
 * @property {string} [spotlight]
 */

/**
 * Place the tile of somebody on the stage (one's own without `target`), within the stage and at least 5 % wide
 * and high; without `tile` it goes back into the arrangement.
 * @typedef {object} LayoutPlace
 * @property {'layout.place'} type
 * @property {number} id
 * @property {Tile} [tile]
 * @property {string} [target]
 */

/**
 * Begin a conference that is held back (`backstage` of the settings): who waits for it comes in.
 * @typedef {object} ConferenceStart
 * @property {'conference.start'} type
 * @property {number} id
 */

/**
 * The PIN that is asked for at the door; empty for none.
 * @typedef {object} ConferenceSetPin
 * @property {'conference.set_pin'} type
 * @property {number} id
 * @property {string} pin
 */

/**
 * Let somebody in who waits at the door.
 * @typedef {object} LobbyAdmit
 * @property {'lobby.admit'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Let everybody in who waits to be admitted, as far as there is room.
 * @typedef {object} LobbyAdmitAll
 * @property {'lobby.admit_all'} type
 * @property {number} id
 */

/**
 * Send somebody away who waits at the door; they may ask again, unless blocked.
 * @typedef {object} LobbyRefuse
 * @property {'lobby.refuse'} type
 * @property {number} id
 * @property {string} target
 * @property {string} [reason]
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
 * Which devices one's browser has, and which are in use; moderators see it.
 * @typedef {object} DevicesReport
 * @property {'devices.report'} type
 * @property {number} id
 * @property {Device[]} devices
 */

/**
 * Have somebody's client use another device of theirs; it follows, and reports.
 * @typedef {object} DevicesSelect
 * @property {'devices.select'} type
 * @property {number} id
 * @property {string} target
 * @property {string} device
 * @property {DeviceKind} kind
 */

/**
 * Take an assignment back: the person has the role they inherit, at once when they are present.
 * @typedef {object} RoleClear
 * @property {'role.clear'} type
 * @property {number} id
 * @property {string} target
 */

/**
 * Ask a question; a `private` one is read by those only who may see private ones.
 * @typedef {object} QuestionAsk
 * @property {'question.ask'} type
 * @property {number} id
 * @property {string} text
 * @property {boolean} [private]
 */

/**
 * Vote for somebody else's question, once.
 * @typedef {object} QuestionUpvote
 * @property {'question.upvote'} type
 * @property {number} id
 * @property {number} question
 */

/**
 * Let everybody see a question, where the setting `questions_approved` holds them back.
 * @typedef {object} QuestionApprove
 * @property {'question.approve'} type
 * @property {number} id
 * @property {number} question
 */

/**
 * Answer a question in writing; a second answer takes the place of the first.
 * @typedef {object} QuestionAnswer
 * @property {'question.answer'} type
 * @property {number} id
 * @property {number} question
 * @property {string} text
 */

/**
 * Show a question on the stage, in place of the one that is shown; without `question`, show none.
 * @typedef {object} QuestionDisplay
 * @property {'question.display'} type
 * @property {number} id
 * @property {number} [question]
 */

/**
 * Take a question away (one's own too).
 * @typedef {object} QuestionDismiss
 * @property {'question.dismiss'} type
 * @property {number} id
 * @property {number} question
 */

/**
 * Prepare a poll (see `Poll`); nobody is asked before it is launched.
 * @typedef {object} PollCreate
 * @property {'poll.create'} type
 * @property {number} id
 * @property {string} question
 * @property {string[]} options
 * @property {boolean} [multiple]
 * @property {boolean} [anonymous]
 * @property {boolean} [live]
 */

/**
 * Put a prepared poll on the stage: everybody may answer.
 * @typedef {object} PollLaunch
 * @property {'poll.launch'} type
 * @property {number} id
 * @property {number} poll
 */

/**
 * Answer an open poll, once and for good; `chosen` are positions of its options from 0.
 * @typedef {object} PollAnswer
 * @property {'poll.answer'} type
 * @property {number} id
 * @property {number} poll
 * @property {number[]} chosen
 */

/**
 * Take no more answers; the results are seen by everybody.
 * @typedef {object} PollClose
 * @property {'poll.close'} type
 * @property {number} id
 * @property {number} poll
 */

/**
 * Take a poll away, with what was answered.
 * @typedef {object} PollRemove
 * @property {'poll.remove'} type
 * @property {number} id
 * @property {number} poll
 */

/**
 * Publish a link (http or https).
 * @typedef {object} LinkPublish
 * @property {'link.publish'} type
 * @property {number} id
 * @property {string} url
 * @property {string} title
 */

/**
 * Put a published link on the stage, in place of the one that is there; without `link`, none.
 * @typedef {object} LinkPromote
 * @property {'link.promote'} type
 * @property {number} id
 * @property {number} [link]
 */

/**
 * Take a link away (one's own too).
 * @typedef {object} LinkRemove
 * @property {'link.remove'} type
 * @property {number} id
 * @property {number} link
 */

/**
 * Take a file away (one's own too); slides that are shown come down.
 * @typedef {object} FileRemove
 * @property {'file.remove'} type
 * @property {number} id
 * @property {number} file
 */

/**
 * Put slides on the stage, in place of those that are there. One's own from one's place on the stage; those of
 * others, and from anywhere, by whoever controls others' files.
 * @typedef {object} SlidesOpen
 * @property {'slides.open'} type
 * @property {number} id
 * @property {number} file
 * @property {number} [page]
 */

/**
 * Turn the slides on the stage to a page. `file` says which slides are meant: when others were put there meanwhile,
 * nothing is turned.
 * @typedef {object} SlidesPage
 * @property {'slides.page'} type
 * @property {number} id
 * @property {number} file
 * @property {number} page
 */

/**
 * Take these slides down from the stage.
 * @typedef {object} SlidesClose
 * @property {'slides.close'} type
 * @property {number} id
 * @property {number} file
 */

/**
 * Let only those write to everybody who moderate the chat.
 * @typedef {object} ChatClose
 * @property {'chat.close'} type
 * @property {number} id
 */

/**
 * Let everybody write again.
 * @typedef {object} ChatOpen
 * @property {'chat.open'} type
 * @property {number} id
 */

/**
 * Record everything that is sent, from now on. Everybody is told before anything is written.
 * @typedef {object} RecordingStart
 * @property {'recording.start'} type
 * @property {number} id
 */

/**
 * Finish the recording.
 * @typedef {object} RecordingStop
 * @property {'recording.stop'} type
 * @property {number} id
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
 * Ask for the statistics of one's own connections and tracks; those of `target` whoever moderates may ask for.
 * @typedef {object} MediaStats
 * @property {'media.stats'} type
 * @property {number} id
 * @property {string} [target]
 */

/**
 * Ask for a new subscribe connection; the server's `media.offer` follows, now and at every change.
 * @typedef {object} MediaSubscribe
 * @property {'media.subscribe'} type
 * @property {number} id
 */

/**
 * The network is another one: ask for an ICE restart of the subscribe connection. A `media.offer` of the same
 * generation with other credentials follows. The publish connection is restarted by the next `media.publish`.
 * @typedef {object} MediaRestart
 * @property {'media.restart'} type
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
 * Ask for the TURN servers of this place, to be used for both connections; asked again, the credentials are new.
 * @typedef {object} MediaRelays
 * @property {'media.relays'} type
 * @property {number} id
 */

/**
 * What one looks at, so that no more is sent than can be seen: how high each video track's picture is drawn, in
 * device pixels; 0: it is not shown, and nothing of it is sent.
 *
 * `heights` replaces what was said before. A track that is not named has no preference: as much as the network takes.
 * @typedef {object} MediaPrefer
 * @property {'media.prefer'} type
 * @property {number} id
 * @property {Record<string, number>} heights
 */

/**
 * A page of the questions one may see, in order of asking; `after` is the last number of the page before.
 * @typedef {object} QuestionList
 * @property {'question.list'} type
 * @property {number} id
 * @property {number} [after]
 * @property {number} [limit]
 */

/**
 * A page of the polls one may see, in order of making; `after` is the last number of the page before.
 * @typedef {object} PollList
 * @property {'poll.list'} type
 * @property {number} id
 * @property {number} [after]
 * @property {number} [limit]
 */

/**
 * A page of who answered what, for who made the poll and for moderators; of an anonymous one for nobody. `after` is
 * the last identity of the page before.
 * @typedef {object} PollAnswers
 * @property {'poll.answers'} type
 * @property {number} id
 * @property {number} poll
 * @property {string} [after]
 * @property {number} [limit]
 */

/**
 * A page of the links, in order of publishing; `after` is the last number of the page before.
 * @typedef {object} LinkList
 * @property {'link.list'} type
 * @property {number} id
 * @property {number} [after]
 * @property {number} [limit]
 */

/**
 * Write to everybody, to the moderators' channel, or with `to` to one person (channel `private`). `reply_to` is a
 * message of the same channel; of `mentions` those are kept who are present and read the channel.
 * @typedef {object} ChatSend
 * @property {'chat.send'} type
 * @property {number} id
 * @property {string} text
 * @property {Channel} [channel]
 * @property {string} [to]
 * @property {number} [reply_to]
 * @property {string[]} [mentions]
 */

/**
 * The last messages before `before` (a message's number), newest last.
 * @typedef {object} ChatHistory
 * @property {'chat.history'} type
 * @property {number} id
 * @property {number} [before]
 * @property {Channel} [channel]
 * @property {number} [limit]
 */

/**
 * The last messages before `before` that hold a text, newest last, of those that the chat keeps; small and capital
 * letters are the same.
 * @typedef {object} ChatSearch
 * @property {'chat.search'} type
 * @property {number} id
 * @property {string} text
 * @property {number} [before]
 * @property {Channel} [channel]
 * @property {number} [limit]
 */

/**
 * Change the text of one's own message; those who see it are told that it was changed.
 * @typedef {object} ChatEdit
 * @property {'chat.edit'} type
 * @property {number} id
 * @property {number} number
 * @property {string} text
 * @property {Channel} [channel]
 */

/**
 * Take a message out of the chat (one's own too).
 * @typedef {object} ChatDelete
 * @property {'chat.delete'} type
 * @property {number} id
 * @property {number} number
 * @property {Channel} [channel]
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
 * @property {Welcome | Joined | Held | Allowed | Explanation | People | Accepted | Relays | Receipt | Statistics | ChatPage | Questions | Polls | Choices | Links} [result]
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
 * @property {CameraCodec} [camera_codec]
 */

/**
 * Answer to `conference.join`: one waits at the door, and is told nothing of the conference. The signal `admitted`
 * follows, or a closing.
 * @typedef {object} Held
 * @property {'held'} type
 * @property {WaitReason} reason
 */

/**
 * Answer to `can`: the commands one may give now; moderators are told the rule that decided each.
 * @typedef {object} Allowed
 * @property {'allowed'} type
 * @property {string[]} commands
 * @property {Record<string, string>} [rules]
 */

/**
 * Answer to `explain`: what would be decided, and why, as a sentence and in its parts.
 *
 * `role` and the rule that gave it; `rule`: the row of the table that decided, absent where none was reached; `code`:
 * how it would be refused. `absent`: they are not in the conference, and this is how it would be if they came.
 * @typedef {object} Explanation
 * @property {'explanation'} type
 * @property {boolean} allowed
 * @property {string} message
 * @property {Role} [role]
 * @property {RoleRule} role_rule
 * @property {string} [rule]
 * @property {Code} [code]
 * @property {boolean} [absent]
 */

/**
 * Answer to `people.list`; `more` when another page follows. Moderators are told their `devices` as well.
 * @typedef {object} People
 * @property {'people'} type
 * @property {Person[]} people
 * @property {boolean} [more]
 * @property {Record<string, Device[]>} [devices]
 */

/**
 * Answer to `media.publish`: the SDP answer of the media worker.
 * @typedef {object} Accepted
 * @property {'answer'} type
 * @property {string} sdp
 */

/**
 * Answer to `media.relays`: TURN servers, and the credentials for them, which end `ttl_s` seconds from now. Without
 * `urls` there are none, and nothing else is said.
 * @typedef {object} Relays
 * @property {'relays'} type
 * @property {string[]} [urls]
 * @property {string} [username]
 * @property {string} [credential]
 * @property {number} [ttl_s]
 */

/**
 * Answer to a command that closed `tracks` tracks at the media plane: what the media worker has confirmed.
 *
 * `version` is the room's version that closed them. `applied`: the worker has confirmed that nothing of them goes out
 * any more; if not, no worker is there, or it has not answered within a second. `silence_ms`: at most so long after
 * the command was accepted the last packet went out; absent when nothing was flowing.
 * @typedef {object} Receipt
 * @property {'receipt'} type
 * @property {number} version
 * @property {boolean} applied
 * @property {number} tracks
 * @property {number} [silence_ms]
 */

/**
 * Answer to `media.stats`: what somebody sends and receives at this moment, as the media worker measures it.
 *
 * `at`: the worker's clock in ms, for rates between two answers. Without a connection `up` or `down` is absent.
 * @typedef {object} Statistics
 * @property {'statistics'} type
 * @property {string} person
 * @property {number} at
 * @property {PathReport} [up]
 * @property {PathReport} [down]
 * @property {TrackReport[]} [sent]
 * @property {ReceivedTrack[]} [received]
 */

/**
 * Answer to `chat.history` and `chat.search`.
 * @typedef {object} ChatPage
 * @property {'chat'} type
 * @property {ChatMessage[]} messages
 * @property {boolean} [more]
 */

/**
 * Answer to `question.list`; `more` when another page follows.
 * @typedef {object} Questions
 * @property {'questions'} type
 * @property {Question[]} questions
 * @property {boolean} [more]
 */

/**
 * Answer to `poll.list`; `more` when another page follows.
 * @typedef {object} Polls
 * @property {'polls'} type
 * @property {Poll[]} polls
 * @property {boolean} [more]
 */

/**
 * Answer to `poll.answers`; `more` when another page follows.
 * @typedef {object} Choices
 * @property {'choices'} type
 * @property {Choice[]} choices
 * @property {boolean} [more]
 */

/**
 * Answer to `link.list`; `more` when another page follows.
 * @typedef {object} Links
 * @property {'links'} type
 * @property {Link[]} links
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
 * The account of the owner was removed, and the conference has passed to this one.
 * @typedef {object} ConferenceOwnerChanged
 * @property {'conference.owner_changed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} owner
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
 * The stage is laid out like this for everybody.
 * @typedef {object} ConferenceLayoutChanged
 * @property {'conference.layout_changed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Layout} layout
 */

/**
 * The conference has begun; those who waited for it come in after this.
 * @typedef {object} ConferenceStarted
 * @property {'conference.started'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 */

/**
 * The PIN at the door, empty for none; told to those who may set it.
 * @typedef {object} ConferencePinChanged
 * @property {'conference.pin_changed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} [pin]
 */

/**
 * Somebody waits at the door, or from now on for another reason; moderators are told. The coming of who is let in
 * settles it. `inherits`, `links`: see `participant.joined`.
 * @typedef {object} LobbyEntered
 * @property {'lobby.entered'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Waiting} who
 * @property {Role} [inherits]
 * @property {Record<string, boolean>} [links]
 */

/**
 * Somebody does not wait any more: they went, or were `refused`; `code`: why, when no moderator refused them but
 * the door itself, such as `conference_full`.
 * @typedef {object} LobbyLeft
 * @property {'lobby.left'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {boolean} [refused]
 * @property {Code} [code]
 * @property {string} [note]
 */

/**
 * Somebody is in the conference. `inherits`: their role without an assignment of their own, as long as general
 * access has chosen none; absent for no access. `links`: see `participant.linked`.
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
 * @property {Role} [inherits]
 * @property {Record<string, boolean>} [links]
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
 * Somebody who was away is back. `links`, `moved`: see `participant.linked`.
 * @typedef {object} ParticipantReturned
 * @property {'participant.returned'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Record<string, boolean>} [links]
 * @property {boolean} [moved]
 */

/**
 * Through which nodes somebody is connected from now on, who is in the conference or at its door: each node, and
 * whether their main connection is there. `moved`: that is another connection now. The nodes know it; no client is
 * told.
 * @typedef {object} ParticipantLinked
 * @property {'participant.linked'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Record<string, boolean>} links
 * @property {boolean} [moved]
 */

/**
 * Somebody is not in the conference any more. `note`: the reason that was given, for moderators and the person.
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
 * `inherited`: not by an assignment of their own, but because the conference's general access has changed, or because
 * their assignment was taken back. `by_right`: whether they are an organizer by right from now on, when that is what
 * changed; an assignment of their own stays beneath it.
 * @typedef {object} RoleAssigned
 * @property {'role.assigned'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Role} role
 * @property {boolean} [inherited]
 * @property {boolean} [by_right]
 */

/**
 * The devices of somebody's client; told to them and to moderators.
 * @typedef {object} DevicesReported
 * @property {'devices.reported'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {Device[]} [devices]
 */

/**
 * Somebody's client is to use this device of theirs; told to them and to moderators.
 * @typedef {object} DevicesSelected
 * @property {'devices.selected'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} person
 * @property {DeviceKind} kind
 * @property {string} device
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
 * Somebody asks; told to those who may see it.
 * @typedef {object} QuestionAsked
 * @property {'question.asked'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Question} question
 */

/**
 * Somebody votes for a question. They are told; everybody else hears of votes by the signal `question.votes`.
 * @typedef {object} QuestionUpvoted
 * @property {'question.upvoted'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} question
 * @property {string} person
 */

/**
 * Everybody may see this question.
 * @typedef {object} QuestionApproved
 * @property {'question.approved'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Question} question
 */

/**
 * A question has this answer.
 * @typedef {object} QuestionAnswered
 * @property {'question.answered'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} question
 * @property {WrittenAnswer} answer
 */

/**
 * This question is shown on the stage; absent, none is.
 * @typedef {object} QuestionDisplayed
 * @property {'question.displayed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Question} [question]
 */

/**
 * A question is not there any more.
 * @typedef {object} QuestionDismissed
 * @property {'question.dismissed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} question
 */

/**
 * A poll is prepared; told to those who prepare polls.
 * @typedef {object} PollCreated
 * @property {'poll.created'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Poll} poll
 */

/**
 * A poll is open.
 * @typedef {object} PollLaunched
 * @property {'poll.launched'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Poll} poll
 */

/**
 * Somebody has answered. They are told, and where the poll is not anonymous who made it and moderators; everybody
 * else hears of counts by the signal `poll.counts`.
 * @typedef {object} PollAnswered
 * @property {'poll.answered'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} poll
 * @property {string} person
 * @property {number[]} chosen
 */

/**
 * A poll takes no more answers: how many people answered, and how often each option was chosen.
 * @typedef {object} PollClosed
 * @property {'poll.closed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} poll
 * @property {number} answers
 * @property {number[]} counts
 */

/**
 * A poll is not there any more.
 * @typedef {object} PollRemoved
 * @property {'poll.removed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} poll
 */

/**
 * Somebody has published a link.
 * @typedef {object} LinkPublished
 * @property {'link.published'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Link} link
 */

/**
 * This link is on the stage; absent, none is.
 * @typedef {object} LinkPromoted
 * @property {'link.promoted'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Link} [link]
 */

/**
 * A link is not there any more.
 * @typedef {object} LinkRemoved
 * @property {'link.removed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} link
 */

/**
 * Only those who moderate the chat write to everybody.
 * @typedef {object} ChatClosed
 * @property {'chat.closed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 */

/**
 * Everybody who may write to everybody can again.
 * @typedef {object} ChatOpened
 * @property {'chat.opened'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 */

/**
 * A message of the chat, written by `person`, is not there any more.
 * @typedef {object} ChatDeleted
 * @property {'chat.deleted'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} number
 * @property {string} person
 * @property {Channel} [channel]
 */

/**
 * Somebody has uploaded a file.
 * @typedef {object} FileAdded
 * @property {'file.added'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {File} file
 */

/**
 * A file is not there any more.
 * @typedef {object} FileRemoved
 * @property {'file.removed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} file
 */

/**
 * These slides are on the stage, in place of those that were there. They come down with `slides.closed`, and when
 * who has put them there leaves the stage or the conference.
 * @typedef {object} SlidesOpened
 * @property {'slides.opened'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Slides} slides
 */

/**
 * The slides on the stage are at this page.
 * @typedef {object} SlidesTurned
 * @property {'slides.turned'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} page
 */

/**
 * No slides are on the stage.
 * @typedef {object} SlidesClosed
 * @property {'slides.closed'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 */

/**
 * What is sent is recorded from now on; `node`: which one writes it.
 * @typedef {object} RecordingStarted
 * @property {'recording.started'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {Recording} recording
 * @property {string} [node]
 */

/**
 * Nothing is recorded any more. The end of a conference ends its recording too, without a word of its own.
 * @typedef {object} RecordingStopped
 * @property {'recording.stopped'} type
 * @property {number} [version]
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {number} recording
 * @property {RecordingEnd} [reason]
 */

/**
 * Forget what you know: this is the conference now.
 * @typedef {object} Resync
 * @property {'resync'} type
 * @property {Snapshot} snapshot
 */

/**
 * The wait at the door is over: the conference as one may see it, and the token to come back with.
 * @typedef {object} Admitted
 * @property {'admitted'} type
 * @property {Snapshot} snapshot
 * @property {string} resume
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
 * Which layers of one's own picture somebody looks at, by their names (`rid`); of what is sent in one layer it has
 * no name, and layers within one stream (SVC) are `s0`, `s1` and `s2`, lowest first. The others may be paused until
 * they are named here. Until it is said for a new publish connection, all are to be sent; whoever sends more than that
 * loses nothing but bandwidth.
 * @typedef {object} MediaLayers
 * @property {'media.layers'} type
 * @property {Source} source
 * @property {string[]} [rids]
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
 * The pictures one would see, `identity/source`, if one's own network took more; sent when they change.
 * @typedef {object} MediaPaused
 * @property {'media.paused'} type
 * @property {string[]} [tracks]
 */

/**
 * A new message in the chat.
 * @typedef {object} ChatShown
 * @property {'chat.message'} type
 * @property {ChatMessage} message
 */

/**
 * A message has another text now; with none, a private one is not there any more. Of others `chat.deleted` says
 * that.
 * @typedef {object} ChatChanged
 * @property {'chat.changed'} type
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
 * How many votes questions have now, by their number; coalesced.
 * @typedef {object} QuestionVotes
 * @property {'question.votes'} type
 * @property {Record<string, number>} votes
 */

/**
 * How many people have answered a poll, and how often each option was chosen; coalesced, for those who see it.
 * @typedef {object} PollCounts
 * @property {'poll.counts'} type
 * @property {number} poll
 * @property {number} answers
 * @property {number[]} counts
 */

/**
 * Anything a client may say.
 * @typedef {(
 *   Hello |
 *   Can |
 *   Explain |
 *   PeopleList |
 *   ConferenceJoin |
 *   ConferenceLeave |
 *   ConferenceEnd |
 *   ConferenceSettings |
 *   ConferenceSetMode |
 *   ConferenceLayout |
 *   LayoutPlace |
 *   ConferenceStart |
 *   ConferenceSetPin |
 *   LobbyAdmit |
 *   LobbyAdmitAll |
 *   LobbyRefuse |
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
 *   DevicesReport |
 *   DevicesSelect |
 *   RoleClear |
 *   QuestionAsk |
 *   QuestionUpvote |
 *   QuestionApprove |
 *   QuestionAnswer |
 *   QuestionDisplay |
 *   QuestionDismiss |
 *   PollCreate |
 *   PollLaunch |
 *   PollAnswer |
 *   PollClose |
 *   PollRemove |
 *   LinkPublish |
 *   LinkPromote |
 *   LinkRemove |
 *   FileRemove |
 *   SlidesOpen |
 *   SlidesPage |
 *   SlidesClose |
 *   ChatClose |
 *   ChatOpen |
 *   RecordingStart |
 *   RecordingStop |
 *   MediaPublish |
 *   MediaStats |
 *   MediaSubscribe |
 *   MediaRestart |
 *   MediaAnswer |
 *   MediaRelays |
 *   MediaPrefer |
 *   QuestionList |
 *   PollList |
 *   PollAnswers |
 *   LinkList |
 *   ChatSend |
 *   ChatHistory |
 *   ChatSearch |
 *   ChatEdit |
 *   ChatDelete |
 *   ReactionSend
 * )} ClientMessage
 */

/**
 * Anything the server may say.
 * @typedef {(
 *   ConferenceCreated |
 *   ConferenceSettingsChanged |
 *   ConferenceModeChanged |
 *   ConferenceOwnerChanged |
 *   ConferenceEnded |
 *   ConferenceReopened |
 *   ConferenceLayoutChanged |
 *   ConferenceStarted |
 *   ConferencePinChanged |
 *   LobbyEntered |
 *   LobbyLeft |
 *   ParticipantJoined |
 *   ParticipantAway |
 *   ParticipantReturned |
 *   ParticipantLinked |
 *   ParticipantLeft |
 *   ParticipantBlocked |
 *   ParticipantUnblocked |
 *   RoleAssigned |
 *   DevicesReported |
 *   DevicesSelected |
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
 *   QuestionAsked |
 *   QuestionUpvoted |
 *   QuestionApproved |
 *   QuestionAnswered |
 *   QuestionDisplayed |
 *   QuestionDismissed |
 *   PollCreated |
 *   PollLaunched |
 *   PollAnswered |
 *   PollClosed |
 *   PollRemoved |
 *   LinkPublished |
 *   LinkPromoted |
 *   LinkRemoved |
 *   ChatClosed |
 *   ChatOpened |
 *   ChatDeleted |
 *   FileAdded |
 *   FileRemoved |
 *   SlidesOpened |
 *   SlidesTurned |
 *   SlidesClosed |
 *   RecordingStarted |
 *   RecordingStopped |
 *   Resync |
 *   Admitted |
 *   Closing |
 *   PeopleCount |
 *   MediaOffer |
 *   MediaReset |
 *   MediaLayers |
 *   MediaSpeakers |
 *   MediaQuality |
 *   MediaPaused |
 *   ChatShown |
 *   ChatChanged |
 *   ReactionShown |
 *   QuestionVotes |
 *   PollCounts |
 *   Ok |
 *   Refused
 * )} ServerMessage
 */

export {};
