/**
 * Podium's client library: one conference, one connection.
 *
 *     const podium = new Podium({ token });
 *     await podium.connect();
 *     await podium.join('weekly-abc');
 *     podium.addEventListener('change', () => draw(podium.room));
 *     await podium.send('stage.request');
 *
 * Events (each a CustomEvent): `state` {state, retryInMs}: the connection's state. `event` {event, before}: one room
 * event after it was applied, and the person it concerns as they were before. `change` {}: something in `room` is
 * other than before, told at most every few milliseconds. `resync` {}: the room as a whole is new. `signal`: a
 * message that is not part of the room's history (who speaks, chat, reactions, quality). `waiting` {reason}: one waits
 * at the door (`lobby`: to be let in, `backstage`: until it begins), on coming or because the conference was held back
 * while one was inside; there is no `room` then. `admitted` {}: the wait is over and `room` is there. `closing` {code,
 * message}: this presence is over and nothing will bring it back by itself.
 */

import { Connection } from './lib/connection.js';
import { PodiumError } from './lib/errors.js';
import { Media } from './lib/media.js';
import { Room, personOf } from './lib/room.js';
import * as storage from './lib/storage.js';

export { Connection } from './lib/connection.js';
export * as devices from './lib/devices.js';
export { PodiumError } from './lib/errors.js';
export { Media } from './lib/media.js';
export { Room } from './lib/room.js';
export { storage };

/** @typedef {import('./lib/shapes.js').Message} Message */
/** @typedef {import('./lib/shapes.js').Ok} Ok */
/** @typedef {import('./lib/shapes.js').Person} Person */
/** @typedef {import('./lib/shapes.js').Permissions} Permissions */

// One frame of a screen: changes that arrive together are drawn together, also in a hidden tab (no animation frames).
const CHANGE_MS = 16;

export class Podium extends EventTarget {
  #connection;
  /** @type {string | null} */ #resumeToken = null;
  /** What one came with; the same is said on coming again. @type {{conference: string, console: boolean, name?: string, pin?: string}} */
  #presence = { conference: '', console: false };
  /** @type {Map<string, Promise<Permissions>>} */ #permissions = new Map();
  #changeTimer = 0;

  /**
   * @param {object} options
   * @param {string} options.token an account's or a guest's token
   * @param {string} [options.url] of the WebSocket; the page's own server when absent
   * @param {string} [options.client] names this page load, 8 to 64 letters; random when absent
   * @param {'json' | 'msgpack'} [options.encoding]
   */
  constructor({ token, url = defaultUrl(), client = clientName(), encoding = 'json' }) {
    super();
    const greeting = { resume: () => this.#position(), entered: (/** @type {any} */ welcome) => this.#entered(welcome) };
    this.#connection = new Connection({ url, token, client, encoding, greeting });
    /** @type {Room | null} */
    this.room = null;
    /** Why one waits at the door; null while one does not. @type {import('./types.js').WaitReason | null} */
    this.waiting = null;
    this.media = new Media(this);
    this.identity = '';
    this.name = '';
    this.#connection.addEventListener('message', (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
    this.#connection.addEventListener('state', (event) => this.#tell('state', /** @type {CustomEvent} */ (event).detail));
    this.#connection.addEventListener('closing', (event) => {
      this.media.close();
      this.#tell('closing', /** @type {CustomEvent} */ (event).detail);
    });
  }

  /** @returns {import('./lib/connection.js').State} */
  get state() {
    return this.#connection.state;
  }

  /** Opens the connection. Rejects with `PodiumError` when the server cannot be reached or refuses the token. */
  connect() {
    return this.#connection.connect();
  }

  /**
   * Enters a conference, or waits at its door.
   * @param {string} conference
   * @param {object} [options]
   * @param {boolean} [options.takeOver] close an earlier presence of the same person, wherever it is
   * @param {boolean} [options.console] a connection without media beside the person's own
   * @param {string} [options.name]
   * @param {string} [options.pin] what the conference asks for at its door (`wrong_pin` says so)
   * @returns {Promise<Room | null>} null while one has to wait: `waiting` says for what, `admitted` is told at the end
   */
  async join(conference, { takeOver = false, console = false, name, pin } = {}) {
    this.#presence = { conference, console, name, pin };
    const ok = await this.send('conference.join', this.#joinFields(takeOver));
    return this.#joined(ok.result);
  }

  /**
   * Gives a command; resolves when the server has accepted it.
   * @param {string} type a message's name, as in `stage.grant`
   * @param {Record<string, any>} [fields]
   * @returns {Promise<Ok>} rejects with `PodiumError`: a code, a sentence, whether a retry may help
   */
  send(type, fields = {}) {
    return this.#connection.send(type, fields);
  }

  /**
   * The commands one may give now, about nobody in particular or about `target`; those with a variant stand as
   * `media.mute:audio`, `role.assign:speaker`. Kept until the room changes.
   * @param {string} [target]
   * @returns {Promise<Permissions>}
   */
  can(target) {
    const key = target ?? '';
    let answer = this.#permissions.get(key);
    if (!answer) {
      answer = this.send('can', target ? { target } : {}).then(({ result }) => ({
        commands: new Set(result?.commands ?? []),
        rules: result?.rules ?? {},
      }));
      this.#permissions.set(key, answer);
      answer.catch(() => this.#permissions.delete(key));
    }
    return answer;
  }

  /**
   * A page of everybody present, in order of joining.
   * @param {string} [after] the last identity of the page before
   * @param {number} [limit] up to 200
   * @returns {Promise<{people: Person[], more: boolean}>}
   */
  async people(after, limit = 100) {
    const { result } = await this.send('people.list', { ...(after ? { after } : {}), limit });
    return { people: (result?.people ?? []).map(personOf), more: result?.more ?? false };
  }

  /**
   * The chat's messages before a number, newest last; of the private channel those one has written or was sent.
   * @param {number} [before]
   * @param {number} [limit] up to 100
   * @param {import('./types.js').Channel} [channel]
   * @returns {Promise<{messages: import('./lib/shapes.js').ChatMessage[], more: boolean}>}
   */
  async chatHistory(before, limit = 50, channel = 'everyone') {
    const { result } = await this.send('chat.history', { ...(before ? { before } : {}), limit, channel });
    return { messages: result?.messages ?? [], more: result?.more ?? false };
  }

  /** Leaves the conference for good: the seat is free at once. */
  async leave() {
    await this.send('conference.leave').catch(() => undefined);
    this.close();
  }

  /** Closes the connection and all media, and stays away. The place is kept for the server's grace period. */
  close() {
    this.media.close();
    this.#connection.close();
  }

  #position() {
    if (!this.room || !this.#resumeToken) return null;
    const token = this.#resumeToken;
    // A resume token is good for one try.
    this.#resumeToken = null;
    return { conference: this.room.conference, epoch: this.room.epoch, version: this.room.version, token };
  }

  /** @param {any} welcome */
  async #entered(welcome) {
    this.identity = welcome?.identity ?? '';
    this.name = welcome?.name ?? '';
    this.#permissions.clear();
    if (welcome?.resumed) {
      this.#resumeToken = welcome.resume ?? null;
    } else if (this.room || this.waiting) {
      // The server has let this presence go: come in again, over whatever half-open connection it may still hold.
      const ok = await this.#connection.sendNow('conference.join', this.#joinFields(true));
      this.#joined(ok.result);
    }
  }

  /** @param {boolean} takeOver */
  #joinFields(takeOver) {
    const { conference, console, name, pin } = this.#presence;
    return {
      conference,
      ...(takeOver ? { take_over: true } : {}),
      ...(console ? { console: true } : {}),
      ...(name ? { name } : {}),
      ...(pin ? { pin } : {}),
    };
  }

  /** @param {any} result @returns {Room | null} */
  #joined(result) {
    if (result?.type === 'held') {
      this.#hold(result.reason);
      return null;
    }
    if (!result?.snapshot) throw new PodiumError('internal', 'The server answered without a conference.');
    return this.#enter(result);
  }

  /** One is at the door: of the conference nothing is known any more. @param {import('./types.js').WaitReason} reason */
  #hold(reason) {
    this.waiting = reason;
    this.room = null;
    this.#resumeToken = null;
    this.#permissions.clear();
    this.media.close();
    this.#tell('waiting', { reason });
  }

  /** @param {{snapshot: import('./lib/shapes.js').Snapshot, resume?: string, camera_codec?: import('./types.js').CameraCodec}} joined */
  #enter({ snapshot, resume, camera_codec: codec = 'vp8' }) {
    const again = this.room !== null;
    this.waiting = null;
    this.#resumeToken = resume ?? null;
    this.media.publisher.codec = codec;
    const room = this.#replace(snapshot);
    if (!this.#presence.console) this.media.open(again);
    return room;
  }

  /** @param {import('./lib/shapes.js').Snapshot} snapshot */
  #replace(snapshot) {
    const room = this.room ?? new Room(snapshot);
    if (this.room) room.replace(snapshot);
    this.room = room;
    this.#permissions.clear();
    this.media.sync();
    this.#tell('resync', {});
    this.#changed();
    return room;
  }

  /** @param {Message} message */
  #receive(message) {
    if (typeof message.version === 'number') this.#event(/** @type {any} */ (message));
    else this.#signal(message);
  }

  /** @param {import('./lib/shapes.js').RoomEvent} event */
  #event(event) {
    if (!this.room) return;
    const person = this.room.person(event.person ?? '');
    const before = person ? structuredClone(person) : null;
    const outcome = this.room.apply(event);
    if (outcome === 'gap') this.#connection.reopen();
    if (outcome !== 'applied') return;
    this.#permissions.clear();
    this.media.hear(event);
    this.#tell('event', { event, before });
    this.#changed();
  }

  /** @param {Message} signal */
  #signal(signal) {
    if (signal.type === 'resync') {
      this.#replace(signal.snapshot);
      return;
    }
    if (signal.type === 'admitted') {
      this.#enter(/** @type {any} */ (signal));
      this.#tell('admitted', {});
      return;
    }
    this.room?.hear(signal);
    if (!this.#presence.console) this.media.signal(signal);
    this.#tell('signal', signal);
    if (signal.type === 'people.count') this.#changed();
  }

  #changed() {
    if (this.#changeTimer) return;
    this.#changeTimer = window.setTimeout(() => {
      this.#changeTimer = 0;
      this.#tell('change', {});
    }, CHANGE_MS);
  }

  /** @param {string} name @param {any} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** A name for this page load. Not `crypto.randomUUID`, which browsers withhold from pages that came over plain HTTP. */
function clientName() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function defaultUrl() {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}
