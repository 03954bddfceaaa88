/** A menu beside a button: arrow keys, Home, End, Escape and a letter move as people know it. */

import { h, icon } from './dom.js';

/** @typedef {{label: string, icon?: string, danger?: boolean, disabled?: boolean, checked?: boolean, hint?: string, testid?: string, run: () => void}} Item */
/** @typedef {Item | '-' | {head: string}} Entry */

// Between a menu and its button, and to the edge of the window.
const GAP = 6;
const EDGE = 8;

/** @type {(() => void) | null} */
let closeOpen = null;

/**
 * @param {HTMLElement} anchor the button it belongs to
 * @param {Entry[]} entries
 * @param {{label?: string}} [options]
 * @returns {() => void} closes it
 */
export function openMenu(anchor, entries, { label = anchor.getAttribute('aria-label') ?? 'Menu' } = {}) {
  closeOpen?.();
  const node = h('div', { class: 'menu', role: 'menu', popover: 'manual', aria: { label }, data: { testid: 'menu' } }, entries.map(entry));
  const items = [...node.querySelectorAll('button')].filter((button) => !button.disabled);
  const close = (back = false) => {
    if (closeOpen !== close) return;
    closeOpen = null;
    node.remove();
    anchor.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    window.removeEventListener('resize', away);
    if (back) anchor.focus();
  };
  const outside = (/** @type {Event} */ event) => {
    if (!node.contains(/** @type {Node} */ (event.target))) close();
  };
  const away = () => close();
  node.addEventListener('click', (event) => {
    // The second click of two, whose first opened this menu or the one before it, was meant for the button.
    if (event.detail > 1) {
      event.stopPropagation();
      return;
    }
    if (/** @type {Element} */ (event.target).closest('button')) close(true);
  }, true);
  node.addEventListener('keydown', (event) => {
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = move(event.key, at, items.length) ?? letter(event.key, at, items);
    if (to !== null) items[to]?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') close(true);
    else if (event.key !== 'Enter' && event.key !== ' ') return;
    event.stopPropagation();
    if (event.key !== 'Enter' && event.key !== ' ') event.preventDefault();
  });
  // Inside an open modal dialog everything else is inert, so the menu goes there.
  (anchor.closest('dialog') ?? document.body).append(node);
  node.showPopover();
  place(node, anchor);
  anchor.setAttribute('aria-haspopup', 'menu');
  anchor.setAttribute('aria-expanded', 'true');
  closeOpen = close;
  document.addEventListener('pointerdown', outside, true);
  window.addEventListener('resize', away);
  items[0]?.focus();
  return close;
}

/** @param {Entry} item */
function entry(item) {
  if (item === '-') return h('div', { class: 'menu-sep', role: 'separator' });
  if ('head' in item) return h('div', { class: 'menu-head' }, item.head);
  const role = item.checked === undefined ? 'menuitem' : 'menuitemradio';
  return h('button', {
    class: `menu-item ${item.danger ? 'menu-item-danger' : ''}`.trim(),
    type: 'button',
    role,
    tabindex: -1,
    disabled: item.disabled,
    aria: { checked: item.checked },
    data: { testid: item.testid },
    on: { click: item.run },
  }, item.icon ? icon(item.icon) : null, h('span', { class: 'grow' }, item.label), item.hint ? h('span', { class: 'hint' }, item.hint) : null,
  item.checked ? icon('check') : null);
}

/** @param {string} key @param {number} at @param {number} count @returns {number | null} */
function move(key, at, count) {
  if (key === 'ArrowDown') return (at + 1) % count;
  if (key === 'ArrowUp') return (at - 1 + count) % count;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  return null;
}

/** @param {string} key @param {number} at @param {HTMLButtonElement[]} items @returns {number | null} the next item beginning with it */
function letter(key, at, items) {
  if (key.length !== 1 || key === ' ') return null;
  for (let step = 1; step <= items.length; step += 1) {
    const index = (at + step) % items.length;
    if (items[index].textContent?.trim().toLowerCase().startsWith(key.toLowerCase())) return index;
  }
  return null;
}

/**
 * Below the anchor where there is room, else above, else beside it, else on the roomier side as high as that is; never over it:
 * whoever clicks there twice would carry out what lies under the pointer. Inside the window always.
 * @param {HTMLElement} node @param {HTMLElement} anchor
 */
function place(node, anchor) {
  const at = anchor.getBoundingClientRect();
  const { width, height } = node.getBoundingClientRect();
  const below = innerHeight - at.bottom - GAP - EDGE;
  const above = at.top - GAP - EDGE;
  let left = Math.max(EDGE, Math.min(at.right - width, innerWidth - width - EDGE));
  let top = at.bottom + GAP;
  if (height > below && height <= above) top = at.top - GAP - height;
  else if (height > below) {
    const before = at.left - GAP - width;
    const after = at.right + GAP;
    if (before >= EDGE || after + width <= innerWidth - EDGE) {
      left = before >= EDGE ? before : after;
      top = Math.max(EDGE, Math.min(at.top, innerHeight - height - EDGE));
    } else {
      if (above > below) top = EDGE;
      node.style.maxHeight = `${Math.max(above, below)}px`;
    }
  }
  node.style.left = `${left}px`;
  node.style.top = `${top}px`;
}
