/**
 * What a person sends and receives, and how that follows the room.
 *
 * The room decides: a place on the stage opens the publish connection, a turn to speak opens it for the microphone, a
 * lecture for its students' camera and microphone, and the loss of that closes it and the devices; a mute of a source stops the local
 * track too, whoever muted (the media worker drops it in any case). Beside the room stands one wish of the
 * person's own for each of microphone and camera: `wants`. What is sent is what is wanted and not muted.
 *
 * A mute by the person withdraws the wish, and a camera's light goes off. A mute by a moderator leaves the wish, so a
 * moderator's unmute brings the sound back; where the wish is withdrawn a moderator cannot open a microphone, and
 * `asked` is told instead. Where the conference is set to `force_unmute` a moderator's question switches a device on
 * that is captured already (`forced`); a device that would have to be opened is asked for, as the browser would.
 *
 * Events: `change` (own devices, wishes or the remote tracks are other than before), `asked` {source, by},
 * `forced` {source, by}, `ended` {source} (a device was unplugged, a share stopped), `failed` (a `PodiumError`).
 */

import * as devices from './devices.js';
import { PodiumError } from './errors.js';
import { Publisher } from './publisher.js';
import { Relays } from './relays.js';
import { SOURCES } from './room.js';
import { statistics } from './stats.js';
import { Subscriber } from './subscriber.js';

/** @typedef {import('./shapes.js').Source} Source */
/** @typedef {import('./shapes.js').MuteSource} MuteSource */
/** @typedef {'audio' | 'video'} Device */
/** `barred`: guests may not send it here. @typedef {'none' | 'off' | 'on' | 'muted' | 'locked' | 'barred'} SourceState */

const PREFER_AGAIN_MS = 2_000;

export class Media extends EventTarget {
  #podium;

  /** @param {import('../podium.js').Podium} podium */
  constructor(podium) {
    super();
    this.#podium = podium;
    /** @param {string} type @param {Record<string, any>} fields */
    const send = (type, fields) => podium.send(type, fields);
    this.relays = new Relays(send);
    const relays = () => this.relays.servers();
    this.publisher = new Publisher(send, relays);
    this.subscriber = new Subscriber(send, relays);
    /** @type {Record<Device, boolean>} the person's own wish to be heard and seen */
    this.wants = { audio: false, video: false };
    /** @type {Record<Device, string | null>} */
    this.chosen = { audio: null, video: null };
    /** @type {devices.CameraQuality} */
    this.cameraQuality = 'standard';
    /** @type {Map<Source, MediaStreamTrack>} what this computer captures now */
    this.local = new Map();
    /** @type {Set<string>} the pictures that are not sent because this computer's network does not take them, `identity/source` */
    this.paused = new Set();
    this.publisher.addEventListener('failed', (event) => this.#tell('failed', /** @type {CustomEvent} */ (event).detail));
    this.subscriber.addEventListener('failed', (event) => this.#tell('failed', /** @type {CustomEvent} */ (event).detail));
    this.subscriber.addEventListener('tracks', () => this.#tell('change'));
    // Another network, perhaps; that the connections are dead the browser would notice seconds later.
    window.addEventListener('online', () => {
      this.publisher.renew();
      this.subscriber.renew();
    });
  }

  // --- the room's side: called by Podium ------------------------------------------------

  /** After joining. @param {boolean} again the server has forgotten our connections: make new ones */
  open(again) {
    // Asked for now, it is there with the server's first offer.
    void this.relays.servers();
    this.subscriber.open();
    this.paused.clear();
    // What was told is of another presence, or of a server that has forgotten it.
    if (Object.keys(this.#preferred).length) this.#tellPreferred();
    if (again) this.publisher.restart();
    this.sync();
  }

  close() {
    this.#footing = 'none';
    this.#preferred = {};
    clearTimeout(this.#preferTimer);
    this.subscriber.close();
    this.publisher.close();
    this.relays.forget();
    for (const source of [...this.local.keys()]) this.#release(source);
  }

  /** Brings the local side to what the room says. */
  sync() {
    const { room } = this.#podium;
    const me = room?.me;
    if (!me) return;
    this.#stand(room.footing);
    for (const [source, track] of this.local) {
      const muted = me.muted.includes(muteSourceOf(source));
      track.enabled = !muted && (source === 'audio' || source === 'video' ? this.wants[source] : true);
    }
    this.#tell('change');
  }

  /** @param {import('./shapes.js').RoomEvent} event of the room, already applied */
  hear(event) {
    if (event.person !== this.#podium.room?.you) return;
    const source = event.source;
    if (event.type === 'media.unmuted' && event.by !== event.person && isDevice(source) && !this.wants[source]) {
      this.#tell('asked', { source, by: event.by });
    }
    if (event.type === 'media.unmute_asked' && isDevice(source)) this.#askedFor(source, event);
    // A share that ended while it is captured here was stopped by a moderator: offered again it would begin anew.
    if (event.type === 'track.unpublished' && event.source === 'screen' && this.local.has('screen')) this.#dropScreen();
    this.sync();
  }

  /** @param {import('./shapes.js').Message} signal */
  signal(signal) {
    if (signal.type === 'media.offer') {
      this.subscriber.offered(/** @type {any} */ (signal));
    } else if (signal.type === 'media.paused') {
      this.paused = new Set(signal.tracks);
      this.#tell('change');
    } else if (signal.type === 'media.layers') {
      this.publisher.look(signal.source, signal.rids ?? []);
    } else if (signal.type === 'media.reset') {
      this.subscriber.open();
      this.publisher.restart();
    }
  }

  // --- the person's side ---------------------------------------------------------------

  /**
   * Hands over tracks that a preview has opened already, so that the camera goes on without blinking.
   * @param {Device} device @param {MediaStreamTrack} track @param {boolean} on whether it is to be sent
   */
  adopt(device, track, on) {
    this.wants[device] = on;
    this.#keep(device, track);
    if (device === 'audio' || on) this.publisher.set(device, track);
    if (this.may(device)) this.#silence(device);
    this.sync();
  }

  /** Whether this person may send a source now, muted or not. @param {Source} source */
  may(source) {
    return SOURCES[this.#podium.room?.footing ?? 'none'].has(source);
  }

  /** @param {Source} source @returns {SourceState} what a control of this source is to show */
  state(source) {
    const { room } = this.#podium;
    const me = room?.me;
    const mute = muteSourceOf(source);
    if (room?.barred(source)) return 'barred';
    if (me?.locked.includes(mute) && me.role !== 'organizer') return 'locked';
    if (source === 'screen' || source === 'screen_audio') {
      return !this.local.has(source) ? 'off' : me?.muted.includes(mute) ? 'muted' : 'on';
    }
    if (!this.local.has(source) && !this.wants[source]) return this.publisher.track(source) === undefined ? 'none' : 'off';
    if (!this.wants[source]) return 'off';
    return me?.muted.includes(mute) ? 'muted' : 'on';
  }

  /** Be heard, or seen: opens the device where needed and undoes a mute. @param {Device} device */
  async unmute(device) {
    const track = this.local.get(device) ?? await this.#capture(device);
    if (!this.may(device)) {
      // It was over before the browser had asked and the device had opened.
      this.#release(device);
      throw new PodiumError('not_on_stage', 'You may not send this any more.');
    }
    this.wants[device] = true;
    try {
      if (this.#podium.room?.me?.muted.includes(device)) await this.#podium.send('media.unmute', { source: device });
    } catch (error) {
      this.wants[device] = false;
      throw error;
    }
    if (this.publisher.track(device) !== track) this.publisher.set(device, track);
    this.sync();
  }

  /** Not be heard, or seen. A camera is switched off, a microphone only silenced, so that it comes back at once. @param {Device} device */
  async mute(device) {
    this.wants[device] = false;
    if (device === 'video' && this.local.has('video')) {
      this.#release('video');
      if (this.publisher.track('video') !== undefined) this.publisher.set('video', null);
    }
    this.sync();
    const me = this.#podium.room?.me;
    if (me && this.may(device) && !me.muted.includes(device)) await this.#podium.send('media.mute', { source: device });
  }

  /**
   * Has the browser ask for the microphone, and closes it again: for somebody who will be heard later, on the instant.
   * Rejects with `PodiumError` where it is not to be had.
   */
  async tryMicrophone() {
    if (!this.local.has('audio')) (await devices.openMicrophone(this.chosen.audio)).stop();
  }

  /** Another microphone or camera, in use at once where one is in use now. @param {Device} device @param {string | null} id */
  async choose(device, id) {
    this.chosen[device] = id;
    if (!this.local.has(device)) return;
    const track = await this.#capture(device);
    if (this.publisher.track(device) !== undefined) this.publisher.set(device, track);
    this.sync();
  }

  /** @param {devices.CameraQuality} quality */
  async setCameraQuality(quality) {
    this.cameraQuality = quality;
    await this.local.get('video')?.applyConstraints(devices.CAMERA_QUALITIES[quality]);
  }

  async shareScreen() {
    if (!this.may('screen')) throw new PodiumError('not_on_stage', 'Sharing needs a place on the stage.');
    const { screen, sound } = await devices.openScreen();
    this.#keep('screen', screen);
    if (sound) this.#keep('screen_audio', sound);
    const me = this.#podium.room?.me;
    if (me?.muted.includes('screen') && !me.locked.includes('screen')) {
      await this.#podium.send('media.unmute', { source: 'screen' });
    }
    this.publisher.set('screen', screen);
    if (sound) this.publisher.set('screen_audio', sound);
    this.sync();
  }

  stopScreen() {
    this.#dropScreen();
    this.sync();
  }

  /**
   * Tells the server how high each received picture is drawn, `identity/source` → device pixels, 0 for one that is not
   * shown; it sends no more than that.
   * @param {Record<string, number>} heights
   */
  prefer(heights) {
    if (sameHeights(heights, this.#preferred)) return;
    this.#preferred = heights;
    this.#tellPreferred();
  }

  /** @type {Record<string, number>} */
  #preferred = {};
  #preferTimer = 0;

  #tellPreferred() {
    clearTimeout(this.#preferTimer);
    const heights = this.#preferred;
    this.#podium.send('media.prefer', { heights }).catch((error) => {
      if (!error.retry || heights !== this.#preferred) return;
      this.#preferTimer = window.setTimeout(() => this.#tellPreferred(), PREFER_AGAIN_MS);
    });
  }

  /** @param {string} person @param {Source} source @returns {MediaStreamTrack | null} what is received, or one's own */
  track(person, source) {
    if (person === this.#podium.room?.you) return this.local.get(source) ?? null;
    return this.subscriber.tracks.get(`${person}/${source}`) ?? null;
  }

  /** Counters of both connections, for diagnostics. */
  stats() {
    return statistics(this.publisher.connection, this.subscriber.connection, this.subscriber.tracks);
  }

  // --- inside --------------------------------------------------------------------------

  /** The ground this side knows of: what is done on coming to another is done once. @type {import('./room.js').Footing} */
  #footing = 'none';

  /** @param {import('./room.js').Footing} footing */
  #stand(footing) {
    const former = this.#footing;
    if (footing === former) return;
    this.#footing = footing;
    // What a student or somebody in a turn sends is taken along to the stage; any other way the tracks have ended.
    if (footing !== 'stage') this.publisher.close();
    if (footing === 'none') this.#hangUp('audio', 'video');
    else if (former === 'turn' && footing !== 'stage') this.#hangUp('audio');
    if (!this.may('screen') && this.local.has('screen')) this.#dropScreen();
    // Nobody comes silent into a turn that they have asked for.
    for (const device of /** @type {Device[]} */ (footing === 'turn' ? [] : ['audio', 'video'])) {
      if (this.may(device) && !SOURCES[former].has(device)) this.#silence(device);
    }
    this.publisher.allow(SOURCES[footing]);
  }

  /** What these devices were opened for is over; the next time the person is asked anew. @param {...Device} over */
  #hangUp(...over) {
    for (const device of over) {
      this.wants[device] = false;
      this.#release(device);
      this.publisher.unset(device);
    }
  }

  /** @param {Device} device @param {import('./shapes.js').RoomEvent} event */
  #askedFor(device, { by, forced }) {
    if (this.wants[device] && !this.#podium.room?.me?.muted.includes(device)) return;
    if (!forced || !this.local.has(device)) {
      this.#tell('asked', { source: device, by });
      return;
    }
    this.#tell('forced', { source: device, by });
    this.unmute(device).catch((error) => this.#tell('failed', error));
  }

  /** Whoever comes silent is silent at the media worker as well, before the first packet. @param {Device} device */
  #silence(device) {
    if (this.publisher.track(device) === undefined || this.wants[device]) return;
    if (this.#podium.room?.me?.muted.includes(device)) return;
    this.#podium.send('media.mute', { source: device }).catch(() => undefined);
  }

  #dropScreen() {
    for (const source of /** @type {Source[]} */ (['screen', 'screen_audio'])) {
      this.#release(source);
      this.publisher.unset(source);
    }
  }

  /** @param {Device} device */
  async #capture(device) {
    const track = device === 'audio'
      ? await devices.openMicrophone(this.chosen.audio)
      : await devices.openCamera(this.chosen.video, this.cameraQuality);
    this.#keep(device, track);
    return track;
  }

  /** @param {Source} source @param {MediaStreamTrack} track */
  #keep(source, track) {
    const former = this.local.get(source);
    if (former && former !== track) former.stop();
    this.local.set(source, track);
    track.onended = () => {
      if (this.local.get(source) !== track) return;
      if (source === 'screen') this.stopScreen();
      else if (isDevice(source)) void this.mute(source).catch(() => undefined).finally(() => this.#release(source));
      this.#tell('ended', { source });
    };
  }

  /** @param {Source} source */
  #release(source) {
    const track = this.local.get(source);
    this.local.delete(source);
    track?.stop();
  }

  /** @param {string} name @param {any} [detail] */
  #tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @param {Record<string, number>} one @param {Record<string, number>} other */
function sameHeights(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** Muting the screen silences its sound as well. @param {Source} source @returns {MuteSource} */
export const muteSourceOf = (source) => (source === 'screen_audio' ? 'screen' : source);

/** @param {string | undefined} source @returns {source is Device} */
const isDevice = (source) => source === 'audio' || source === 'video';
