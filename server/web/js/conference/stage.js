/**
 * The stage as everybody sees it: the people on it and a shared screen or slides, laid out as the conference says (layout.js).
 * What moves is placed by position alone: a picture that is taken out of the page and put back would blink.
 */

import { command } from '../ui/actions.js';
import { clear, h, icon, setIcon, setText } from '../ui/dom.js';
import { plural } from '../ui/words.js';
import { GAP, SCREEN, layOut } from './layout.js';
import { Placing, put } from './placing.js';
import { sharesOf } from './shares.js';
import { SlidesView } from './slides.js';
import { pausedMark, show, Tile } from './tile.js';

// Who coughs is not large at once.
const SPEAKS_MS = 1_200;

export class Stage {
  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.root = clear(root);
    this.view = view;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {string | null} whose screen is shown, or which slides */
    this.screenOf = null;
    /** @type {string | null} who speaks, or spoke last */
    this.speaker = null;
    this.placing = new Placing(this);
    this.grid = h('div', { class: 'stage-grid scroll', data: { testid: 'stage-grid' } });
    this.screen = h('video', { autoplay: true, playsinline: true, data: { testid: 'screen-video' }, aria: { label: 'Shared screen' } });
    this.screen.muted = true;
    this.screenName = h('span', { class: 'truncate' });
    this.screenPaused = pausedMark();
    this.slides = new SlidesView(view);
    this.screenMark = icon('screen');
    this.others = h('div', { class: 'row row-s' });
    this.large = h('section', { class: 'stage-large', hidden: true, aria: { label: 'Shared screen' }, data: { testid: 'shared-screen' } }, this.screen, this.slides.node,
      h('div', { class: 'tile-corner' }, this.screenPaused, this.others, this.#fullScreenButton()),
      h('div', { class: 'tile-foot' }, h('span', { class: 'tile-name' }, this.screenMark, this.screenName)));
    this.emptyText = h('p', { class: 'hint' });
    this.empty = h('div', { class: 'stage-empty', data: { testid: 'stage-empty' } },
      h('span', { class: 'mark' }, icon('podium')), h('h2', { class: 'subtitle' }, 'The stage is empty'), this.emptyText);
    this.more = h('span', { class: 'stage-more badge num', hidden: true, data: { testid: 'stage-more' } });
    this.grid.append(this.large);
    this.root.append(this.grid, this.more, this.empty);
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.root);
  }

  #fullScreenButton() {
    const toggle = () => void (document.fullscreenElement ? document.exitFullscreen() : this.large.requestFullscreen()).catch(() => undefined);
    return h('button', { class: 'btn tile-menu', type: 'button', aria: { label: 'Full screen' }, on: { click: toggle } }, icon('expand', 'icon-sm'));
  }

  update() {
    const room = this.view.podium.room;
    if (!room) return;
    const people = room.stage.map((id) => room.person(id)).filter((person) => person !== null);
    for (const [id, tile] of this.tiles) {
      if (room.onStage(id)) continue;
      tile.close();
      this.tiles.delete(id);
    }
    for (const person of people) {
      const tile = this.tiles.get(person.id) ?? this.#added(new Tile(person, this.view));
      tile.update(person);
    }
    const slides = this.#drawScreen();
    this.empty.hidden = people.length > 0 || this.screenOf !== null;
    setText(this.emptyText, this.#invitation());
    this.placing.update();
    this.fit();
    // The place they have now says how large a picture they need.
    this.slides.update(slides);
  }

  /** @param {Tile} tile */
  #added(tile) {
    this.tiles.set(tile.id, tile);
    this.grid.append(tile.node);
    tile.node.addEventListener('pointerdown', (event) => this.placing.grab(event, tile));
    return tile;
  }

  #invitation() {
    const room = this.view.podium.room;
    if (room?.moderates) return 'Switch your camera or microphone on, or invite somebody from the list of people.';
    if (room?.queuePosition(room.you)) return 'Your hand is up. A moderator will let you on.';
    return this.view.rights.has('stage.request') ? 'Whoever wants to speak raises a hand.' : 'It will begin soon.';
  }

  /** @returns {boolean} whether slides are shown, and no screen */
  #drawScreen() {
    const { media, room } = this.view.podium;
    const all = room ? sharesOf(room) : [];
    const former = all.find(({ id }) => id === this.screenOf);
    // The newest share takes the place; whoever prefers another one chooses it in the corner.
    const newest = all.filter(({ id }) => !this.known.has(id)).at(-1);
    this.known = new Set(all.map(({ id }) => id));
    const shown = newest ?? former ?? all.at(-1) ?? null;
    this.screenOf = shown?.id ?? null;
    const isSlides = shown?.slides ?? false;
    const mine = shown?.id === room?.you;
    this.screen.hidden = isSlides;
    this.large.dataset.slides = String(isSlides);
    this.large.setAttribute('aria-label', isSlides ? 'Slides' : 'Shared screen');
    show(this.screen, shown && !isSlides ? media.track(shown.id, 'screen') : null);
    this.screenPaused.hidden = !shown || !media.paused.has(`${shown.id}/screen`);
    setIcon(this.screenMark, isSlides ? 'image' : 'screen');
    if (shown) setText(this.screenName, isSlides ? shown.name : mine ? 'You are sharing your screen' : `${shown.name}’s screen`);
    clear(this.others).append(...all.filter((one) => one !== shown).map((one) =>
      h('button', { class: 'btn btn-sm', type: 'button', on: { click: () => this.#choose(one.id) } }, icon(one.slides ? 'image' : 'screen', 'icon-sm'), one.name)));
    return isSlides;
  }

  /** @type {Set<string>} who shared at the last drawing */
  known = new Set();

  /** @param {string} id */
  #choose(id) {
    this.screenOf = id;
    this.update();
  }

  /** The place there is, in px. */
  get size() {
    const { clientWidth: width, clientHeight: height } = this.root;
    return { width, height };
  }

  /** One's own tile is dragged away as it is; on a phone that would scroll. @param {string} id @param {PointerEvent} event */
  free(id, event) {
    return id === this.view.podium.room?.you && event.pointerType === 'mouse' && this.view.rights.has('layout.place');
  }

  /** @param {string} id @param {import('../types.js').Tile} tile */
  place(id, tile) {
    const { podium } = this.view;
    return command(podium, 'layout.place', { tile, ...(id === podium.room?.you ? {} : { target: id }) });
  }

  /** @param {string} id */
  focus(id) {
    this.tiles.get(id)?.menu.focus();
  }

  /** Every tile to its place. */
  fit() {
    const room = this.view.podium.room;
    if (!room) return;
    const people = room.stage.filter((id) => this.tiles.has(id));
    const speaker = this.speaker && people.includes(this.speaker) ? this.speaker : people.find((id) => id !== room.you) ?? null;
    const { rects, large, hidden, scroll } = layOut({ layout: room.layout, people, screen: this.screenOf !== null, speaker, ...this.size, gap: GAP });
    this.root.dataset.layout = room.layout.kind;
    this.grid.dataset.scroll = String(scroll);
    this.more.hidden = hidden === 0;
    setText(this.more, `and ${plural(hidden, 'other')}`);
    put(this.large, rects.get(SCREEN));
    for (const [id, { node }] of this.tiles) {
      put(node, this.placing.rectOf(id) ?? rects.get(id));
      node.dataset.large = String(id === large);
      node.dataset.placed = String(id in room.layout.tiles || this.placing.rectOf(id) !== null);
      node.dataset.over = String(room.layout.kind === 'picture_in_picture' && id !== large);
    }
  }

  /** @type {{id: string, since: number}} who began to speak, and when */
  #begun = { id: '', since: 0 };

  speakers() {
    for (const tile of this.tiles.values()) tile.speaking();
    const { room } = this.view.podium;
    // One does not look at oneself while one speaks.
    const loudest = [...(room?.levels.keys() ?? [])].find((id) => this.tiles.has(id) && id !== room?.you);
    if (!loudest || loudest === this.speaker) return;
    const now = performance.now();
    if (this.#begun.id !== loudest) {
      this.#begun = { id: loudest, since: now };
      // Nothing may be said of levels that stay as they are.
      if (this.speaker) window.setTimeout(() => this.speakers(), SPEAKS_MS + 10);
    }
    if (this.speaker && now - this.#begun.since < SPEAKS_MS) return;
    this.speaker = loudest;
    this.fit();
  }

  quality() {
    for (const tile of this.tiles.values()) tile.grade();
  }

  close() {
    this.observer.disconnect();
    this.placing.close();
    this.slides.close();
    for (const tile of this.tiles.values()) tile.close();
    show(this.screen, null);
    clear(this.root);
  }
}
