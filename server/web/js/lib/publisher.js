/**
 * The publish connection: what this person sends. The client offers, the server answers.
 *
 * `wanted` is what should be sent, `allowed` what may be; `settle` brings the connection to what is both, one
 * negotiation at a time, and again when something changed meanwhile. A source keeps its m-line for the life of the connection: switching a camera off and
 * on or changing a device replaces the track and negotiates nothing.
 */

import { PodiumError } from './errors.js';
import { cameraEncodings, codecFor, isScalable, leaveOut, preferences, scalableEncodings } from './layers.js';
import { watch } from './lasting.js';

/** @typedef {import('./shapes.js').Source} Source */
/** @typedef {import('./shapes.js').Ok} Ok */

/** @type {Record<Source, 'audio' | 'video'>} */
const KINDS = { audio: 'audio', video: 'video', screen: 'video', screen_audio: 'audio' };
/** Bits per second of what is sent in one layer: speech, which is sent twice (28 to 40 kbit/s are all it needs: RFC 7587
 * section 3.1.1), a legible screen, music. */
const BITRATES = { audio: 40_000, screen: 2_500_000, screen_audio: 128_000 };
/** @type {Set<Source>} */
const NOTHING = new Set();
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

export class Publisher extends EventTarget {
  /** @type {RTCPeerConnection | null} */ #pc = null;
  /** @type {Map<Source, RTCRtpTransceiver>} */ #lines = new Map();
  /** @type {Map<Source, MediaStreamTrack | null>} */ #wanted = new Map();
  /** @type {Set<Source>} */ #allowed = NOTHING;
  /** The layers that somebody looks at, where the server has said it for this connection. @type {Map<Source, string[]>} */
  #looked = new Map();
  /** What the camera is to be sent in, as the server wishes it. @type {import('./layers.js').CameraCodec} */
  codec = 'vp8';
  /** What it is sent in on this connection. @type {import('./layers.js').CameraCodec} */
  #made = 'vp8';
  /** The last change of how something is sent: a browser takes one at a time. @type {Promise<void>} */
  #tuned = Promise.resolve();
  #told = '';
  #fresh = true;
  /** An ICE restart is due with the next offer. */
  #renewing = false;
  /** The negotiation under way; 0 for none. One that a discarded connection leaves behind may never end. */
  #round = 0;
  #rounds = 0;
  #failures = 0;
  #timer = 0;

  /**
   * @param {(type: string, fields: Record<string, any>) => Promise<Ok>} send
   * @param {() => Promise<RTCIceServer[]>} [relays] never rejects
   */
  constructor(send, relays = async () => []) {
    super();
    this.send = send;
    this.relays = relays;
  }

  /** @returns {RTCPeerConnection | null} */
  get connection() {
    return this.#pc;
  }

  /** @param {string | null} mid of an m-line @returns {Source | null} what it carries */
  sourceOf(mid) {
    for (const [source, line] of this.#lines) if (line.mid === mid) return source;
    return null;
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
    if (line) void line.sender.replaceTrack(track).then(() => this.#tune(source, line), () => this.restart());
    this.#settle();
  }

  /** @param {Source} source */
  unset(source) {
    this.#wanted.delete(source);
    void this.#lines.get(source)?.sender.replaceTrack(null).catch(() => undefined);
    this.#settle();
  }

  /** What may be sent now. Where that is nothing, sending stops at once; what was wanted is kept for the next time. @param {Set<Source>} sources */
  allow(sources) {
    this.#allowed = sources;
    this.#failures = 0;
    if (sources.size === 0) this.#discard();
    else this.#settle();
  }

  close() {
    this.allow(NOTHING);
  }

  /** Somebody looks at these layers of a source, at the others nobody. @param {Source} source @param {string[]} rids */
  look(source, rids) {
    this.#looked.set(source, rids);
    const line = this.#lines.get(source);
    if (line && !this.#fresh) void this.#tune(source, line);
  }

  /** The other end is a new one: begin with a new connection. */
  restart() {
    this.#discard();
    this.#settle();
  }

  /** The network is another one, or does not carry the connection: look for another way, with everything else kept. */
  renew() {
    if (!this.#pc || this.#fresh) return;
    this.#renewing = true;
    this.#settle();
  }

  #discard() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const pc = this.#pc;
    this.#pc = null;
    this.#lines.clear();
    this.#looked.clear();
    this.#tuned = Promise.resolve();
    this.#told = '';
    this.#fresh = true;
    this.#renewing = false;
    this.#round = 0;
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
  }

  #settle() {
    if (!this.#open || this.#round) return;
    if (!this.#pc && this.#sources().length === 0) return;
    const round = this.#rounds += 1;
    this.#round = round;
    void this.#negotiate(round).finally(() => {
      if (round !== this.#round) return;
      this.#round = 0;
      if (this.#open && !this.#timer && (this.#renewing || this.#told !== this.#desired())) this.#settle();
    });
  }

  get #open() {
    return this.#allowed.size > 0;
  }

  #sources() {
    return [...this.#wanted.keys()].filter((source) => this.#allowed.has(source));
  }

  #desired() {
    return this.#sources().sort().join();
  }

  /** @param {number} round */
  async #negotiate(round) {
    // What changes together, as a screen and its sound, goes into one offer; the sound alone would be refused.
    await Promise.resolve();
    if (round !== this.#round) return;
    const desired = this.#desired();
    const renewing = this.#renewing;
    this.#renewing = false;
    if (this.#pc && this.#told === desired && !renewing) return;
    const iceServers = this.#pc && !renewing ? [] : await this.relays();
    if (round !== this.#round) return;
    if (!this.#pc) this.#made = await codecFor(this.codec);
    if (round !== this.#round) return;
    const pc = this.#pc ?? this.#create(iceServers);
    if (renewing) {
      pc.setConfiguration({ ...pc.getConfiguration(), iceServers });
      pc.restartIce();
    }
    try {
      this.#shape(pc);
      await pc.setLocalDescription(await pc.createOffer());
      if (pc !== this.#pc) return;
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
      for (const [source, line] of this.#lines) await this.#tune(source, line);
    } catch (failure) {
      if (pc === this.#pc) this.#failed(failure);
    }
  }

  /** @param {RTCIceServer[]} iceServers */
  #create(iceServers) {
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    watch(pc, {
      state: (state) => this.dispatchEvent(new CustomEvent('state', { detail: { state } })),
      renew: () => this.renew(),
      replace: () => pc === this.#pc && this.restart(),
    });
    return pc;
  }

  /** @param {RTCPeerConnection} pc one m-line for each source ever wanted, sending or inactive */
  #shape(pc) {
    for (const source of this.#sources()) {
      const track = this.#wanted.get(source) ?? null;
      const line = this.#lines.get(source);
      if (line) {
        line.direction = 'sendonly';
        continue;
      }
      const sendEncodings = source === 'video' ? this.#encodings(source, track) : [{ maxBitrate: BITRATES[source] }];
      const added = pc.addTransceiver(track ?? KINDS[source], { direction: 'sendonly', sendEncodings });
      // Also for VP8: Safari offers H.264 first.
      if (KINDS[source] === 'video') added.setCodecPreferences?.(preferences(source === 'video' ? this.#made : 'vp8'));
      this.#lines.set(source, added);
    }
    for (const [source, line] of this.#lines) {
      if (!this.#wanted.has(source)) line.direction = 'inactive';
    }
  }

  /** @param {Source} source @param {MediaStreamTrack | null} track @returns {RTCRtpEncodingParameters[]} */
  #encodings(source, track) {
    if (source !== 'video') return [{ active: true }];
    return isScalable(this.#made) ? scalableEncodings(track) : cameraEncodings(track);
  }

  /**
   * Fits how a source is sent to what its track is now, and to what is looked at: a camera's layers to its size. A
   * screen must stay sharp when the uplink is narrow, a camera fluent.
   * @param {Source} source @param {RTCRtpTransceiver} line
   */
  #tune(source, line) {
    if (KINDS[source] !== 'video') return;
    this.#tuned = this.#tuned.then(() => {
      const parameters = line.sender.getParameters();
      parameters.degradationPreference = source === 'screen' ? 'maintain-resolution' : 'balanced';
      const fitting = this.#encodings(source, line.sender.track);
      for (const encoding of parameters.encodings) Object.assign(encoding, fitting.find(({ rid }) => rid === encoding.rid));
      leaveOut(parameters.encodings, this.#looked.get(source));
      return line.sender.setParameters(parameters);
    }).catch(() => undefined);
    return this.#tuned;
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
