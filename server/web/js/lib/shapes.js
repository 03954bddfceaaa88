/**
 * The shapes this client works with. Messages on the wire are described in `types.js`, which is printed from the
 * server's own definitions; here is what a client makes of them: defaults filled in, one object per person.
 */

/** @typedef {import('../types.js').Role} Role */
/** @typedef {import('../types.js').Source} Source */
/** @typedef {import('../types.js').MuteSource} MuteSource */
/** @typedef {import('../types.js').QualityGrade} Grade */
/** @typedef {import('../types.js').Snapshot} Snapshot */
/** @typedef {import('../types.js').Quality} Quality */
/** @typedef {import('../types.js').ChatMessage} ChatMessage */
/** @typedef {import('../types.js').MediaOffer} Offer */
/** @typedef {import('../types.js').Waiting} Waiting */

/**
 * What is neither an event nor an answer.
 * @typedef {import('../types.js').Resync | import('../types.js').Admitted | import('../types.js').Closing | import('../types.js').PeopleCount
 *   | import('../types.js').MediaOffer | import('../types.js').MediaReset | import('../types.js').MediaLayers | import('../types.js').MediaSpeakers
 *   | import('../types.js').MediaPaused | import('../types.js').MediaQuality | import('../types.js').ChatShown | import('../types.js').ChatChanged | import('../types.js').ReactionShown
 *   | import('../types.js').QuestionVotes | import('../types.js').PollCounts} Signal
 */

/** An event exactly as defined: a type that is new in the protocol is missed by whoever handles them all. @typedef {Exclude<import('../types.js').ServerMessage, Signal | import('../types.js').Ok | import('../types.js').Refused>} WireEvent */

/**
 * How the stage is laid out, every field present: `spotlight` is empty for whoever speaks, `tiles` are by identity.
 * @typedef {object} Layout
 * @property {import('../types.js').LayoutKind} kind
 * @property {string} spotlight
 * @property {Record<string, import('../types.js').Tile>} tiles
 */

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
 * A room event of any type, for those who treat them alike: `type` says which of the optional fields it has.
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
 * @property {boolean} [forced]
 * @property {boolean} [refused]
 * @property {string} [pin]
 * @property {Waiting} [who] of who waits at the door
 * @property {boolean} [expired]
 * @property {number} [until] ms since 1970
 * @property {string} [device]
 * @property {boolean} [inherited]
 * @property {string} [mode]
 * @property {number} [number]
 * @property {string} [channel]
 * @property {string[]} [queue]
 * @property {string} [title]
 * @property {number} [stage_places]
 * @property {string} [owner]
 * @property {any} [question] a question, or its number; likewise the next three
 * @property {any} [poll]
 * @property {any} [link]
 * @property {any} [file]
 * @property {number} [answers]
 * @property {import('../types.js').Slides} [slides]
 */

/**
 * Anything the server sends. A client tells them apart by `type`, and answers also by `id`.
 * @typedef {{type: string, [field: string]: any}} Message
 */

/** @typedef {{type: 'ok', id: number, version?: number, result?: any}} Ok */
/** @typedef {{code: string, message: string, retry?: boolean, after_ms?: number}} Closing */
/** @typedef {{commands: Set<string>, rules: Record<string, string>}} Permissions */

export {};
