/** A panel of parts that are tabs: an icon each, with its word where it is chosen. Beside the stage it can be closed, and covers the page on a phone. */

import { clear, h, icon } from './dom.js';

/** @typedef {{key: string, label: string, icon: string, node: HTMLElement, shown: (yes: boolean) => void}} Part */

export class SidePanel {
  /** @param {HTMLElement} root @param {Part[]} parts @param {() => void} changed @param {{closable?: boolean}} [options] */
  constructor(root, parts, changed, { closable = true } = {}) {
    this.root = root;
    this.parts = parts;
    this.changed = changed;
    /** @type {string | null} */
    this.shown = null;
    /** @type {Map<string, number>} */
    this.counts = new Map();
    /** @type {Map<string, {tab: HTMLButtonElement, count: HTMLElement}>} */
    this.tabs = new Map();
    const list = h('div', { class: 'tabs', role: 'tablist', aria: { label: 'Side panel' }, on: { keydown: (/** @type {KeyboardEvent} */ event) => this.#keys(event) } });
    for (const part of parts) {
      const count = h('span', { class: 'count', hidden: true });
      const tab = h('button', {
        class: 'tab', type: 'button', role: 'tab', id: `tab-${part.key}`, title: part.label, aria: { controls: `panel-${part.key}` },
        data: { testid: `tab-${part.key}` }, on: { click: () => this.show(part.key) },
      }, icon(part.icon), h('span', { class: 'tab-word' }, part.label), count);
      this.tabs.set(part.key, { tab, count });
      list.append(tab);
      part.node.id = `panel-${part.key}`;
      part.node.setAttribute('role', 'tabpanel');
      part.node.setAttribute('aria-labelledby', `tab-${part.key}`);
    }
    const close = closable && h('button', { class: 'btn btn-icon btn-quiet', type: 'button', aria: { label: 'Close the side panel' }, data: { testid: 'side-close' }, on: { click: () => this.hide() } }, icon('x'));
    clear(root).append(h('div', { class: 'panel' }, h('div', { class: 'side-head' }, list, close), parts.map(({ node }) => node)));
    root.addEventListener('keydown', (event) => {
      if (closable && event.key === 'Escape') this.hide();
    });
    root.hidden = true;
  }

  /** @param {string} key */
  show(key) {
    this.shown = key;
    this.root.hidden = false;
    for (const part of this.parts) {
      const selected = part.key === key;
      part.node.hidden = !selected;
      const tab = this.tabs.get(part.key)?.tab;
      tab?.setAttribute('aria-selected', String(selected));
      if (tab) tab.tabIndex = selected ? 0 : -1;
      part.shown(selected);
    }
    this.changed();
  }

  hide() {
    this.shown = null;
    this.root.hidden = true;
    for (const part of this.parts) part.shown(false);
    this.changed();
  }

  /** @param {string} key */
  toggle(key) {
    if (this.shown === key) this.hide();
    else this.show(key);
  }

  /** @param {string} key @param {number} count */
  badge(key, count) {
    this.counts.set(key, count);
    const badge = this.tabs.get(key)?.count;
    if (!badge) return;
    badge.hidden = count === 0;
    badge.textContent = count > 99 ? '99+' : String(count);
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
    const keys = this.parts.map(({ key }) => key);
    const step = event.key === 'ArrowRight' ? 1 : keys.length - 1;
    const next = keys[(keys.indexOf(this.shown ?? '') + step) % keys.length];
    this.show(next);
    this.tabs.get(next)?.tab.focus();
  }

  close() {
    this.root.hidden = true;
    clear(this.root);
  }
}
