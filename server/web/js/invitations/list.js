// The people outside, each with how it stands: told or not and why not, waiting for a word, withdrawn.

import { api, everything } from '../ui/api.js';
import { ask } from '../ui/dialog.js';
import { h } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { momentWord, plural, refusalText, roleWord } from '../ui/words.js';

/** @typedef {{ kind: string, state: string, attempts: number, error: string, due: number, finished: number }} Mail */
/** @typedef {{ id: string, email: string, name: string, role: string, registered: boolean, state: string, created: number, mail: Mail | null }} Attendee */
/** @typedef {{ sends: boolean, registration: string, time_zone: string, total: number, attendees: Attendee[], next: string | null, templates: { id: string, name: string }[] }} Attendees */

const FIRST = 100;
const MOST = 500;
/** @type {Record<string, string>} */
const KINDS = {
  invitation: 'Invitation',
  received: 'Receipt',
  confirmed: 'Confirmation',
  declined: 'Refusal',
  withdrawn: 'Withdrawal',
  changed: 'Change',
  cancelled: 'Cancellation',
  reminder: 'Reminder',
};
/** @type {Record<string, [string, string]>} */
const STATES = {
  waiting: ['badge badge-warn', 'Wants to speak'],
  declined: ['badge', 'Declined'],
  withdrawn: ['badge badge-danger', 'Withdrawn'],
};

export class AttendeeList {
  #rows = h('ul', { class: 'sheet-rows', data: { testid: 'attendees' } });
  #count = h('p', { class: 'hint', role: 'status', data: { testid: 'attendees-count' } });
  #more = h('button', { class: 'btn btn-sm', type: 'button', hidden: true, on: { click: () => void this.#showMore() } }, 'Show more');
  #limit = FIRST;
  #drawn = '';

  /** @param {string} token @param {string} path of the attendees */
  constructor(token, path) {
    this.token = token;
    this.path = path;
    this.root = h('div', { class: 'stack stack-s' }, this.#count, this.#rows, h('div', {}, this.#more));
  }

  /** Rejects with `PodiumError`. @returns {Promise<Attendees>} */
  async read() {
    const found = await everything((query) => api('GET', `${this.path}?${query}`, { token: this.token }), 'attendees', this.#limit);
    this.#draw(found);
    return found;
  }

  /** The same, where there is nobody to be told that it failed: it comes again. */
  async refresh() {
    await this.read().catch((error) => {
      this.#count.textContent = refusalText(error);
    });
  }

  async #showMore() {
    this.#limit = MOST;
    await this.refresh();
  }

  /** @param {Attendees} found */
  #draw({ total, attendees }) {
    // Redrawing what is the same would take the focus from whoever is on a button.
    const state = JSON.stringify([total, attendees]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#count.textContent = total === 0 ? 'Nobody yet.' : total > attendees.length ? `The newest ${attendees.length} of ${total}.` : plural(total, 'person', 'people');
    this.#rows.hidden = total === 0;
    this.#more.hidden = total <= attendees.length || this.#limit === MOST;
    const key = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    this.#rows.replaceChildren(...attendees.map((one) => this.#row(one)));
    if (key) /** @type {HTMLElement | null} */ (this.#rows.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
  }

  /** @param {Attendee} one */
  #row(one) {
    const { id, email, name, role, registered, state, mail } = one;
    const [look, word] = STATES[state] ?? ['', ''];
    const called = name || email;
    return h(
      'li',
      { class: 'sheet-item', data: { testid: 'attendee', email } },
      h(
        'div',
        { class: 'sheet-who' },
        h(
          'div',
          { class: 'row row-s' },
          h('strong', {}, called),
          h('span', { class: 'badge' }, roleWord(role)),
          registered ? h('span', { class: 'badge badge-accent' }, 'Registered') : null,
          word ? h('span', { class: look }, word) : null,
        ),
        name ? h('span', { class: 'hint' }, email) : null,
        mail ? story(mail) : null,
      ),
      ...(state === 'waiting'
        ? [this.#button(id, called, 'approve', 'Approve', 'btn btn-sm btn-primary'), this.#button(id, called, 'decline', 'Decline', 'btn btn-sm')]
        : []),
      state === 'expected' ? this.#button(id, called, 'withdraw', 'Withdraw', 'btn btn-sm') : null,
    );
  }

  /** @param {string} id @param {string} called @param {string} deed @param {string} word @param {string} look */
  #button(id, called, deed, word, look) {
    return h(
      'button',
      {
        class: look,
        type: 'button',
        'aria-label': `${word}: ${called}`,
        data: { testid: `attendee-${deed}`, key: `${deed} ${id}` },
        on: { click: () => void this.#do(id, called, deed) },
      },
      word,
    );
  }

  /** @param {string} id @param {string} called @param {string} deed */
  async #do(id, called, deed) {
    if (deed === 'withdraw') {
      const text = 'Their link leads nowhere any more, and they are told so by e-mail.';
      if (!(await ask({ title: `Withdraw the invitation of ${called}?`, text, confirm: 'Withdraw', danger: true }))) return;
    }
    try {
      await api('POST', `${this.path}/${encodeURIComponent(id)}/${deed}`, { token: this.token });
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
    await this.refresh();
  }
}

/** @param {Mail} mail */
function story({ kind, state, attempts, error, due, finished }) {
  const what = KINDS[kind.split('-')[0]] ?? 'Mail';
  if (state === 'sent') return h('span', { class: 'hint', data: { testid: 'mail-state' } }, `${what} sent ${momentWord(finished)}`);
  if (state === 'failed') {
    return h('span', { class: 'sheet-error', data: { testid: 'mail-state' } }, `${what} not sent: ${error}`);
  }
  const later = error ? `Not taken yet (${error}); tried ${plural(attempts, 'time')}, again ${momentWord(due)}` : `${what} is on its way`;
  return h('span', { class: 'hint', data: { testid: 'mail-state' } }, later);
}
