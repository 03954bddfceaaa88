/**
 * The WebSocket: says `hello`, numbers commands and matches their answers, and comes back by itself.
 *
 * A command is a promise. Its number is this client's own and makes a repetition harmless, so whatever is unanswered
 * when the socket breaks is sent again, with the same number, on the next one. What to say on return (the resume
 * position) and what to do when the server cannot resume belong to the owner and come in as the `greeting`.
 *
 * Events: `state` {state, retryInMs}, `message` (anything that is no answer), `closing` (the end, no return).
 */

import { PodiumError } from './errors.js';
import * as msgpack from './msgpack.js';

/** @typedef {import('./shapes.js').Message} Message */
/** @typedef {import('./shapes.js').Ok} Ok */
/** @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} State */

/**
 * @typedef {object} Greeting
 * @property {() => (Record<string, any> | null)} resume where this client stopped, or null for a first visit
 * @property {(welcome: any) => Promise<void>} entered after `hello`; commands go out once it resolves
 */

/**
 * @typedef {object} Pending
 * @property {Message} message
 * @property {boolean} greeting belongs to one socket's greeting and is not repeated on the next
 * @property {(ok: Ok) => void} resolve
 * @property {(error: PodiumError) => void} reject
 * @property {number} timer
 */

const ANSWER_TIMEOUT_MS = 20_000;
const OPEN_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 400;
// The server promises everybody back within 10 s of its own return.
const LONGEST_RETRY_MS = 5_000;
// A browser cannot send WebSocket pings, so silence is broken by a cheap command; the server pings within 25 s.
const SILENCE_MS = 25_000;
const PATIENCE_MS = 8_000;
const MOST_PENDING = 200;
// What somebody at the door is told may be otherwise later; a client that came again by itself would knock for ever.
const ANSWERED = new Set(['not_admitted', 'conference_full']);

export class Connection extends EventTarget {
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Map<number, Pending>} */ #pending = new Map();
  #lastId = 0;
  #attempts = 0;
  #retryTimer = 0;
  #watchTimer = 0;
  #lastHeard = 0;
  /** @type {{resolve: (welcome: any) => void, reject: (error: PodiumError) => void} | null} */ #first = null;

  /**
   * @param {{url: string, token: string, client: string, encoding: 'json' | 'msgpack', greeting: Greeting}} options
   */
  constructor({ url, token, client, encoding, greeting }) {
    super();
    this.url = url;
    this.token = token;
    this.client = client;
    this.encoding = encoding;
    this.greeting = greeting;
    /** @type {State} */
    this.state = 'idle';
    this.online = () => this.#hurry();
  }

  /**
   * Opens the socket and says hello. Rejects when this first attempt fails; later ones are made by itself.
   * @returns {Promise<any>} the server's `welcome`
   */
  connect() {
    if (this.state !== 'idle' && this.state !== 'closed') {
      return Promise.reject(new PodiumError('already', 'This client is connected already.'));
    }
    window.addEventListener('online', this.online);
    document.addEventListener('visibilitychange', this.online);
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#open();
    });
  }

  /**
   * @param {string} type
   * @param {Record<string, any>} [fields]
   * @returns {Promise<Ok>} rejects with `PodiumError`
   */
  send(type, fields = {}) {
    return this.#submit(type, fields, false);
  }

  /** As `send`, but at once, while the greeting still holds other commands back. @param {string} type @param {Record<string, any>} fields */
  sendNow(type, fields) {
    return this.#submit(type, fields, true);
  }

  /** The position is lost or doubtful: drop this socket and come back with the resume token. */
  reopen() {
    this.#lost();
  }

  /** @param {import('./shapes.js').Closing} [closing] */
  close(closing) {
    if (this.state === 'closed') return;
    this.#detach();
    clearTimeout(this.#retryTimer);
    window.removeEventListener('online', this.online);
    document.removeEventListener('visibilitychange', this.online);
    const error = new PodiumError(closing?.code ?? 'closed', closing?.message ?? 'The connection is closed.');
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
    this.#first?.reject(error);
    this.#first = null;
    this.#become('closed');
    if (closing) this.dispatchEvent(new CustomEvent('closing', { detail: closing }));
  }

  /** @param {string} type @param {Record<string, any>} fields @param {boolean} greeting @returns {Promise<Ok>} */
  #submit(type, fields, greeting) {
    if (this.state === 'closed' || this.state === 'idle') {
      return Promise.reject(new PodiumError('closed', 'There is no connection to the server.'));
    }
    if (this.#pending.size >= MOST_PENDING) {
      return Promise.reject(new PodiumError('rate_limited', 'Too many commands wait for an answer.', { retry: true }));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const message = { type, id, ...fields };
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        const error = this.state === 'open'
          ? new PodiumError('timeout', 'The server did not answer in time.', { retry: true })
          : new PodiumError('offline', 'The server cannot be reached at the moment.', { retry: true });
        this.#settle(id)?.reject(error);
      }, ANSWER_TIMEOUT_MS);
      this.#pending.set(id, { message, greeting, resolve, reject, timer });
      if (greeting || this.state === 'open') this.#write(message);
    });
  }

  #open() {
    this.#detach();
    this.#become('connecting');
    const socket = new WebSocket(this.url, [`podium.v1.${this.encoding}`]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const opening = window.setTimeout(() => this.#lost(), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(opening);
      void this.#hello(socket, this.greeting.resume());
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => {
      clearTimeout(opening);
      this.#lost();
    };
  }

  /** @param {WebSocket} socket @param {Record<string, any> | null} resume */
  async #hello(socket, resume) {
    try {
      const fields = { token: this.token, client: this.client, ...(resume ? { resume } : {}) };
      const ok = await this.sendNow('hello', fields);
      await this.greeting.entered(ok.result);
      if (socket !== this.#socket) return;
      this.#attempts = 0;
      this.#become('open');
      this.#watch();
      for (const { message } of this.#pending.values()) this.#write(message);
      this.#first?.resolve(ok.result);
      this.#first = null;
    } catch (failure) {
      const error = failure instanceof PodiumError ? failure : new PodiumError('internal', String(failure));
      if (socket !== this.#socket) return;
      if (resume && error.code === 'bad_resume') await this.#hello(socket, null);
      else if (error.retry && !this.#first) this.#lost();
      else this.close({ code: error.code, message: error.message, retry: error.retry });
    }
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#lastHeard = Date.now();
    /** @type {Message} */
    const message = typeof data === 'string' ? JSON.parse(data) : msgpack.decode(data);
    if (message.type === 'ok') {
      this.#settle(message.id)?.resolve(/** @type {Ok} */ (message));
    } else if (message.type === 'refused') {
      this.#settle(message.id)?.reject(PodiumError.from(message));
    } else if (message.type === 'closing') {
      if (message.retry && !ANSWERED.has(message.code)) this.#lost(message.after_ms ?? 0);
      else this.close(/** @type {any} */ (message));
    } else {
      this.dispatchEvent(new CustomEvent('message', { detail: message }));
    }
  }

  /** @param {number} id */
  #settle(id) {
    const pending = this.#pending.get(id);
    if (pending) {
      clearTimeout(pending.timer);
      this.#pending.delete(id);
    }
    return pending;
  }

  /** @param {Message} message */
  #write(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(this.encoding === 'json' ? JSON.stringify(message) : msgpack.encode(message));
  }

  /** The socket is gone: wait a little longer each time, at random within the wait so that a crowd spreads. @param {number} [atLeastMs] */
  #lost(atLeastMs = 0) {
    if (this.state === 'closed' || this.state === 'waiting') return;
    this.#detach();
    for (const [id, { greeting }] of [...this.#pending]) {
      if (!greeting) continue;
      this.#settle(id)?.reject(new PodiumError('offline', 'The server cannot be reached at the moment.', { retry: true }));
    }
    if (this.#first) {
      this.close({ code: 'offline', message: 'The server cannot be reached at the moment.', retry: true });
      return;
    }
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts);
    const wait = atLeastMs + Math.random() * longest;
    this.#attempts += 1;
    this.#become('waiting', wait);
    this.#retryTimer = window.setTimeout(() => this.#open(), wait);
  }

  #hurry() {
    if (document.hidden) return;
    if (this.state === 'waiting') {
      clearTimeout(this.#retryTimer);
      this.#open();
    } else if (this.state === 'open' && Date.now() - this.#lastHeard > PATIENCE_MS) {
      this.#probe();
    }
  }

  #watch() {
    clearInterval(this.#watchTimer);
    this.#lastHeard = Date.now();
    this.#watchTimer = window.setInterval(() => {
      if (this.state === 'open' && Date.now() - this.#lastHeard > SILENCE_MS) this.#probe();
    }, 5_000);
  }

  /** Anything the server says proves the connection; a socket that stays silent is dropped without waiting for TCP. */
  #probe() {
    const asked = Date.now();
    this.send('can').catch(() => undefined);
    window.setTimeout(() => {
      if (this.state === 'open' && this.#lastHeard < asked) this.#lost();
    }, PATIENCE_MS);
  }

  #detach() {
    clearInterval(this.#watchTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** @param {State} state @param {number} [retryInMs] */
  #become(state, retryInMs) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, retryInMs } }));
  }
}
