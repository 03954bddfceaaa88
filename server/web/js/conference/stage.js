/** The stage: everybody on it as tiles that fill the place, and a shared screen large with the tiles in a strip. */

import { clear, h, icon, setText } from '../ui/dom.js';
import { arrange } from './layout.js';
import { show, Tile } from './tile.js';

/** @typedef {import('../lib/shapes.js').Person} Person */

const GAP = 10;

export class Stage {
  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.root = clear(root);
    this.view = view;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {string | null} whose screen is shown large */
    this.screenOf = null;
    this.grid = h('div', { class: 'stage-grid scroll', data: { testid: 'stage-grid' } });
    this.screen = h('video', { autoplay: true, playsinline: true, data: { testid: 'screen-video' }, aria: { label: 'Shared screen' } });
    this.screen.muted = true;
    this.screenName = h('span', { class: 'truncate' });
    this.others = h('div', { class: 'row row-s' });
    this.large = h('section', { class: 'stage-large', hidden: true, aria: { label: 'Shared screen' }, data: { testid: 'shared-screen' } }, this.screen,
      h('div', { class: 'tile-corner' }, this.others, this.#fullScreenButton()),
      h('div', { class: 'tile-foot' }, h('span', { class: 'tile-name' }, icon('screen'), this.screenName)));
    this.emptyText = h('p', { class: 'hint' });
    this.empty = h('div', { class: 'stage-empty', data: { testid: 'stage-empty' } },
      h('span', { class: 'mark' }, icon('podium')), h('h2', { class: 'subtitle' }, 'The stage is empty'), this.emptyText);
    this.root.append(this.large, this.grid, this.empty);
    this.observer = new ResizeObserver(() => this.#fit());
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
    people.forEach((person, index) => {
      const tile = this.tiles.get(person.id) ?? new Tile(person, this.view);
      this.tiles.set(person.id, tile);
      tile.update(person);
      if (this.grid.children[index] !== tile.node) this.grid.insertBefore(tile.node, this.grid.children[index] ?? null);
    });
    this.#drawScreen(people);
    this.empty.hidden = people.length > 0;
    setText(this.emptyText, this.#invitation());
    this.#fit();
  }

  #invitation() {
    const room = this.view.podium.room;
    if (room?.moderates) return 'Switch your camera or microphone on, or invite somebody from the list of people.';
    if (room?.queuePosition(room.you)) return 'Your hand is up. A moderator will let you on.';
    return this.view.rights.has('stage.request') ? 'Whoever wants to speak raises a hand.' : 'It will begin soon.';
  }

  /** @param {Person[]} people */
  #drawScreen(people) {
    const { media, room } = this.view.podium;
    const sharing = people.filter(({ tracks, muted }) => tracks.includes('screen') && !muted.includes('screen'));
    const former = sharing.find(({ id }) => id === this.screenOf);
    // The newest share takes the place; whoever prefers another one chooses it in the corner.
    const newest = sharing.filter(({ id }) => !this.known.has(id)).at(-1);
    this.known = new Set(sharing.map(({ id }) => id));
    const shown = newest ?? former ?? sharing.at(-1) ?? null;
    this.screenOf = shown?.id ?? null;
    const mine = shown?.id === room?.you;
    show(this.screen, shown && media.track(shown.id, 'screen'));
    this.large.hidden = !shown;
    this.root.dataset.large = String(Boolean(shown));
    if (shown) setText(this.screenName, mine ? 'You are sharing your screen' : `${shown.name}’s screen`);
    clear(this.others).append(...sharing.filter((person) => person !== shown).map((person) =>
      h('button', { class: 'btn btn-sm', type: 'button', on: { click: () => this.#choose(person.id) } }, icon('screen', 'icon-sm'), person.name)));
  }

  /** @type {Set<string>} who shared at the last drawing */
  known = new Set();

  /** @param {string} id */
  #choose(id) {
    this.screenOf = id;
    this.update();
  }

  #fit() {
    const { width, height } = this.root.getBoundingClientRect();
    if (this.root.dataset.large === 'true') {
      this.root.dataset.strip = width > height * 1.25 && width > 720 ? 'beside' : 'below';
      return;
    }
    const { columns, tileWidth, tileHeight, scroll } = arrange(this.tiles.size, width, height, GAP);
    this.grid.dataset.scroll = String(scroll);
    this.grid.style.setProperty('--grid-w', scroll ? '100%' : `${columns * (tileWidth + GAP) - GAP}px`);
    this.grid.style.setProperty('--tile-w', `${tileWidth}px`);
    this.grid.style.setProperty('--tile-h', `${tileHeight}px`);
  }

  speakers() {
    for (const tile of this.tiles.values()) tile.speaking();
    const loudest = [...(this.view.podium.room?.levels ?? [])][0]?.[0];
    // In a strip the one who speaks is brought into view; in a grid everybody is.
    if (loudest && this.root.dataset.large === 'true') this.tiles.get(loudest)?.node.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  quality() {
    for (const tile of this.tiles.values()) tile.grade();
  }

  close() {
    this.observer.disconnect();
    for (const tile of this.tiles.values()) tile.close();
    show(this.screen, null);
    clear(this.root);
  }
}
