/** One person on the stage: picture or initials, name, microphone, lock, connection, and what may be done about them. */

import { personActions } from '../ui/actions.js';
import { avatar } from '../ui/avatar.js';
import { h, icon, setIcon, setText } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';

/** @typedef {import('./view.js').ConferenceView} View */
/** @typedef {import('../lib/shapes.js').Person} Person */

export class Tile {
  /** @param {Person} person @param {View} view */
  constructor(person, view) {
    this.id = person.id;
    this.view = view;
    this.mine = person.id === view.podium.room?.you;
    this.video = h('video', { class: 'camera', autoplay: true, playsinline: true, aria: { hidden: true }, data: { testid: 'tile-video' } });
    // Sound is played elsewhere (sound.js); a muted picture may start by itself everywhere.
    this.video.muted = true;
    // The initials stay until there is a first frame to show.
    for (const event of ['loadeddata', 'emptied']) this.video.addEventListener(event, () => this.picture());
    this.mic = icon('mic');
    this.lock = icon('lock');
    this.name = h('span', { class: 'truncate' });
    this.quality = h('span', { class: 'quality', hidden: true }, h('i'), h('i'), h('i'));
    this.away = h('div', { class: 'tile-away', hidden: true }, h('span', { class: 'spinner' }), 'Reconnecting…');
    this.menu = h('button', {
      class: 'btn tile-menu', type: 'button', hidden: true, data: { testid: 'tile-menu' }, aria: { haspopup: 'menu', expanded: false },
      on: { click: () => void openPersonMenu(view, this.id, this.menu) },
    }, icon('more', 'icon-sm'));
    this.node = h('article', { class: 'tile', data: { testid: 'tile', person: person.id, mine: this.mine } },
      avatar(person), this.video, this.away,
      h('div', { class: 'tile-corner' }, this.quality, this.menu),
      h('div', { class: 'tile-foot' }, h('span', { class: 'tile-name' }, this.mic, this.lock, this.name)));
  }

  /** @param {Person} person */
  update(person) {
    const { room, media } = this.view.podium;
    const silent = person.muted.includes('audio') || (this.mine ? media.state('audio') !== 'on' : !person.tracks.includes('audio'));
    const dark = person.muted.includes('video') || (this.mine ? media.state('video') !== 'on' : !person.tracks.includes('video'));
    const track = dark ? null : media.track(person.id, 'video');
    show(this.video, track);
    this.picture();
    this.node.dataset.muted = String(silent);
    setText(this.name, this.mine ? `${person.name} (you)` : person.name);
    setIcon(this.mic, silent ? 'mic-off' : 'mic');
    this.mic.classList.toggle('off', silent);
    this.lock.style.display = person.locked.length ? '' : 'none';
    this.away.hidden = !person.away;
    this.menu.hidden = !room?.moderates;
    this.menu.setAttribute('aria-label', `What to do about ${person.name}`);
    const locked = person.locked.length ? ', locked by a moderator' : '';
    const label = `${person.name}, ${silent ? 'microphone off' : 'microphone on'}, ${dark ? 'camera off' : 'camera on'}${locked}${person.away ? ', reconnecting' : ''}`;
    if (this.node.getAttribute('aria-label') !== label) this.node.setAttribute('aria-label', label);
    this.grade();
    this.speaking();
  }

  picture() {
    const seen = this.video.srcObject !== null && this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    this.node.dataset.picture = String(seen);
  }

  grade() {
    const quality = this.view.podium.room?.quality.get(this.id);
    // A good connection needs no sign; a bad one explains a bad picture.
    this.quality.hidden = !quality || quality.grade === 'excellent';
    if (!quality) return;
    this.quality.dataset.grade = quality.grade;
    this.quality.title = `Connection: ${quality.grade}`;
    this.quality.setAttribute('role', 'img');
    this.quality.setAttribute('aria-label', `Connection: ${quality.grade}`);
  }

  speaking() {
    const speaks = (this.view.podium.room?.levels.get(this.id) ?? 0) > 0 && this.node.dataset.muted !== 'true';
    this.node.dataset.speaking = String(speaks);
  }

  close() {
    show(this.video, null);
    this.node.remove();
  }
}

/** Gives a video element a track; the same one again changes nothing, so the picture does not blink. @param {HTMLVideoElement} video @param {MediaStreamTrack | null} track */
export function show(video, track) {
  const shown = /** @type {MediaStream | null} */ (video.srcObject)?.getVideoTracks()[0] ?? null;
  if (shown === track) return;
  video.srcObject = track && new MediaStream([track]);
  if (track) video.play().catch(() => undefined);
}

/** @param {View} view @param {string} id @param {HTMLElement} anchor */
export async function openPersonMenu(view, id, anchor) {
  const { podium } = view;
  const can = await podium.can(id).catch(() => null);
  const person = podium.room?.person(id) ?? view.people.known(id);
  if (!person) return;
  const entries = can ? personActions(podium, person, can) : [];
  openMenu(anchor, entries.length ? entries : [{ head: can ? 'There is nothing you may do here.' : 'The server did not answer.' }], { label: person.name });
}
