/** Slides on the stage: the page that everybody sees, and for those who may, the buttons and keys that turn it. */

import { command } from '../ui/actions.js';
import { h, icon, setText } from '../ui/dom.js';
import { Pages } from './pages.js';

/** @typedef {import('../types.js').Slides} Shown */

// A smaller place is served by the small picture.
const SMALL_PX = 640;

export class SlidesView {
  /** What is in the picture, or on its way there. */ #drawn = '';
  /** Where somebody who presses quickly is going. @type {number | null} */ #going = null;

  /** @param {import('./view.js').ConferenceView} view */
  constructor(view) {
    this.view = view;
    this.pages = new Pages(view.podium.room?.conference ?? '', () => view.door.access.token);
    this.picture = h('img', { class: 'slides-picture', alt: '', data: { testid: 'slides-page' } });
    this.wait = h('span', { class: 'spinner', aria: { hidden: true } });
    this.number = h('span', { class: 'num slides-number', role: 'status', data: { testid: 'slides-number' } });
    this.back = this.#button('Previous page', 'arrow-left', 'slides-back', 'PageUp', () => this.turn(-1));
    this.on = this.#button('Next page', 'arrow-left', 'slides-next', 'PageDown', () => this.turn(1));
    this.on.classList.add('slides-on');
    this.shut = this.#button('Take the slides down', 'x', 'slides-close', undefined, () => this.#close());
    this.tools = h('div', { class: 'slides-tools', role: 'toolbar', aria: { label: 'Slides' } }, this.back, this.number, this.on, this.shut);
    this.node = h('div', { class: 'slides', hidden: true, data: { testid: 'slides' } }, this.picture, this.wait, this.tools);
  }

  /** @param {string} label @param {string} picture @param {string} testid @param {string | undefined} key @param {() => void} run */
  #button(label, picture, testid, key, run) {
    return h('button', { class: 'btn slides-button', type: 'button', title: label, aria: { label, keyshortcuts: key }, data: { testid }, on: { click: run } }, icon(picture, 'icon-sm'));
  }

  /** Those on the stage. @returns {Shown | null} */
  get now() {
    return this.view.podium.room?.entries.slides ?? null;
  }

  /** @param {'slides.page' | 'slides.close'} what */
  #may(what) {
    const { rights, podium } = this.view;
    return rights.has(what) || (this.now?.file.person === podium.room?.you && rights.has(`${what}:own`));
  }

  /** @param {boolean} visible whether they have the large place now */
  update(visible) {
    const { now } = this;
    this.node.hidden = !(visible && now);
    if (!now || !visible) return;
    const { file, page } = now;
    const turns = this.#may('slides.page');
    for (const [button, there] of /** @type {const} */ ([[this.back, page > 1], [this.on, page < (file.pages ?? 0)]])) {
      button.hidden = !turns;
      button.setAttribute('aria-disabled', String(!there));
    }
    this.shut.hidden = !this.#may('slides.close');
    if (this.#going === page) this.#going = null;
    setText(this.number, `${page} / ${file.pages}`);
    void this.#draw(now);
  }

  /** @param {Shown} shown */
  async #draw({ file, page }) {
    const wide = (this.node.clientWidth || innerWidth) * devicePixelRatio;
    const size = wide > SMALL_PX ? 'large' : 'small';
    const wanted = `${file.key}/${page}/${size}`;
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    this.wait.hidden = false;
    try {
      const address = await this.pages.picture(file, page, size);
      if (this.#drawn !== wanted) return;
      this.picture.src = address;
      this.picture.alt = `Page ${page} of ${file.pages} of ${file.label}`;
      this.picture.dataset.page = String(page);
      this.wait.hidden = true;
      for (const near of [page + 1, page - 1]) {
        if (near >= 1 && near <= (file.pages ?? 0)) this.pages.picture(file, near, size).catch(() => undefined);
      }
    } catch {
      if (this.#drawn !== wanted) return;
      this.#drawn = '';
      this.wait.hidden = true;
      this.picture.removeAttribute('src');
      this.picture.alt = `Page ${page} of ${file.label} could not be fetched.`;
    }
  }

  /** @param {number} by pages onwards; negative: back */
  turn(by) {
    if (this.now) this.go((this.#going ?? this.now.page) + by);
  }

  /** @param {number} page */
  go(page) {
    const { now } = this;
    if (!now || !this.#may('slides.page')) return;
    const to = Math.min(Math.max(page, 1), now.file.pages ?? 1);
    if (to === (this.#going ?? now.page)) return;
    this.#going = to;
    void command(this.view.podium, 'slides.page', { file: now.file.number, page: to }).then((done) => {
      if (!done) this.#going = null;
    });
  }

  #close() {
    if (this.now) void command(this.view.podium, 'slides.close', { file: this.now.file.number });
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || !this.now || this.node.hidden) return;
      const target = /** @type {Element} */ (event.target);
      if (target.closest('input, textarea, select, [contenteditable], dialog, [role="menu"]')) return;
      // Arrows move other things elsewhere; a clicker of a speaker sends the two keys for pages.
      const here = target === document.body || target.closest('#stage') !== null;
      const steps = /** @type {Record<string, () => void>} */ ({
        PageDown: () => this.turn(1), PageUp: () => this.turn(-1),
        ...(here ? { ArrowRight: () => this.turn(1), ArrowLeft: () => this.turn(-1), Home: () => this.go(1), End: () => this.go(Infinity) } : {}),
      });
      const step = steps[event.key];
      if (!step || !this.#may('slides.page')) return;
      event.preventDefault();
      step();
    }, { signal });
  }

  close() {
    this.pages.close();
  }
}
