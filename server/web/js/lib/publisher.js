/**
 * The publish connection: what this person sends. The client offers, the server answers.
 *
 * `wanted` is what should be sent; `settle` brings the connection there, one negotiation at a time, and again when
 * something changed meanwhile. A source keeps its m-line for the life of the connection: switching a camera off and
 * on or changing a device replaces the track and negotiates nothing.
 */

import { PodiumError } from './errors.js';

/** @typedef {import('./shapes.js').Source} Source */
/** @typedef {import('./shapes.js').Ok} Ok */

/** @type {Record<Source, {kind: 'audio' | 'video', maxBitrate: number}>} bits per second: a 720p camera, a legible screen */
const SENDING = {
  audio: { kind: 'audio', maxBitrate: 64_000 },
  video: { kind: 'video', maxBitrate: 1_700_000 },
  screen: { kind: 'video', maxBitrate: 2_500_000 },
  screen_audio: { kind: 'audio', maxBitrate: 128_000 },
};
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];
// ICE checks of the browser find a short break by themselves; longer than this and a new connection is quicker.
const DISCONNECTED_MS = 5_000;

export class Publisher extends EventTarget {
  /** @type {RTCPeerConnection | null} */ #pc = null;
  /** @type {Map<Source, RTCRtpTransceiver>} */ #lines = new Map();
  /** @type {Map<Source, MediaStreamTrack | null>} */ #wanted = new Map();
  #open = false;
  #told = '';
  #fresh = true;
  #busy = false;
  #failures = 0;
  #timer = 0;

  /** @param {(type: string, fields: Record<string, any>) => Promise<Ok>} send */
  constructor(send) {
    super();
    this.send = send;
  }

  /** @returns {RTCPeerConnection | null} */
  get connection() {
    return this.#pc;
  }

  /** @param {Source} source @returns {MediaStreamTrack | null | undefined} undefined: not published */
  track(source) {
    return this.#wanted.get(source);
  }

  /**
   * Publishes a source, or gives it another track; null keeps the source published with nothing to send.
   * @param {Source} source @param {MediaStreamTrack | null} track
   */
  set(source, track) {
    this.#wanted.set(source, track);
    const line = this.#lines.get(source);
    if (line) void line.sender.replaceTrack(track).catch(() => this.restart());
    this.#settle();
  }

  /** @param {Source} source */
  unset(source) {
    this.#wanted.delete(source);
    void this.#lines.get(source)?.sender.replaceTrack(null).catch(() => undefined);
    this.#settle();
  }

  /** The person has a place on the stage: send. */
  open() {
    if (this.#open) return;
    this.#open = true;
    this.#failures = 0;
    this.#settle();
  }

  /** The place is gone: stop sending at once. What was wanted is kept for the next place. */
  close() {
    this.#open = false;
    this.#discard();
  }

  /** The other end is a new one: begin with a new connection. */
  restart() {
    this.#discard();
    this.#settle();
  }

  #discard() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const pc = this.#pc;
    this.#pc = null;
    this.#lines.clear();
    this.#told = '';
    this.#fresh = true;
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
  }

  #settle() {
    if (!this.#open || this.#busy) return;
    if (!this.#pc && this.#wanted.size === 0) return;
    this.#busy = true;
    void this.#negotiate().finally(() => {
      this.#busy = false;
      if (this.#open && !this.#timer && this.#told !== this.#desired()) this.#settle();
    });
  }

  #desired() {
    return [...this.#wanted.keys()].sort().join();
  }

  async #negotiate() {
    // What changes together, as a screen and its sound, goes into one offer; the sound alone would be refused.
    await Promise.resolve();
    if (!this.#open) return;
    const desired = this.#desired();
    if (this.#pc && this.#told === desired) return;
    const pc = this.#pc ?? this.#create();
    try {
      this.#shape(pc);
      await pc.setLocalDescription(await pc.createOffer());
      /** @type {Record<string, Source>} */
      const tracks = {};
      for (const [source, line] of this.#lines) {
        if (line.direction === 'sendonly' && line.mid !== null) tracks[line.mid] = source;
      }
      const sdp = pc.localDescription?.sdp ?? '';
      const ok = await this.send('media.publish', { sdp, tracks, ...(this.#fresh ? { restart: true } : {}) });
      if (pc !== this.#pc) return;
      // A repeated command is accepted without its first answer: only a new connection can get a new one.
      if (!ok.result?.sdp) throw new PodiumError('bad_offer', 'The answer was lost.', { retry: true });
      await pc.setRemoteDescription({ type: 'answer', sdp: ok.result.sdp });
      this.#fresh = false;
      this.#told = desired;
      this.#failures = 0;
      await this.#limit();
    } catch (failure) {
      if (pc === this.#pc) this.#failed(failure);
    }
  }

  #create() {
    const pc = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    let timer = 0;
    pc.onconnectionstatechange = () => {
      clearTimeout(timer);
      this.dispatchEvent(new CustomEvent('state', { detail: { state: pc.connectionState } }));
      const patience = { failed: 300, disconnected: DISCONNECTED_MS }[/** @type {string} */ (pc.connectionState)];
      if (patience !== undefined) timer = window.setTimeout(() => pc === this.#pc && this.restart(), patience);
    };
    return pc;
  }

  /** @param {RTCPeerConnection} pc one m-line for each source ever wanted, sending or inactive */
  #shape(pc) {
    for (const [source, track] of this.#wanted) {
      const line = this.#lines.get(source);
      if (line) {
        line.direction = 'sendonly';
        continue;
      }
      const { kind, maxBitrate } = SENDING[source];
      this.#lines.set(source, pc.addTransceiver(track ?? kind, { direction: 'sendonly', sendEncodings: [{ maxBitrate }] }));
    }
    for (const [source, line] of this.#lines) {
      if (!this.#wanted.has(source)) line.direction = 'inactive';
    }
  }

  /** A screen must stay sharp when the uplink is narrow, a camera fluent. */
  async #limit() {
    for (const [source, line] of this.#lines) {
      if (SENDING[source].kind !== 'video') continue;
      const parameters = line.sender.getParameters();
      parameters.degradationPreference = source === 'screen' ? 'maintain-resolution' : 'balanced';
      await line.sender.setParameters(parameters).catch(() => undefined);
    }
  }

  /** @param {unknown} failure */
  #failed(failure) {
    const error = failure instanceof PodiumError ? failure : new PodiumError('bad_offer', String(failure), { retry: true });
    this.#discard();
    if (error.code === 'not_on_stage' || error.code === 'closed' || !this.#open) return;
    const wait = RETRY_MS[this.#failures];
    this.#failures += 1;
    if (wait === undefined || !error.retry) {
      this.dispatchEvent(new CustomEvent('failed', { detail: error }));
      // A later change of what is wanted, or a reset, tries again.
      this.#told = this.#desired();
      return;
    }
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#settle();
    }, wait);
  }
}
