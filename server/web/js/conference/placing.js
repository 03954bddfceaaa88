/**
 * Placing a tile by hand: dragged with the mouse, or begun from its menu, then with the pointer or the arrow keys.
 * Everybody sees the tile where it is let go; until then it moves on this page alone. The tiles stand on the stage
 * itself, or on a small picture of it (console/miniature.js).
 */

import { h, icon } from '../ui/dom.js';
import { dragged, inPercent, stepped, within } from './layout.js';

/** @typedef {import('./layout.js').Rect} Rect */
/** @typedef {{id: string, node: HTMLElement}} Placeable a tile, whose node stands on the ground */

/**
 * What tiles are placed on.
 * @typedef {object} Ground
 * @property {Map<string, Placeable>} tiles by identity
 * @property {{width: number, height: number}} size in px
 * @property {(id: string, event: PointerEvent) => boolean} free whether the drag alone takes a tile
 * @property {() => void} fit every tile to its place, the one that is being placed where `rectOf` says
 * @property {(id: string, tile: import('../types.js').Tile) => Promise<unknown>} place for everybody; a refusal is shown
 * @property {(id: string) => void} focus goes back to somebody's tile
 */

// A hand that trembles has not dragged.
const DRAGGED_PX = 8;

export class Placing {
  /** @type {{tile: Placeable, rect: Rect, bar: HTMLElement} | null} */ #now = null;

  /** @param {Ground} ground */
  constructor(ground) {
    this.ground = ground;
  }

  /** Where a tile that is being placed stands now; null for any other. @param {string} id @returns {Rect | null} */
  rectOf(id) {
    return this.#now?.tile.id === id ? this.#now.rect : null;
  }

  /** The room has changed: whoever left the stage has no tile. */
  update() {
    if (this.#now && !this.ground.tiles.has(this.#now.tile.id)) this.close();
  }

  /** Begins with a bar of what may be done, and the keyboard. @param {Placeable} tile */
  begin(tile) {
    this.#take(tile);
    this.#now?.bar.focus();
  }

  /** A press on a tile; it is taken once it is dragged. @param {PointerEvent} event @param {Placeable} tile */
  grab(event, tile) {
    const placing = this.#now?.tile === tile;
    if (event.button !== 0 || !(placing || this.ground.free(tile.id, event)) || /** @type {Element} */ (event.target).closest('button')) return;
    const sizes = Boolean(/** @type {Element} */ (event.target).closest('.placing-size'));
    const { clientX, clientY } = event;
    let from = placing ? this.rectOf(tile.id) : null;
    const gesture = new AbortController();
    const { signal } = gesture;
    const move = (/** @type {PointerEvent} */ now) => {
      const [x, y] = [now.clientX - clientX, now.clientY - clientY];
      if (!from && Math.hypot(x, y) < DRAGGED_PX) return;
      from ??= this.#take(tile, sizes);
      now.preventDefault();
      this.#to(dragged(from, x, y, sizes));
    };
    const up = () => {
      gesture.abort();
      // Taken by a drag alone it is let go with it; from the menu it goes on until it is kept.
      if (from && !placing) this.#keep();
    };
    window.addEventListener('pointermove', move, { signal });
    window.addEventListener('pointerup', up, { signal });
    window.addEventListener('pointercancel', () => gesture.abort(), { signal });
  }

  /** @param {Placeable} tile @param {boolean} [sizes] @returns {Rect} where it stands */
  #take(tile, sizes = false) {
    this.close();
    const { width: wide, height: high } = this.ground.size;
    const stands = placeOf(tile.node);
    // What fills the stage cannot be moved, and what the layout leaves out stands nowhere: a part of the middle can be.
    const middle = !stands || (!sizes && (stands.width > wide * 0.7 || stands.height > high * 0.9));
    const rect = middle ? { x: Math.round(wide * 0.3), y: Math.round(high * 0.3), width: Math.round(wide * 0.4), height: Math.round(high * 0.4) } : stands;
    const bar = h('div', {
      class: 'placing', tabindex: 0, role: 'group', data: { testid: 'placing' },
      aria: { label: 'Placing the tile. Arrow keys move it, with Shift they size it; Enter keeps it, Escape leaves it as it was.' },
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.key(event) },
    },
    h('div', { class: 'row row-s placing-bar' },
      this.#button('Keep', 'check', 'btn-primary', 'placing-keep', () => this.#keep()),
      this.#button('Cancel', 'x', '', 'placing-cancel', () => this.close())),
    h('span', { class: 'placing-size', aria: { hidden: true } }, icon('expand', 'icon-sm')));
    tile.node.append(bar);
    this.#now = { tile, rect, bar };
    this.ground.fit();
    return rect;
  }

  /** @param {string} label @param {string} picture @param {string} look @param {string} testid @param {() => void} run */
  #button(label, picture, look, testid, run) {
    return h('button', { class: `btn btn-sm btn-icon ${look}`, type: 'button', aria: { label }, title: label, data: { testid }, on: { click: run } }, icon(picture, 'icon-sm'));
  }

  /** @param {Rect} wanted */
  #to(wanted) {
    if (!this.#now) return;
    this.#now.rect = within(wanted, this.ground.size);
    this.ground.fit();
  }

  /** A key, while a tile is being placed. @param {KeyboardEvent} event */
  key(event) {
    const now = this.#now;
    const onButton = /** @type {Element} */ (event.target).closest('button') !== null;
    if (!now || (onButton && event.key !== 'Escape')) return;
    const rect = stepped(now.rect, event.key, event.shiftKey, this.ground.size);
    if (rect) this.#to(rect);
    else if (event.key === 'Enter') this.#keep();
    else if (event.key === 'Escape') this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #keep() {
    const now = this.#now;
    if (!now) return;
    // It stays where it is until the room says so, or refuses.
    void this.ground.place(now.tile.id, inPercent(now.rect, this.ground.size)).finally(() => this.#now === now && this.close());
  }

  close() {
    const now = this.#now;
    this.#now = null;
    if (!now) return;
    const focused = now.bar.contains(document.activeElement);
    now.bar.remove();
    this.ground.fit();
    if (focused) this.ground.focus(now.tile.id);
  }
}

/** @param {HTMLElement} node @param {Rect | undefined} rect none: it is not shown */
export function put(node, rect) {
  node.hidden = rect === undefined;
  if (!rect) return;
  node.style.left = `${rect.x}px`;
  node.style.top = `${rect.y}px`;
  node.style.width = `${rect.width}px`;
  node.style.height = `${rect.height}px`;
}

/** Where it was put, also while it is still on its way there. @param {HTMLElement} node @returns {Rect | null} */
function placeOf({ hidden, style }) {
  const [x, y, width, height] = [style.left, style.top, style.width, style.height].map(parseFloat);
  return hidden ? null : { x, y, width, height };
}
