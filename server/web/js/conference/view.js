/**
 * The conference itself: puts the parts of the page together and tells them when the room, one's rights or the media
 * change. Each part draws from the room as it now is; nobody keeps a state of their own that the room has.
 */

import { closeDialogs } from '../ui/dialog.js';
import { command } from '../ui/actions.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';
import { Banner } from './banner.js';
import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { Notices } from './notices.js';
import { People } from './people.js';
import { Reactions } from './reactions.js';
import { SidePanel } from './sidepanel.js';
import { listenForKeys } from './shortcuts.js';
import { Sound } from './sound.js';
import { Stage } from './stage.js';
import { StageDoor } from './stagedoor.js';
import { TopBar } from './topbar.js';
import { find } from '../ui/dom.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('./access.js').Door} Door */
/** @typedef {import('./capture.js').Capture} Capture */

export class ConferenceView {
  #stop = new AbortController();

  /**
   * @param {object} options
   * @param {HTMLElement} options.root
   * @param {Podium} options.podium
   * @param {Door} options.door
   * @param {Capture} options.capture
   * @param {(closing: {code: string, message?: string}) => void} options.leave
   */
  constructor({ root, podium, door, capture, leave }) {
    this.root = root;
    this.podium = podium;
    this.door = door;
    this.capture = capture;
    this.leave = leave;
    /** @type {Set<string>} the commands one may give now, about nobody in particular */
    this.rights = new Set();
    this.note = '';
    this.top = new TopBar(find('#top', HTMLElement), this);
    this.banner = new Banner(find('#banner', HTMLElement), podium);
    this.stage = new Stage(find('#stage', HTMLElement), this);
    this.sound = new Sound(find('#stage', HTMLElement), podium, capture.chosen.speaker);
    this.reactions = new Reactions(find('#stage', HTMLElement), podium);
    this.people = new People(this);
    this.chat = new Chat(podium);
    this.side = new SidePanel(find('#side', HTMLElement), [this.people, this.chat], () => this.controls.update());
    this.controls = new Controls(find('#controls', HTMLElement), this);
    this.stageDoor = new StageDoor(podium);
    this.notices = new Notices(podium);
    this.#listen();
    if (matchMedia('(min-width: 1180px)').matches) this.side.show('people');
    this.update();
    void this.#askRights();
  }

  #listen() {
    const { signal } = this.#stop;
    const { podium } = this;
    /** @param {EventTarget} target @param {string} name @param {(detail: any) => void} run */
    const on = (target, name, run) => target.addEventListener(name, (event) => run(/** @type {CustomEvent} */ (event).detail), { signal });
    on(podium, 'change', () => this.update());
    on(podium, 'resync', () => void this.#askRights());
    on(podium, 'event', ({ event, before }) => this.#happened(event, before));
    on(podium, 'signal', (message) => this.#heard(message));
    on(podium, 'state', (detail) => {
      this.banner.connection(detail);
      if (detail.state === 'open') void this.chat.refresh();
    });
    on(podium.media, 'change', () => this.#mediaChanged());
    on(podium.media, 'asked', (detail) => void this.stageDoor.unmuteAsked(detail));
    on(podium.media, 'forced', (detail) => this.stageDoor.unmuteForced(detail));
    on(podium.media, 'ended', ({ source }) => this.notices.deviceEnded(source));
    on(podium.media, 'failed', (error) => toast(`Sound and picture: ${refusalText(error)}`, { kind: 'danger' }));
    listenForKeys(this, signal);
    // A tab that is closed leaves its place to the server's grace period; the camera goes off at once.
    window.addEventListener('pagehide', () => podium.media.close(), { signal });
  }

  update() {
    const room = this.podium.room;
    if (!room) return;
    document.title = `${room.title} · Podium`;
    for (const part of [this.top, this.stage, this.people, this.controls]) part.update();
    this.sound.update();
    this.side.badge('people', room.moderates ? room.queue.length : 0);
  }

  /** Straight after joining: the chosen devices, and for those who may, a place on the stage. */
  async takePlace() {
    const { media, room } = this.podium;
    const me = room?.me;
    const wanted = (this.capture.on.audio && this.capture.tracks.audio) || this.capture.tracks.video;
    media.chosen.audio = this.capture.chosen.audio;
    media.chosen.video = this.capture.chosen.video;
    if (!me || (me.role === 'viewer' && !me.on_stage)) {
      this.capture.stop();
      return;
    }
    if (!me.on_stage && !wanted) {
      this.capture.stop();
      return;
    }
    this.stageDoor.expect();
    if (!me.on_stage && !(await this.#requestPlace())) {
      this.capture.stop();
      return;
    }
    for (const device of /** @type {const} */ (['audio', 'video'])) {
      const on = this.capture.on[device];
      const track = this.capture.take(device);
      if (track) media.adopt(device, track, on);
    }
    // What was not taken is not wanted any more, also when it is opened only now.
    this.capture.stop();
  }

  async #requestPlace() {
    try {
      await this.podium.send('stage.request');
      return true;
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
      return false;
    }
  }

  /** @param {import('../lib/shapes.js').RoomEvent} event @param {import('../lib/shapes.js').Person | null} before */
  #happened(event, before) {
    this.notices.tell(event, before);
    if (event.person !== this.podium.room?.you) return;
    if (event.type === 'participant.left') this.note = event.note ?? '';
    if (event.type === 'stage.taken') void this.stageDoor.arrived(event);
    if (event.type === 'stage.invited') void this.stageDoor.invited(event);
    if (event.type === 'stage.declined') this.stageDoor.invitationOver();
    if (event.type === 'stage.left') closeDialogs();
    void this.#askRights();
  }

  /** @param {import('../lib/shapes.js').Message} message */
  #heard(message) {
    if (message.type === 'media.speakers') this.stage.speakers();
    else if (message.type === 'media.quality') this.stage.quality();
    else if (message.type === 'reaction') this.reactions.show(message);
    else if (message.type === 'chat.message') {
      this.chat.receive(message.message);
      this.side.badge('chat', this.side.shown === 'chat' ? 0 : this.chat.unread);
      this.controls.update();
    }
  }

  #mediaChanged() {
    const { wants, local } = this.podium.media;
    this.door.remember({ audio: wants.audio, video: wants.video, devices: local.has('audio') || local.has('video') });
    this.stage.update();
    this.sound.update();
    this.controls.update();
  }

  async #askRights() {
    const answer = await this.podium.can().catch(() => null);
    if (!answer) return;
    this.rights = answer.commands;
    this.update();
  }

  /** @param {'audio' | 'video'} device */
  async toggleDevice(device) {
    const { media } = this.podium;
    const state = media.state(device);
    try {
      if (state === 'locked') toast('A moderator has locked this; only a moderator can undo it.', { kind: 'warn' });
      else if (state === 'on') await media.mute(device);
      else await media.unmute(device);
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
  }

  async toggleScreen() {
    const { media } = this.podium;
    if (media.local.has('screen')) {
      media.stopScreen();
      return;
    }
    try {
      await media.shareScreen();
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'cancelled') toast(refusalText(error), { kind: 'warn' });
    }
  }

  toggleHand() {
    const room = this.podium.room;
    if (!room?.me || room.me.on_stage) return;
    void command(this.podium, room.queuePosition(room.you) ? 'stage.withdraw' : 'stage.request');
  }

  async quit() {
    await this.podium.leave();
    this.leave({ code: 'left' });
  }

  close() {
    this.#stop.abort();
    this.stage.close();
    this.sound.close();
    this.banner.close();
    this.reactions.close();
    this.controls.close();
    this.side.close();
    this.capture.stop();
  }
}
