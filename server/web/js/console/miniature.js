// The stage in small, as the layout arranges it for everybody: names instead of pictures, and tiles that can be placed.

import { GAP, SCREEN, inPercent, layOut } from '../conference/layout.js';
import { Placing, put } from '../conference/placing.js';
import { sharesOf } from '../conference/shares.js';
import { avatar } from '../ui/avatar.js';
import { h, icon, setIcon, setText } from '../ui/dom.js';
import { give } from './commands.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */
/** @typedef {import('../conference/layout.js').Rect} Rect */
/** @typedef {{id: string, node: HTMLElement}} Tile */

// Laid out as on a screen of this size and then drawn smaller: layouts arrange a small stage otherwise than a large one.
const SCREEN_PX = { width: 1280, height: 720 };

export class Miniature {
  /** @type {Map<string, Tile>} by identity, in no order */
  tiles = new Map();
  /** @type {string[]} who is on the stage and left out by the layout */
  leftOut = [];
  /** @type {string | null} who spoke when the room last changed: tiles do not move under the hand with every word */
  #speaker = null;

  /**
   * @param {Podium} podium
   * @param {Permissions} permissions
   * @param {string} described the id of what says how tiles are placed
   */
  constructor(podium, permissions, described) {
    this.podium = podium;
    this.permissions = permissions;
    this.described = described;
    this.placing = new Placing(this);
    this.sharing = icon('screen');
    this.shared = h('span', { class: 'truncate' });
    this.screen = h(
      'div',
      { class: 'tile miniature-screen', hidden: true, data: { testid: 'miniature-screen' } },
      this.sharing,
      this.shared,
    );
    this.empty = h('p', { class: 'hint miniature-empty' }, 'Nobody is on the stage.');
    this.node = h(
      'div',
      { class: 'miniature', role: 'group', tabindex: -1, 'aria-label': 'The stage', data: { testid: 'miniature' } },
      this.empty,
      this.screen,
    );
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.node);
  }

  /** The place there is, in px. */
  get size() {
    const { clientWidth: width, clientHeight: height } = this.node;
    return { width, height };
  }

  /** @param {string} id */
  free(id) {
    return this.permissions.allows(id, 'layout.place');
  }

  /** @param {string} id @param {import('../types.js').Tile} tile */
  place(id, tile) {
    const name = this.podium.room?.name(id);
    return give(this.podium, 'layout.place', { tile, target: id }, `${name} is placed by hand.`);
  }

  /** To somebody's tile; whom the layout leaves out has none. @param {string} id */
  focus(id) {
    const node = this.tiles.get(id)?.node;
    (node && !node.hidden ? node : this.node).focus();
  }

  /** The room, or what one may do, has changed. */
  update() {
    const { room } = this.podium;
    if (!room) return;
    const people = room.stage.map((id) => room.person(id)).filter((person) => person !== null);
    for (const [id, { node }] of this.tiles) {
      if (people.some((person) => person.id === id)) continue;
      node.remove();
      this.tiles.delete(id);
    }
    for (const person of people) {
      const { node } = this.tiles.get(person.id) ?? this.#add(person);
      const free = this.free(person.id);
      const placed = person.id in room.layout.tiles;
      node.tabIndex = free ? 0 : -1;
      node.dataset.free = String(free);
      node.dataset.placed = String(placed);
      node.setAttribute('aria-label', `${person.name}, ${placed ? 'placed by hand' : 'in the arrangement'}`);
    }
    const share = sharesOf(room).at(-1);
    setIcon(this.sharing, share?.slides ? 'image' : 'screen');
    setText(this.shared, share ? (share.slides ? share.name : `${share.name}’s screen`) : '');
    this.empty.hidden = people.length > 0 || share !== undefined;
    this.#speaker = [...room.levels.keys()].find((id) => this.tiles.has(id)) ?? this.#speaker;
    this.placing.update();
    this.fit();
  }

  /** @param {{id: string, name: string}} person @returns {Tile} */
  #add(person) {
    const node = h(
      'div',
      { class: 'tile', role: 'group', title: person.name, 'aria-describedby': this.described, data: { testid: 'miniature-tile', person: person.id } },
      avatar(person),
      h('div', { class: 'tile-foot' }, h('span', { class: 'tile-name' }, h('span', { class: 'truncate' }, person.name))),
      h('span', { class: 'placing-size', 'aria-hidden': 'true' }, icon('expand', 'icon-sm')),
    );
    const tile = { id: person.id, node };
    node.addEventListener('pointerdown', (event) => this.placing.grab(event, tile));
    node.addEventListener('keydown', (event) => this.#press(event, tile));
    this.node.append(node);
    this.tiles.set(tile.id, tile);
    return tile;
  }

  /** A tile that one has come to by keyboard is taken by Enter, or by the first arrow. @param {KeyboardEvent} event @param {Tile} tile */
  #press(event, tile) {
    const arrow = event.key.startsWith('Arrow');
    if (event.target !== tile.node || !(arrow || event.key === 'Enter') || !this.free(tile.id)) return;
    event.preventDefault();
    this.placing.begin(tile);
    if (arrow) this.placing.key(event);
  }

  /** Every tile to its place; while one is being placed the others stand as they will. */
  fit() {
    const { room } = this.podium;
    const { size } = this;
    if (!room || !size.width) return;
    const people = room.stage.filter((id) => this.tiles.has(id));
    const tiles = { ...room.layout.tiles };
    for (const id of people) {
      const rect = this.placing.rectOf(id);
      if (rect) tiles[id] = inPercent(rect, size);
    }
    const speaker = this.#speaker && people.includes(this.#speaker) ? this.#speaker : (people[0] ?? null);
    const screen = sharesOf(room).length > 0;
    const { rects, large } = layOut({ layout: { ...room.layout, tiles }, people, screen, speaker, ...SCREEN_PX, gap: GAP });
    const scale = size.width / SCREEN_PX.width;
    put(this.screen, scaled(rects.get(SCREEN), scale));
    for (const [id, { node }] of this.tiles) {
      put(node, this.placing.rectOf(id) ?? scaled(rects.get(id), scale));
      node.dataset.over = String(room.layout.kind === 'picture_in_picture' && id !== large);
    }
    this.leftOut = people.filter((id) => !rects.has(id));
  }

  close() {
    this.observer.disconnect();
  }
}

/** @param {Rect | undefined} rect @param {number} scale @returns {Rect | undefined} */
const scaled = (rect, scale) =>
  rect && { x: rect.x * scale, y: rect.y * scale, width: rect.width * scale, height: rect.height * scale };
