// The guest links of a conference: what each is for, who has come by it, and taking it back.

import { api, everything } from './api.js';
import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { plural, refusalText, roleWord } from './words.js';

/**
 * @typedef {{
 *   id: string, role: string, label: string, made_by: string, made_by_name: string, created: number,
 *   expires: number, uses: number, max_uses: number | null, revoked: number | null,
 * }} Link as `GuestLinkShown` of the API: `expires` is in seconds
 */

// So many are seen at once; a conference may have a thousand.
const FIRST = 20;
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

export class LinkList {
  #rows = h('ul', { class: 'invite-links', data: { testid: 'invite-links' } });
  #problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'invite-links-error' } });
  #all = h('button', { class: 'btn btn-sm', type: 'button', hidden: true, on: { click: () => this.#showAll() } });
  /** @type {Link[]} */ #links = [];
  #shown = FIRST;

  /** @param {{ token: string, conference: string, you: string }} where */
  constructor({ token, conference, you }) {
    this.token = token;
    this.you = you;
    this.path = `/conferences/${encodeURIComponent(conference)}/invitations`;
    this.root = h(
      'section',
      { class: 'group stack stack-s', hidden: true, 'aria-labelledby': 'invite-links-title' },
      h('h3', { id: 'invite-links-title', class: 'label', tabindex: '-1' }, 'Links there are'),
      this.#rows,
      h('div', {}, this.#all),
      this.#problem,
    );
  }

  /** Rejects with `PodiumError`, as when one may not see them. */
  async read() {
    const { invitations } = await everything((query) => api('GET', `${this.path}?${query}`, { token: this.token }), 'invitations');
    const now = Date.now() / 1000;
    this.#links = invitations.filter((/** @type {Link} */ link) => link.expires > now);
    this.#draw();
  }

  #showAll() {
    this.#shown = this.#links.length;
    this.#draw();
  }

  #draw() {
    this.root.hidden = this.#links.length === 0;
    this.#rows.replaceChildren(...this.#links.slice(0, this.#shown).map((link) => this.#row(link)));
    this.#all.hidden = this.#links.length <= this.#shown;
    this.#all.textContent = `Show all ${this.#links.length}`;
  }

  /** @param {Link} link */
  #row(link) {
    const { label, role, revoked } = link;
    const name = label || 'Without a name';
    return h(
      'li',
      { class: 'invite-row', data: { testid: 'invite-row', link: link.id } },
      h(
        'div',
        { class: 'grow invite-words' },
        h(
          'div',
          { class: 'row row-s row-wrap' },
          h('strong', {}, name),
          h('span', { class: 'badge' }, roleWord(role)),
          revoked === null ? null : h('span', { class: 'badge badge-danger' }, 'Withdrawn'),
        ),
        h('span', { class: 'hint' }, this.#story(link)),
      ),
      revoked === null
        ? h(
            'button',
            {
              class: 'btn btn-sm',
              type: 'button',
              'aria-label': `Withdraw the link: ${name}`,
              data: { testid: 'invite-withdraw' },
              on: { click: () => void this.#withdraw(link, name) },
            },
            'Withdraw',
          )
        : null,
    );
  }

  /** @param {Link} link */
  #story({ uses, max_uses: most, made_by: maker, made_by_name: name, created, expires }) {
    const came = most === null ? `${plural(uses, 'guest')} came by it` : `${uses} of ${plural(most, 'guest')} came by it`;
    const by = maker === '' ? 'the server' : maker === this.you ? 'you' : name || 'somebody without an account';
    return `${came}. Made by ${by} on ${day.format(created)}, good until ${day.format(expires * 1000)}.`;
  }

  /** @param {Link} link @param {string} name */
  async #withdraw({ id, uses }, name) {
    const stay = { label: 'Only withdraw', kind: /** @type {const} */ ('primary'), value: 'stay', testid: 'withdraw-stay' };
    const leave = { label: 'Send them out too', kind: /** @type {const} */ ('danger'), value: 'leave', testid: 'withdraw-leave' };
    const only = { ...stay, label: 'Withdraw' };
    const text = 'Nobody enters by this link any more, and who came by it cannot come back.';
    const chosen = await openDialog({
      title: `Withdraw the link “${name}”?`,
      body: h(
        'div',
        { class: 'stack stack-s' },
        h('p', {}, text),
        uses > 0 ? h('p', {}, `${plural(uses, 'guest')} came by it. Are those who are still inside to be sent out?`) : null,
      ),
      actions: [{ label: 'Cancel', value: null }, ...(uses > 0 ? [leave, stay] : [only])],
      testid: 'withdraw',
    });
    if (chosen === null) return;
    this.#problem.textContent = '';
    try {
      await api('POST', `${this.path}/${encodeURIComponent(id)}/revoke`, { token: this.token, body: { end_sessions: chosen === 'leave' } });
      await this.read();
    } catch (error) {
      this.#problem.textContent = refusalText(error);
    }
    this.root.querySelector('h3')?.focus();
  }
}
