// The people with an account here, and what one may do about each: exactly what the server says of that person.

import { avatar } from '../ui/avatar.js';
import { ask } from '../ui/dialog.js';
import { debounce, h, icon } from '../ui/dom.js';
import { plural, refusalText, serverRoleWord } from '../ui/words.js';
import { personDialog } from './persondialog.js';
import { attributesOf } from './values.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Person} Person */
/** @typedef {import('./panel.js').Attribute} Attribute */

// A search is one request; this is the pause of somebody who types.
const PAUSE_MS = 250;
const EDITS = ['member.edit', 'profile.edit', 'role'];

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function peopleSection(panel) {
  const attributes = await attributesOf(panel);
  const list = new PeopleList(panel, attributes);
  await list.read();
  return list.root;
}

class PeopleList {
  #rows = h('tbody', { data: { testid: 'people' } });
  #summary = h('p', { class: 'hint', role: 'status', data: { testid: 'people-summary' } });
  #more = h('button', { class: 'btn', type: 'button', hidden: true, data: { testid: 'people-more' }, on: { click: () => void this.#next() } }, 'Show more');
  #search = h('input', {
    class: 'input',
    id: 'people-search',
    type: 'search',
    placeholder: 'Search by name or login',
    'aria-label': 'Search people',
    maxlength: 100,
    data: { testid: 'people-search' },
    on: { input: debounce(() => void this.read(), PAUSE_MS) },
  });
  /** @type {string | null} */ #after = null;
  /** An answer for a search that was typed over meanwhile is not shown. */ #asked = 0;

  /** @param {Panel} panel @param {Attribute[]} attributes */
  constructor(panel, attributes) {
    this.panel = panel;
    this.attributes = attributes;
    const head = ['Name', 'Role', 'Attributes', 'Since'].map((word, index) => h('th', { scope: 'col', class: index > 1 ? 'panel-spare' : '' }, word));
    this.root = h(
      'div',
      { class: 'stack' },
      h('div', { class: 'row row-between row-wrap' }, h('div', { class: 'search panel-search' }, icon('search'), this.#search), this.#summary),
      h(
        'div',
        { class: 'table-wrap' },
        h(
          'table',
          { class: 'table panel-people' },
          h('caption', { class: 'sr-only' }, 'People'),
          h('thead', {}, h('tr', {}, head, h('th', { scope: 'col' }, h('span', { class: 'sr-only' }, 'Actions')))),
          this.#rows,
        ),
      ),
      h('div', {}, this.#more),
    );
  }

  /** Those whom the search finds, from the first on. Rejects with `PodiumError` at the first time. */
  async read() {
    this.#asked += 1;
    const turn = this.#asked;
    try {
      const page = await this.#page('');
      if (turn !== this.#asked) return;
      this.#rows.replaceChildren(...page.people.map((/** @type {Person} */ one) => this.#row(one)));
      const wanted = this.#search.value.trim();
      this.#summary.textContent = page.total || !wanted ? plural(page.total, 'person', 'people') : `Nobody is called “${wanted}”.`;
    } catch (error) {
      if (!this.root.isConnected) throw error;
      this.#summary.textContent = refusalText(error);
    }
  }

  async #next() {
    const after = this.#after ?? '';
    await this.panel.attempt(async () => {
      const page = await this.#page(after);
      this.#rows.append(...page.people.map((/** @type {Person} */ one) => this.#row(one)));
    });
  }

  /** @param {string} after */
  async #page(after) {
    const query = new URLSearchParams({ search: this.#search.value.trim(), after });
    const page = await this.panel.call('GET', `/people?${query}`);
    this.#after = page.next;
    this.#more.hidden = page.next === null;
    return page;
  }

  /** @param {Person} person @returns {HTMLTableRowElement} */
  #row(person) {
    const mine = person.id === this.panel.account.id;
    /** @type {HTMLTableRowElement} */
    const row = h(
      'tr',
      { data: { testid: 'person', person: person.login } },
      h(
        'td',
        {},
        h(
          'div',
          { class: 'row row-s' },
          avatar(person, 'avatar-sm'),
          h(
            'div',
            { class: 'panel-name' },
            h('strong', { class: 'truncate' }, person.name),
            h('span', { class: 'hint truncate' }, mine ? `${person.login} · you` : person.login),
          ),
        ),
      ),
      h('td', {}, roleBadge(person.server_role)),
      h('td', { class: 'panel-spare panel-values' }, this.#values(person)),
      h('td', { class: 'panel-spare num' }, day.format(person.created)),
      h(
        'td',
        { class: 'panel-does' },
        person.may.some((action) => EDITS.includes(action))
          ? rowButton('edit', `Edit ${person.name}`, 'person-edit', () => this.#edit(person, row))
          : null,
        person.may.includes('member.delete')
          ? rowButton('user-minus', `Remove ${person.name}`, 'person-remove', () => void this.#remove(person))
          : null,
      ),
    );
    return row;
  }

  /** @param {Person} person */
  #values({ values }) {
    return this.attributes.filter(({ id }) => values[id]).map(({ id, name }) => `${name}: ${values[id]}`).join(' · ');
  }

  /** @param {Person} person @param {HTMLTableRowElement} row */
  #edit(person, row) {
    personDialog(this.panel, person, this.attributes, (changed) => {
      const fresh = this.#row(changed);
      row.replaceWith(fresh);
      fresh.querySelector('button')?.focus();
    });
  }

  /** @param {Person} person */
  async #remove(person) {
    const sure = await ask({
      title: `Remove ${person.name}?`,
      text: 'The account is gone, its sessions end at once, and its conferences pass to the owner. There is no way back.',
      confirm: 'Remove',
      danger: true,
    });
    if (!sure) return;
    const done = await this.panel.attempt(() => this.panel.call('DELETE', `/people/${person.id}`), `${person.name} is removed.`);
    if (done) await this.read();
    this.#search.focus();
  }
}

/** @param {string} role */
export const roleBadge = (role) =>
  h('span', { class: `badge ${role === 'owner' ? 'badge-solid' : role === 'member' ? '' : 'badge-accent'}` }, serverRoleWord(role));

/** @param {string} picture @param {string} label @param {string} testid @param {() => void} run */
export const rowButton = (picture, label, testid, run) =>
  h('button', { class: 'btn btn-quiet btn-icon btn-sm', type: 'button', 'aria-label': label, title: label, data: { testid }, on: { click: run } }, icon(picture));
