/** One person on the stage: picture or initials, name, microphone, lock, connection, and what may be done about them. */

import { command, personActions } from '../ui/actions.js';
import { avatar } from '../ui/avatar.js';
import { h, icon, setIcon, setText } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';
import { QualityBars } from '../ui/quality.js';

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
    this.quality = new QualityBars();
    this.paused = pausedMark();
    this.away = h('div', { class: 'tile-away', hidden: true }, h('span', { class: 'spinner' }), 'Reconnecting…');
    this.menu = h('button', {
      class: 'btn tile-menu', type: 'button', hidden: true, data: { testid: 'tile-menu' }, aria: { haspopup: 'menu', expanded: false },
      on: { click: () => void openPersonMenu(view, this.id, this.menu) },
    }, icon('more', 'icon-sm'));
    this.node = h('article', { class: 'tile', data: { testid: 'tile', person: person.id, mine: this.mine } },
      avatar(person), this.video, this.away,
      h('div', { class: 'tile-corner' }, this.paused, this.quality.node, this.menu),
      h('div', { class: 'tile-foot' }, h('span', { class: 'tile-name' }, this.mic, this.lock, this.name)));
  }

  /** @param {Person} person */
  update(person) {
    const { room, media } = this.view.podium;
    /** @param {'audio' | 'video'} source */
    const off = (source) => person.muted.includes(source) || (this.mine ? media.state(source) !== 'on' : !person.tracks.includes(source) || (room?.barred(source, person) ?? false));
    const silent = off('audio');
    const dark = off('video');
    const track = dark ? null : media.track(person.id, 'video');
    show(this.video, track);
    this.paused.hidden = dark || !media.paused.has(`${person.id}/video`);
    this.picture();
    this.node.dataset.muted = String(silent);
    setText(this.name, this.mine ? `${person.name} (you)` : person.name);
    setIcon(this.mic, silent ? 'mic-off' : 'mic');
    this.mic.classList.toggle('off', silent);
    this.lock.style.display = person.locked.length ? '' : 'none';
    this.away.hidden = !person.away;
    this.menu.hidden = !(room?.moderates || (this.mine && this.view.rights.has('layout.place')));
    this.menu.setAttribute('aria-label', `What to do about ${person.name}`);
    const locked = person.locked.length ? ', locked by a moderator' : '';
    const label = `${person.name}, ${silent ? 'microphone off' : 'microphone on'}, ${dark ? 'camera off' : 'camera on'}${locked}${this.paused.hidden ? '' : ', picture paused, your network is slow'}${person.away ? ', reconnecting' : ''}`;
    if (this.node.getAttribute('aria-label') !== label) this.node.setAttribute('aria-label', label);
    this.grade();
    this.speaking();
  }

  picture() {
    const seen = this.video.srcObject !== null && this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    // The last picture would look as if somebody stood still.
    this.node.dataset.picture = String(seen && this.paused.hidden);
  }

  grade() {
    const { room } = this.view.podium;
    this.quality.show(room?.quality.get(this.id), room?.name(this.id) ?? '');
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

/** Says why a picture stands still: this computer's network does not take it. */
export const pausedMark = () =>
  h('span', { class: 'tile-mark', hidden: true, title: 'Your network is too slow for this picture now', data: { testid: 'picture-paused' } },
    icon('wifi-off'), h('span', {}, 'Paused'));

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
  if (can?.commands.has('chat.send:private')) entries.unshift({ label: 'Write to them alone', icon: 'chat', testid: 'do-chat.private', run: () => view.writeTo(id) }, ...(entries.length ? [/** @type {const} */ ('-')] : []));
  const tile = view.stage.tiles.get(id);
  if (tile && can?.commands.has('layout.place')) {
    const placed = id in (podium.room?.layout.tiles ?? {});
    entries.push(...(entries.length ? [/** @type {const} */ ('-')] : []),
      { label: 'Place the tile', icon: 'grip', testid: 'do-layout.place', run: () => view.stage.placing.begin(tile) },
      ...(placed ? [{ label: 'Back into the layout', icon: 'refresh', testid: 'do-layout.back', run: () => void command(podium, 'layout.place', id === podium.room?.you ? {} : { target: id }) }] : []));
  }
  openMenu(anchor, entries.length ? entries : [{ head: can ? 'There is nothing you may do here.' : 'The server did not answer.' }], { label: person.name });
}
