/**
 * The subscribe connection: what this person receives. The server offers, the client answers.
 *
 * Offers are worked off one at a time and only the newest of those waiting: each holds the whole state. A new
 * generation is a new connection. Events: `tracks` when the set of remote tracks changed, `state`, `failed`.
 */

import { PodiumError } from './errors.js';
import { watch } from './lasting.js';

/** @typedef {import('./shapes.js').Ok} Ok */
/** @typedef {import('./shapes.js').Offer} Offer */

const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

export class Subscriber extends EventTarget {
  /** @type {RTCPeerConnection | null} */ #pc = null;
  #generation = -1;
  /** @type {Offer | null} */ #next = null;
  /** The work under way; 0 for none. What waits for a closed connection may wait for ever. */
  #round = 0;
  #rounds = 0;
  #open = false;
  #failures = 0;
  #timer = 0;
  #renewing = false;

  /**
   * @param {(type: string, fields: Record<string, any>) => Promise<Ok>} send
   * @param {() => Promise<RTCIceServer[]>} [relays] never rejects
   */
  constructor(send, relays = async () => []) {
    super();
    this.send = send;
    this.relays = relays;
    /** @type {Map<string, MediaStreamTrack>} `identity/source` → track */
    this.tracks = new Map();
  }

  /** @returns {RTCPeerConnection | null} */
  get connection() {
    return this.#pc;
  }

  /** Asks for a new connection; the server's offer comes when there is something to receive. */
  open() {
    this.close();
    this.#generation = -1;
    this.#open = true;
    void this.#ask();
  }

  close() {
    this.#open = false;
    this.#next = null;
    this.#round = 0;
    clearTimeout(this.#timer);
    this.#discard();
    if (this.tracks.size === 0) return;
    this.tracks.clear();
    this.dispatchEvent(new CustomEvent('tracks'));
  }

  /** The network is another one, or does not carry the connection: have the server offer another way for it. */
  renew() {
    if (!this.#pc || this.#renewing) return;
    this.#renewing = true;
    // If it is refused, a new connection follows where this one does not recover by itself.
    this.send('media.restart', {}).catch(() => undefined).finally(() => {
      this.#renewing = false;
    });
  }

  /** @param {Offer} offer */
  offered(offer) {
    if (!this.#open || offer.generation < this.#generation) return;
    this.#next = offer;
    if (!this.#round) void this.#work();
  }

  async #ask() {
    try {
      await this.send('media.subscribe', {});
      this.#failures = 0;
    } catch (failure) {
      const error = failure instanceof PodiumError ? failure : new PodiumError('internal', String(failure));
      const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
      this.#failures += 1;
      if (!this.#open || error.code === 'closed') return;
      if (error.retry) this.#timer = window.setTimeout(() => void this.#ask(), wait);
      else this.dispatchEvent(new CustomEvent('failed', { detail: error }));
    }
  }

  async #work() {
    const round = this.#rounds += 1;
    this.#round = round;
    while (round === this.#round && this.#next) {
      const offer = this.#next;
      this.#next = null;
      await this.#answer(offer).catch((failure) => this.#failed(failure));
    }
    if (round === this.#round) this.#round = 0;
  }

  /** @param {Offer} offer */
  async #answer({ generation, revision, sdp, tracks }) {
    const round = this.#round;
    const iceServers = await this.relays();
    if (round !== this.#round) return;
    if (!this.#pc || generation !== this.#generation) {
      this.#discard();
      this.#generation = generation;
      this.#create(iceServers);
    }
    const pc = /** @type {RTCPeerConnection} */ (this.#pc);
    // For an ICE restart later on; the relays in use go on with what they were opened with.
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers });
    await pc.setRemoteDescription({ type: 'offer', sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    if (pc !== this.#pc) return;
    this.#take(pc, tracks ?? {});
    // Not repeated after a reconnect on purpose: an answer that comes late is ignored by the server.
    await this.send('media.answer', { generation, revision, sdp: pc.localDescription?.sdp ?? '' });
  }

  /** @param {RTCPeerConnection} pc @param {Record<string, string>} tracks m-line → track */
  #take(pc, tracks) {
    this.tracks.clear();
    for (const line of pc.getTransceivers()) {
      const id = line.mid === null ? undefined : tracks[line.mid];
      if (id) this.tracks.set(id, line.receiver.track);
    }
    this.dispatchEvent(new CustomEvent('tracks'));
  }

  /** @param {RTCIceServer[]} iceServers */
  #create(iceServers) {
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    watch(pc, {
      state: (state) => this.dispatchEvent(new CustomEvent('state', { detail: { state } })),
      renew: () => this.renew(),
      replace: () => pc === this.#pc && this.open(),
    });
  }

  #discard() {
    const pc = this.#pc;
    this.#pc = null;
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
  }

  /** @param {unknown} failure */
  #failed(failure) {
    // A refused answer belongs to an offer that is past; a description the browser cannot use needs a new connection.
    if (failure instanceof PodiumError || !this.#open) return;
    const wait = RETRY_MS[this.#failures];
    this.#failures += 1;
    if (wait === undefined) {
      this.dispatchEvent(new CustomEvent('failed', { detail: new PodiumError('bad_offer', String(failure)) }));
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.open(), wait);
  }
}
