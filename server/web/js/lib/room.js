/**
 * A conference as this client knows it: a snapshot, and the events since, applied in order.
 *
 * The gap rule: an event carries its `version` and `after`, the version before it that this client was told. At or
 * below our position it is a repetition and dropped; when `after` lies above our position something is missing, and
 * nothing is applied until the server has sent it (`apply` answers 'gap' and the connection resumes).
 */

import { forget, reducers } from './reducer.js';

/** @typedef {import('./shapes.js').Person} Person */
/** @typedef {import('./shapes.js').Quality} Quality */
/** @typedef {import('./shapes.js').RoomEvent} RoomEvent */
/** @typedef {import('./shapes.js').Snapshot} Snapshot */

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
    for (const { id, name } of this.blocked.values()) this.names.set(id, name);
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

  /** 1 for the front of the queue, 0 for not waiting. @param {string} id */
  queuePosition(id) {
    return this.queue.indexOf(id) + 1;
  }
}
