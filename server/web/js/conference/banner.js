/** One line under the head when something is wrong with the way to the server, and gone when it is right again. */

import { clear, h, icon } from '../ui/dom.js';

// Shorter breaks than this are over before a sentence about them is read.
const QUIET_MS = 1_200;

export class Banner {
  #timer = 0;
  #broken = false;
  /** @type {Set<string>} connections that media does not get through */
  #blocked = new Set();

  /** @param {HTMLElement} root @param {import('../podium.js').Podium} podium */
  constructor(root, podium) {
    this.root = clear(root);
    this.podium = podium;
    for (const [name, path] of Object.entries({ publish: podium.media.publisher, subscribe: podium.media.subscriber })) {
      path.addEventListener('state', (event) => this.#path(name, /** @type {CustomEvent} */ (event).detail.state));
    }
  }

  /** @param {{state: string}} detail */
  connection({ state }) {
    clearTimeout(this.#timer);
    if (state === 'open' || state === 'closed') {
      this.#broken = false;
      this.#draw();
    } else if (!this.#broken) {
      this.#timer = window.setTimeout(() => {
        this.#broken = true;
        this.#draw();
      }, QUIET_MS);
    }
  }

  /** @param {string} name @param {string} state */
  #path(name, state) {
    if (state === 'failed') this.#blocked.add(name);
    else if (state === 'connected' || state === 'closed') this.#blocked.delete(name);
    this.#draw();
  }

  #draw() {
    clear(this.root);
    if (this.#broken) {
      this.root.append(h('div', { class: 'banner banner-warn', data: { testid: 'reconnecting' } },
        h('span', { class: 'spinner' }), 'The connection is interrupted. Reconnecting…'));
    } else if (this.#blocked.size) {
      this.root.append(h('div', { class: 'banner banner-danger', data: { testid: 'media-blocked' } }, icon('wifi-off'),
        'Sound and picture do not get through. A firewall may block UDP on this network; trying again.'));
    }
  }

  close() {
    clearTimeout(this.#timer);
    clear(this.root);
  }
}
