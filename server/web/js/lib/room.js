/**
 * A conference as this client knows it: a snapshot, and the events since, applied in order.
 *
 * The gap rule: an event carries its `version` and `after`, the version before it that this client was told. At or
 * below our position it is a repetition and dropped; when `after` lies above our position something is missing, and
 * nothing is applied until the server has sent it (`apply` answers 'gap' and the connection resumes).
 */

import { entriesOf, hearCounts } from './entries.js';
import { forget, reducers } from './reducer.js';

/** @typedef {import('./shapes.js').Person} Person */
/** @typedef {import('./shapes.js').Quality} Quality */
/** @typedef {import('./shapes.js').RoomEvent} RoomEvent */
/** @typedef {import('./shapes.js').Snapshot} Snapshot */
/** @typedef {import('./shapes.js').Source} Source */

/**
 * On which ground one sends: from the stage, in a turn to speak, as a student of a lecture, or not at all.
 * @typedef {'stage' | 'turn' | 'lecture' | 'none'} Footing
 */

/** What may be sent on each ground, as the server decides it (server/room/modes.py). @type {Record<Footing, Set<Source>>} */
export const SOURCES = {
  stage: new Set(['audio', 'video', 'screen', 'screen_audio']),
  turn: new Set(['audio']),
  lecture: new Set(['audio', 'video']),
  none: new Set(),
};

/**
 * A person with every field, whatever the wire left out because it stands at its default.
 * @param {Partial<Person> & {id: string}} part
 * @returns {Person}
 */
export function personOf(part) {
  return {
    id: part.id,
    name: part.name ?? part.id,
    kind: part.kind ?? 'user',
    role: part.role ?? 'viewer',
    by_right: part.by_right ?? false,
    away: part.away ?? false,
    on_stage: part.on_stage ?? false,
    invited: part.invited ?? false,
    tracks: [...(part.tracks ?? [])],
    muted: [...(part.muted ?? [])],
    locked: [...(part.locked ?? [])],
  };
}

/**
 * A layout with every field.
 * @param {import('../types.js').Layout} [part]
 * @returns {import('./shapes.js').Layout}
 */
export function layoutOf(part = {}) {
  return { kind: part.kind ?? 'grid', spotlight: part.spotlight ?? '', tiles: { ...(part.tiles ?? {}) } };
}

export class Room {
  /** @param {Snapshot} snapshot */
  constructor(snapshot) {
    /** @type {Map<string, Person>} everybody known here; in a crowded conference not everybody present */
    this.people = new Map();
    /** @type {Map<string, string>} names of all who were ever seen, so that a sentence can name who has left */
    this.names = new Map();
    /** @type {Map<string, Quality>} */
    this.quality = new Map();
    /** @type {Map<string, number>} who speaks now, 0 to 100 */
    this.levels = new Map();
    /** @type {string[]} what the last change of the settings changed, by the names of the fields */
    this.lastChanged = [];
    /** @type {Map<string, string>} `person/source` → who muted it, as far as this client saw it happen */
    this.mutedBy = new Map();
    /** @type {string[]} */
    this.stage = [];
    /** @type {string[]} */
    this.queue = [];
    /** @type {string[]} who asks for a turn to speak */
    this.asking = [];
    /** @type {Map<string, number>} whose turn to speak it is, and until when (ms since 1970) */
    this.remarks = new Map();
    /** @type {Map<string, import('../types.js').Blocked>} who cannot come in; moderators alone are told */
    this.blocked = new Map();
    /** @type {Map<string, import('../types.js').Device[]>} what people's browsers have; moderators alone are told */
    this.devices = new Map();
    /** @type {import('./shapes.js').Layout} how the stage is laid out for everybody */
    this.layout = layoutOf();
    /** @type {Map<string, import('../types.js').Waiting>} who waits at the door; moderators alone are told */
    this.lobby = new Map();
    /** Whether it was begun by hand, see `heldBack`. */
    this.started = false;
    /** What is asked for at the door; told to those who may set it. */
    this.pin = '';
    this.entries = entriesOf();
    /** @type {import('../types.js').Recording | null} what is sent is recorded */
    this.recording = null;
    /** @type {import('../types.js').Settings} */
    this.settings = {};
    /** @type {import('../types.js').Mode} */
    this.mode = 'role_based';
    this.teacher = '';
    this.conference = snapshot.conference;
    this.title = '';
    this.owner = '';
    this.you = '';
    this.epoch = 0;
    this.version = 0;
    this.stagePlaces = 36;
    this.count = 0;
    this.crowded = false;
    this.ended = false;
    /** How far the server's clock is ahead of this computer's, in ms: the least delayed event tells it best. */
    this.ahead = -Infinity;
    this.replace(snapshot);
  }

  /** Forget what was known: this is the conference now. @param {Snapshot} snapshot */
  replace(snapshot) {
    this.conference = snapshot.conference;
    this.title = snapshot.title;
    this.owner = snapshot.owner;
    this.you = snapshot.you;
    this.epoch = snapshot.epoch;
    this.version = snapshot.version;
    this.stagePlaces = snapshot.stage_places;
    this.count = snapshot.count;
    this.crowded = snapshot.crowded ?? false;
    this.ended = false;
    this.stage = [...(snapshot.stage ?? [])];
    this.queue = [...(snapshot.queue ?? [])];
    this.asking = [...(snapshot.asking ?? [])];
    this.remarks = new Map(Object.entries(snapshot.remarks ?? {}));
    this.blocked = new Map((snapshot.blocked ?? []).map((one) => [one.id, one]));
    this.lobby = new Map((snapshot.lobby ?? []).map((one) => [one.id, one]));
    for (const { id, name } of [...this.blocked.values(), ...this.lobby.values()]) this.names.set(id, name);
    this.started = snapshot.started ?? false;
    this.pin = snapshot.pin ?? '';
    this.devices = new Map(Object.entries(snapshot.devices ?? {}));
    this.layout = layoutOf(snapshot.layout);
    this.recording = snapshot.recording ?? null;
    this.entries = entriesOf(snapshot);
    this.settings = snapshot.settings ?? {};
    this.mode = snapshot.mode ?? 'role_based';
    this.teacher = snapshot.teacher ?? '';
    this.people.clear();
    for (const part of snapshot.people ?? []) this.add(personOf(part));
    this.mutedBy.clear();
  }

  /** @param {Person} person */
  add(person) {
    this.people.set(person.id, person);
    this.names.set(person.id, person.name);
  }

  /**
   * @param {RoomEvent} event
   * @returns {'applied' | 'repeated' | 'gap'}
   */
  apply(event) {
    if (event.version <= this.version) return 'repeated';
    if ((event.after ?? 0) > this.version) return 'gap';
    // An event of a type that is newer than this client moves the position and changes nothing here.
    const change = /** @type {Record<string, ((room: Room, event: any) => void) | undefined>} */ (reducers)[event.type];
    change?.(this, event);
    if (event.time) this.ahead = Math.max(this.ahead, event.time - Date.now());
    this.version = event.version;
    return 'applied';
  }

  /** A signal that tells something about people. @param {import('./shapes.js').Message} signal */
  hear(signal) {
    if (signal.type === 'people.count') {
      this.count = signal.count;
    } else if (signal.type === 'media.speakers') {
      this.levels.clear();
      for (const { person, level } of signal.speakers ?? []) this.levels.set(person, level);
    } else if (signal.type === 'media.quality') {
      for (const quality of signal.people ?? []) this.quality.set(quality.person, quality);
    } else {
      hearCounts(this, signal);
    }
  }

  /** @param {string} id */
  drop(id) {
    forget(this, id);
    this.quality.delete(id);
    this.levels.delete(id);
  }

  /** @param {string} id @returns {Person | null} */
  person(id) {
    return this.people.get(id) ?? null;
  }

  /** @param {string | undefined} id */
  name(id) {
    return (id && this.names.get(id)) || 'Somebody';
  }

  /** Whether viewers wait at the door until somebody begins the conference. */
  get heldBack() {
    return (this.settings.backstage ?? false) && !this.started;
  }

  /** @returns {Person | null} */
  get me() {
    return this.person(this.you);
  }

  /** Whether this client's own person is an organizer or a moderator. */
  get moderates() {
    return this.me?.role === 'organizer' || this.me?.role === 'moderator';
  }

  /** @param {string} id */
  onStage(id) {
    return this.stage.includes(id);
  }

  /** On which ground one sends now. @returns {Footing} */
  get footing() {
    if (!this.me || this.ended) return 'none';
    if (this.onStage(this.you)) return 'stage';
    if (this.remarks.has(this.you)) return 'turn';
    return this.mode === 'video_lecture' ? 'lecture' : 'none';
  }

  /** Those off the stage who send something: the students of a lecture, as far as one sees them. */
  get students() {
    if (this.mode !== 'video_lecture') return [];
    return [...this.people.values()].filter((person) => person.tracks.length > 0 && !this.onStage(person.id));
  }

  /** How many ms of somebody's turn to speak are left; 0 when it is not their turn. @param {string} id */
  turnLeft(id) {
    const until = this.remarks.get(id);
    if (until === undefined) return 0;
    const now = Date.now() + (Number.isFinite(this.ahead) ? this.ahead : 0);
    // A clock that is wrong, with no event yet to tell it by, promises nobody more than a whole turn.
    return Math.min(Math.max(0, until - now), (this.settings.remark_s ?? 60) * 1000);
  }

  /** Whether the settings keep guests, and so this person, from sending a source. @param {Source} source @param {Person | null} [person] oneself, where nobody is named */
  barred(source, person = this.me) {
    if (person?.kind !== 'guest') return false;
    const may = this.settings.guests_may ?? {};
    return (source === 'audio' || source === 'screen_audio' ? may.audio : may.video) === false;
  }

  /** 1 for the front of the queue, 0 for not waiting. @param {string} id */
  queuePosition(id) {
    return this.queue.indexOf(id) + 1;
  }
}
