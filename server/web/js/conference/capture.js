/** The devices before one is in: opened for the preview, handed over to the conference when one joins. */

import * as devices from '../lib/devices.js';
import { PodiumError } from '../lib/errors.js';
import * as storage from '../lib/storage.js';

/** @typedef {'audio' | 'video'} Device */

// As long as somebody who clicked Join at once is kept waiting for their devices; then they enter without.
const PATIENCE_MS = 4_000;

export class Capture extends EventTarget {
  constructor() {
    super();
    const kept = storage.choices();
    /** @type {Record<Device, MediaStreamTrack | null>} */
    this.tracks = { audio: null, video: null };
    /** @type {Record<Device, boolean>} whether it is to be on when one enters */
    this.on = { audio: kept.audioOn ?? true, video: kept.videoOn ?? true };
    /** @type {Record<Device | 'speaker', string | null>} */
    this.chosen = { audio: kept.audio ?? null, video: kept.video ?? null, speaker: kept.speaker ?? null };
    /** @type {devices.CameraQuality} */
    this.quality = kept.quality in devices.CAMERA_QUALITIES ? kept.quality : 'standard';
    /** @type {Record<Device, PodiumError | null>} why a device is not there */
    this.problems = { audio: null, video: null };
    /** @type {devices.Devices} */
    this.found = { audio: [], video: [], speaker: [] };
    this.busy = false;
    this.stopped = false;
    /** @type {Promise<void>} */
    this.opening = Promise.resolve();
  }

  /** Opens what is to be on; a refusal leaves the other device and the way in untouched. */
  start() {
    this.opening = this.#start();
    return this.opening;
  }

  /** Until the devices are open or refused, but not for ever: a question of the browser may wait unseen. */
  async settled() {
    await Promise.race([this.opening, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  }

  async #start() {
    this.busy = true;
    this.#tell();
    await this.look();
    // One after the other: browsers show two questions for two requests, and the second is often overlooked.
    await this.#open('audio');
    if (this.on.video) await this.#open('video');
    await this.look();
    this.busy = false;
    this.#tell();
  }

  async look() {
    this.found = await devices.list();
  }

  /** @param {Device} device */
  async toggle(device) {
    const on = !(this.on[device] && this.tracks[device]);
    this.on[device] = on;
    if (on && !this.tracks[device]) await this.#open(device);
    if (!on && device === 'video') this.#close('video');
    if (device === 'audio' && this.tracks.audio) this.tracks.audio.enabled = on;
    await this.look();
    this.#keep();
    this.#tell();
  }

  /** @param {Device | 'speaker'} device @param {string} id */
  async choose(device, id) {
    this.chosen[device] = id;
    if (device !== 'speaker' && this.tracks[device]) await this.#open(device);
    this.#keep();
    this.#tell();
  }

  /** Gives a track away: it is no longer closed from here. @param {Device} device */
  take(device) {
    const track = this.tracks[device];
    this.tracks[device] = null;
    return track;
  }

  /** Closes everything; a device that is only now being opened is closed as it comes. */
  stop() {
    this.stopped = true;
    this.#close('audio');
    this.#close('video');
  }

  /** @param {Device} device */
  async #open(device) {
    try {
      const track = device === 'audio' ? await devices.openMicrophone(this.chosen.audio) : await devices.openCamera(this.chosen.video, this.quality);
      if (this.stopped) {
        track.stop();
        return;
      }
      this.#close(device);
      this.tracks[device] = track;
      track.enabled = device === 'video' || this.on.audio;
      this.problems[device] = null;
      this.chosen[device] = track.getSettings().deviceId ?? this.chosen[device];
      track.onended = () => {
        this.#close(device);
        this.#tell();
      };
    } catch (error) {
      this.problems[device] = error instanceof PodiumError ? error : devices.deviceError(error, device === 'audio' ? 'microphone' : 'camera');
    }
  }

  /** @param {Device} device */
  #close(device) {
    const track = this.tracks[device];
    this.tracks[device] = null;
    if (!track) return;
    track.onended = null;
    track.stop();
  }

  #keep() {
    storage.setChoices({ ...storage.choices(), ...this.chosen, audioOn: this.on.audio, videoOn: this.on.video });
  }

  #tell() {
    this.dispatchEvent(new CustomEvent('change'));
  }
}
