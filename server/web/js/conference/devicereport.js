/**
 * Tells the conference which devices this browser has, so that a moderator can help, and uses another one when asked to.
 * Nothing is told before the person has allowed a device: until then the browser has no names for them either.
 */

import * as devices from '../lib/devices.js';
import * as storage from '../lib/storage.js';
import { debounce } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';

// Plugging in one thing is several events, and the server takes a report every two seconds.
const QUIET_MS = 700;
const MOST = 32;
const LONGEST_ID = 128;
const LONGEST_LABEL = 120;

/** What the wire calls a kind, and what this client calls it. @type {Record<import('../types.js').DeviceKind, 'audio' | 'video' | 'speaker'>} */
const KINDS = { audioinput: 'audio', videoinput: 'video', audiooutput: 'speaker' };
const WORDS = { audio: 'microphone', video: 'camera', speaker: 'loudspeaker' };

export class DeviceReport {
  #told = '[]';
  /** @type {Promise<void>} */ #sending = Promise.resolve();

  /** @param {import('./view.js').ConferenceView} view @param {AbortSignal} signal */
  constructor(view, signal) {
    this.view = view;
    this.soon = debounce(() => {
      this.#sending = this.#sending.then(() => this.#report());
    }, QUIET_MS);
    navigator.mediaDevices?.addEventListener('devicechange', () => this.soon(), { signal });
    signal.addEventListener('abort', () => { this.soon = () => undefined; });
  }

  async #report() {
    const { view } = this;
    if (!view.rights.has('devices.report') || view.podium.state !== 'open') return;
    const found = await this.#found();
    const text = JSON.stringify(found);
    if (text === this.#told) return;
    try {
      await view.podium.send('devices.report', { devices: found });
      this.#told = text;
    } catch {
      // A report is a courtesy: refused or lost, the next change of a device makes another.
    }
  }

  /** @returns {Promise<import('../types.js').Device[]>} */
  async #found() {
    const { media } = this.view.podium;
    const chosen = { audio: inUse(media, 'audio'), video: inUse(media, 'video'), speaker: this.view.sound.speaker };
    const all = await devices.list();
    const known = [...all.audio, ...all.video, ...all.speaker].filter(({ label, deviceId }) => label && deviceId.length <= LONGEST_ID);
    return known.slice(0, MOST).map(({ deviceId, kind, label }) => ({
      id: deviceId,
      kind,
      label: label.slice(0, LONGEST_LABEL),
      ...(chosen[KINDS[kind]] === deviceId ? { chosen: true } : {}),
    }));
  }

  /** A moderator, or oneself from elsewhere, has chosen another one. @param {import('../lib/shapes.js').RoomEvent} event */
  async select({ kind, device, by }) {
    const { podium, sound } = this.view;
    const which = KINDS[/** @type {keyof typeof KINDS} */ (kind)];
    if (!which || !device) return;
    try {
      if (which === 'speaker') sound.choose(device);
      else await podium.media.choose(which, device);
      storage.setChoices({ ...storage.choices(), [which]: device });
      toast(`${by === podium.room?.you ? 'You' : podium.room?.name(by)} switched your ${WORDS[which]} to another one.`, { kind: 'info' });
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
    this.soon();
  }
}

/** @param {import('../podium.js').Media} media @param {'audio' | 'video'} device */
const inUse = (media, device) => media.local.get(device)?.getSettings().deviceId ?? media.chosen[device];
