/**
 * The shapes this client works with. Messages on the wire are described in `types.js`, which is printed from the
 * server's own definitions; here is what a client makes of them: defaults filled in, one object per person.
 */

/** @typedef {'organizer' | 'moderator' | 'guest_speaker' | 'speaker' | 'viewer'} Role */
/** @typedef {'audio' | 'video' | 'screen' | 'screen_audio'} Source */
/** @typedef {'audio' | 'video' | 'screen'} MuteSource */
/** @typedef {'excellent' | 'good' | 'poor' | 'lost'} Grade */

/**
 * Somebody in the conference, every field present.
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {string} kind
 * @property {Role} role
 * @property {boolean} by_right
 * @property {boolean} away
 * @property {boolean} on_stage
 * @property {boolean} invited
 * @property {Source[]} tracks what the person sends, muted or not
 * @property {MuteSource[]} muted
 * @property {MuteSource[]} locked
 */

/**
 * A conference as the wire gives it; fields at their default may be absent.
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
 * @property {(Partial<Person> & {id: string})[]} [people]
 * @property {string[]} [stage]
 * @property {string[]} [queue]
 */

/**
 * One person's connection as the media worker measures it.
 * @typedef {object} Quality
 * @property {string} person
 * @property {Grade} grade
 * @property {number} [loss]
 * @property {number} [rtt_ms]
 * @property {number} [up_kbps]
 * @property {number} [down_kbps]
 */

/**
 * A room event: `type` says which of the optional fields it has.
 * @typedef {object} RoomEvent
 * @property {string} type
 * @property {number} version
 * @property {number} [after]
 * @property {number} [time]
 * @property {string} [by]
 * @property {string} [person]
 * @property {string} [name]
 * @property {string} [kind]
 * @property {Role} [role]
 * @property {boolean} [by_right]
 * @property {string} [reason]
 * @property {string} [note]
 * @property {MuteSource & Source} [source]
 * @property {boolean} [locked]
 * @property {string[]} [queue]
 * @property {string} [title]
 * @property {number} [stage_places]
 * @property {string} [owner]
 */

/**
 * Anything the server sends. A client tells them apart by `type`, and answers also by `id`.
 * @typedef {{type: string, [field: string]: any}} Message
 */

/** @typedef {{type: 'ok', id: number, version?: number, result?: any}} Ok */
/** @typedef {{number: number, time: number, person: string, name: string, text: string}} ChatMessage */
/** @typedef {{code: string, message: string, retry?: boolean, after_ms?: number}} Closing */
/** @typedef {{commands: Set<string>, rules: Record<string, string>}} Permissions */
/** @typedef {{generation: number, revision: number, sdp: string, tracks: Record<string, string>}} Offer */

export {};
