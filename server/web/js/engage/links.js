/** The panel of links: publishing, putting on the stage, removing. */

import { h, icon } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { refusalText, timeWord } from '../ui/words.js';
import { commandButton, mayAbout, nothing, redraw, safeLink } from './pieces.js';

/** @typedef {import('../types.js').Link} Link */

export class Links {
  key = 'links';
  label = 'Links';
  icon = 'link';
  unread = 0;
  #visible = false;

  /** @param {import('./pieces.js').Setting} setting */
  constructor(setting) {
    this.setting = setting;
    this.list = h('ol', { class: 'entries scroll', aria: { label: 'Links' }, data: { testid: 'links' } });
    this.url = h('input', { class: 'input', type: 'url', required: true, maxlength: 2000, placeholder: 'https://', aria: { label: 'Address' }, data: { testid: 'link-url' } });
    this.title = h('input', { class: 'input', type: 'text', required: true, maxlength: 120, placeholder: 'What it is', aria: { label: 'Title' }, data: { testid: 'link-title' } });
    this.form = h('form', { class: 'entry-form', on: { submit: (/** @type {Event} */ event) => void this.#publish(event) } },
      this.title, h('div', { class: 'entry-line' }, this.url, h('button', { class: 'btn btn-primary btn-icon', type: 'submit', aria: { label: 'Publish the link' }, data: { testid: 'link-send' } }, icon('send'))));
    this.node = h('section', { class: 'side-body' }, this.list, this.form);
    setting.lists.addEventListener('change', (event) => {
      if (/** @type {CustomEvent} */ (event).detail === 'link') this.draw();
    });
    this.update();
  }

  /** @param {any} event */
  happened(event) {
    if (event.type !== 'link.published' || event.link.person === this.setting.podium.room?.you || this.#visible) return;
    this.unread += 1;
    this.setting.changed();
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    this.unread = 0;
    this.setting.lists.want('link');
    this.draw();
  }

  update() {
    this.form.hidden = !this.setting.rights().has('link.publish');
    this.draw();
  }

  draw() {
    if (!this.#visible) return;
    const links = [...this.setting.lists.links.values()].reverse();
    redraw(this.list, links.length ? links.map((link) => this.#entry(link)) : [h('li', {}, nothing('link', 'No links yet.'))]);
  }

  /** @param {Link} link */
  #entry(link) {
    const { podium } = this.setting;
    const rights = this.setting.rights();
    const mine = link.person === podium.room?.you;
    const promoted = podium.room?.entries.promoted?.number === link.number;
    const about = link.title;
    const tools = [
      promoted && rights.has('link.promote') ? commandButton(podium, 'link.promote', {}, 'Take down', 'arrow-down', { about, testid: 'link.take_down' }) : null,
      !promoted && mayAbout(rights, 'link.promote', mine) ? commandButton(podium, 'link.promote', { link: link.number }, 'Show', 'podium', { about }) : null,
      h('span', { class: 'grow' }),
      mayAbout(rights, 'link.remove', mine) ? commandButton(podium, 'link.remove', { link: link.number }, 'Remove', 'trash', { kind: 'btn-quiet', about, quiet: true }) : null,
    ];
    return h('li', { class: 'entry', data: { testid: 'link', number: link.number } },
      h('div', { class: 'entry-head' }, safeLink(link.url, link.title, { class: 'entry-link truncate', data: { testid: 'link-open' } }), h('span', { class: 'grow' }),
        promoted ? h('span', { class: 'badge badge-accent', data: { testid: 'link-promoted' } }, icon('podium'), 'On the stage') : null),
      h('p', { class: 'hint truncate' }, link.url),
      h('p', { class: 'hint' }, `${mine ? 'You' : link.name} · ${timeWord(link.time)}`),
      tools.some((tool) => tool instanceof HTMLButtonElement) ? h('div', { class: 'entry-tools-row' }, tools) : null);
  }

  /** @param {Event} event */
  async #publish(event) {
    event.preventDefault();
    const [url, title] = [this.url.value.trim(), this.title.value.trim()];
    try {
      await this.setting.podium.send('link.publish', { url, title });
      this.form.reset();
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
  }
}
