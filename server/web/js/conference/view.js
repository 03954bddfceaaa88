/**
 * The conference itself: puts the parts of the page together and tells them when the room, one's rights or the media
 * change. Each part draws from the room as it now is; nobody keeps a state of their own that the room has.
 */

import { closeDialogs } from '../ui/dialog.js';
import { command } from '../ui/actions.js';
import { Board } from '../engage/board.js';
import { Engage } from '../engage/engage.js';
import { Permissions } from '../ui/permissions.js';
import { SidePanel } from '../ui/sidepanel.js';
import { toast } from '../ui/toast.js';
import { refusalText, sourceWord } from '../ui/words.js';
import { Backstage } from './backstage.js';
import { Banner } from './banner.js';
import { Controls } from './controls.js';
import { announce, knocking } from './lobby.js';
import { FilesPanel } from './files.js';
import { DeviceReport } from './devicereport.js';
import { Notices } from './notices.js';
import { People } from './people.js';
import { Reactions } from './reactions.js';
import { Showing } from './showing.js';
import { listenForKeys } from './shortcuts.js';
import { Sound } from './sound.js';
import { Stage } from './stage.js';
import { StageDoor } from './stagedoor.js';
import { Students } from './students.js';
import { TopBar } from './topbar.js';
import { Turns } from './turns.js';
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
    /** What one may do about others; asked about those alone who are looked at. */
    this.permissions = new Permissions(podium);
    this.note = '';
    /** An organizer by right opens a conference again that has ended, and nobody is in one then. */
    this.reopens = false;
    this.top = new TopBar(find('#top', HTMLElement), this);
    this.banner = new Banner(find('#banner', HTMLElement), podium);
    this.backstage = new Backstage(find('#backstage', HTMLElement), this);
    this.stage = new Stage(find('#stage', HTMLElement), this);
    this.students = new Students(find('#students', HTMLElement), this);
    this.turns = new Turns(find('#turns', HTMLElement), this);
    this.sound = new Sound(find('#stage', HTMLElement), podium, capture.chosen.speaker);
    this.reactions = new Reactions(find('#stage', HTMLElement), podium);
    this.people = new People(this);
    this.files = new FilesPanel(this);
    this.board = new Board(find('#board', HTMLElement), this);
    this.engage = new Engage({ podium, rights: () => this.rights, token: () => door.access.token, changed: () => this.#badges(), open: (key) => this.side.show(key), signal: this.#stop.signal });
    this.side = new SidePanel(find('#side', HTMLElement), [this.people, this.engage.chat, this.files, ...this.engage.parts], () => this.#badges());
    this.controls = new Controls(find('#controls', HTMLElement), this);
    this.stageDoor = new StageDoor(podium);
    this.notices = new Notices(podium);
    this.showing = new Showing(root, podium.media, this.#stop.signal);
    this.devices = new DeviceReport(this, this.#stop.signal);
    this.#listen();
    // Whoever comes later has not seen it begin.
    if (podium.room?.recording) toast('This conference is being recorded.', { kind: 'warn' });
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
    on(this.permissions, 'change', () => this.update());
    on(podium, 'event', ({ event, before }) => this.#happened(event, before));
    on(podium, 'signal', (message) => this.#heard(message));
    on(podium, 'state', (detail) => {
      this.banner.connection(detail);
      if (detail.state === 'open') void this.files.refresh();
    });
    on(podium.media, 'change', () => this.#mediaChanged());
    on(podium.media, 'asked', (detail) => void this.stageDoor.unmuteAsked(detail));
    on(podium.media, 'forced', (detail) => this.stageDoor.unmuteForced(detail));
    on(podium.media, 'ended', ({ source }) => this.notices.deviceEnded(source));
    on(podium.media, 'failed', (error) => toast(`Sound and picture: ${refusalText(error)}`, { kind: 'danger' }));
    listenForKeys(this, signal);
    this.stage.slides.listen(signal);
    // A tab that is closed leaves its place to the server's grace period; the camera goes off at once.
    window.addEventListener('pagehide', () => podium.media.close(), { signal });
  }

  update() {
    const room = this.podium.room;
    if (!room) return;
    document.title = `${room.title} · Podium`;
    if (room.me) this.reopens = room.me.by_right;
    for (const part of [this.top, this.backstage, this.stage, this.students, this.turns, this.people, this.files]) part.update();
    this.sound.update();
    this.showing.update();
    this.board.update();
    this.engage.update();
    this.#badges();
  }

  /** How much waits behind each tab. */
  #badges() {
    this.side.badge('people', this.asking);
    this.side.badge('chat', this.engage.chat.unread);
    this.side.badge('files', this.files.unseen);
    for (const { key, unread } of this.engage.parts) this.side.badge(key, unread);
    this.controls.update();
  }

  /** How many wait for an answer of this person's. */
  get asking() {
    const room = this.podium.room;
    return room?.moderates ? room.queue.length + room.asking.length + knocking(this).length : 0;
  }

  /** Straight after joining: the chosen devices, and for those who may go there without asking, a place on the stage. */
  async takePlace() {
    const { media, room } = this.podium;
    const wanted = (this.capture.on.audio && this.capture.tracks.audio) || this.capture.tracks.video;
    media.chosen.audio = this.capture.chosen.audio;
    media.chosen.video = this.capture.chosen.video;
    media.cameraQuality = this.capture.quality;
    const placed = room?.footing !== 'none' || (wanted && (await this.#requestPlace()));
    for (const device of /** @type {const} */ (['audio', 'video'])) {
      const on = this.capture.on[device];
      const track = placed ? this.capture.take(device) : null;
      if (track) media.adopt(device, track, on);
    }
    // What was not taken is not wanted any more, also when it is opened only now.
    this.capture.stop();
  }

  /** A place on the stage, where nobody has to grant it. */
  async #requestPlace() {
    await this.#askRights();
    if (!this.rights.has('stage.request:go')) return false;
    this.stageDoor.expect();
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
    if (event.type === 'lobby.entered' && event.who) void announce(this, event.who);
    if (event.type.startsWith('conference.') || event.type === 'chat.closed' || event.type === 'chat.opened') void this.#askRights();
    if (event.type === 'file.added') this.files.added(/** @type {any} */ (event));
    if (event.type === 'file.removed') this.files.removed(/** @type {any} */ (event).file);
    if (event.person !== this.podium.room?.you) return;
    if (event.type === 'participant.left') this.note = event.note ?? '';
    if (event.type === 'stage.taken') void this.stageDoor.arrived(event);
    if (event.type === 'stage.invited') void this.stageDoor.invited(event);
    if (event.type === 'stage.declined') this.stageDoor.invitationOver();
    if (event.type === 'stage.left') closeDialogs();
    if (event.type === 'remark.granted') void this.turns.granted();
    if (event.type === 'devices.selected') void this.devices.select(event);
    // One's own report changes nothing that one may do.
    if (event.type.startsWith('devices.')) return;
    void this.#askRights();
  }

  /** @param {import('../lib/shapes.js').Message} message */
  #heard(message) {
    if (message.type === 'media.speakers') {
      this.stage.speakers();
      this.students.speakers();
    } else if (message.type === 'media.quality') {
      this.stage.quality();
      this.students.quality();
      this.people.quality();
    } else if (message.type === 'reaction') this.reactions.show(message);
  }

  #mediaChanged() {
    const { wants, local } = this.podium.media;
    this.door.remember({ audio: wants.audio, video: wants.video, devices: local.has('audio') || local.has('video') });
    this.devices.soon();
    this.stage.update();
    this.students.update();
    this.turns.update();
    this.sound.update();
    this.showing.update();
    this.controls.update();
  }

  async #askRights() {
    const answer = await this.podium.can().catch(() => null);
    if (!answer) return;
    this.rights = answer.commands;
    this.devices.soon();
    this.update();
  }

  /** @param {'audio' | 'video'} device */
  async toggleDevice(device) {
    const { media } = this.podium;
    const state = media.state(device);
    try {
      if (state === 'barred') toast(`Guests do not use their ${sourceWord(device)} in this conference.`, { kind: 'warn' });
      else if (state === 'locked') toast('A moderator has locked this; only a moderator can undo it.', { kind: 'warn' });
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
    if (!room) return;
    if (room.queuePosition(room.you)) void command(this.podium, 'stage.withdraw');
    else if (this.rights.has('stage.request')) void command(this.podium, 'stage.request');
  }

  /** Ask for a turn to speak, take that back, or end the turn that runs. */
  toggleTurn() {
    const room = this.podium.room;
    if (!room) return;
    if (room.remarks.has(room.you)) void command(this.podium, 'remark.end');
    else if (room.asking.includes(room.you)) void command(this.podium, 'remark.withdraw');
    else if (this.rights.has('remark.request') && !room.barred('audio')) void this.turns.ask();
  }

  /** Write to one person alone. @param {string} person */
  writeTo(person) {
    this.side.show('chat');
    this.engage.chat.writeTo(person);
  }

  async quit() {
    await this.podium.leave();
    this.leave({ code: 'left' });
  }

  close() {
    this.#stop.abort();
    this.backstage.close();
    this.stage.close();
    this.students.close();
    this.turns.close();
    this.board.close();
    this.sound.close();
    this.banner.close();
    this.reactions.close();
    this.controls.close();
    this.side.close();
    this.capture.stop();
  }
}
