// The list of people: chosen, sorted, cut into pages, drawn line by line and kept in step with the room.

import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { roleWord } from '../ui/words.js';
import { give, toggle } from './commands.js';
import { FILTERS, choose, counts } from './filters.js';
import { personMenu, roleMenu } from './personmenu.js';
import { Row } from './row.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('./filters.js').Choice} Choice */
/** @typedef {import('./filters.js').SortKey} SortKey */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */
/** @typedef {import('./directory.js').Directory} Directory */

// A page is drawn in a few milliseconds, also on a phone; thousands of rows would not be.
const PAGE = 50;
// Changes that come together are drawn together.
const DRAW_MS = 30;

/** @type {{key: SortKey | null, word: string, column: string}[]} */
const COLUMNS = [
  { key: 'name', word: 'Name', column: 'name' },
  { key: 'role', word: 'Role', column: 'role' },
  { key: 'place', word: 'Place', column: 'place' },
  { key: null, word: 'Mic', column: 'audio' },
  { key: null, word: 'Camera', column: 'video' },
  { key: null, word: 'Screen', column: 'screen' },
  { key: 'quality', word: 'Link', column: 'quality' },
];

/** @type {Record<string, string>} */
const STAGE_DONE = {
  'stage.grant': 'has a place on the stage',
  'stage.invite': 'is invited to the stage',
  'stage.take_down': 'is taken down from the stage',
};

export class PeopleTable extends EventTarget {
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {Choice} */ #choice = { filter: 'all', search: '', sort: 'place', descending: false };
  #page = 0;
  #scheduled = false;
  /** @type {Set<string>} */ selected = new Set();
  /** @type {Row[]} */ shown = [];

  /** @param {Podium} podium @param {Permissions} permissions @param {Directory} directory */
  constructor(podium, permissions, directory) {
    super();
    this.podium = podium;
    this.permissions = permissions;
    this.directory = directory;
    this.body = byId('rows', HTMLTableSectionElement);
    this.all = h('input', {
      type: 'checkbox',
      class: 'console-check',
      'aria-label': 'Select everyone on this page',
      data: { testid: 'select-all' },
    });
    this.all.addEventListener('change', () => this.#selectPage(this.all.checked));
    this.#drawHead();
    this.#drawFilters();
    this.#wireSearch();
    for (const source of [podium, permissions, directory]) source.addEventListener('change', () => this.schedule());
    podium.addEventListener('resync', () => this.schedule());
    podium.addEventListener('signal', (message) => {
      const { type } = /** @type {CustomEvent} */ (message).detail;
      if (type === 'media.speakers') this.#drawSpeaking();
      else if (type === 'media.quality') this.schedule();
    });
  }

  /** Draws soon, once for all that changes until then. */
  schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not an animation frame: a window in the background has none, and is looked at again with old lines in it.
    setTimeout(() => {
      this.#scheduled = false;
      this.draw();
    }, DRAW_MS);
  }

  draw() {
    const room = this.podium.room;
    if (!room) return;
    for (const id of this.selected) if (!room.people.has(id)) this.selected.delete(id);
    const chosen = choose(room, this.#choice, roleWord);
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE));
    this.#page = Math.min(this.#page, pages - 1);
    const visible = chosen.slice(this.#page * PAGE, (this.#page + 1) * PAGE);
    this.permissions.want([...visible.map((person) => person.id), ...room.stage]);
    this.#place(visible);
    this.#drawCounts(chosen.length, pages);
    this.#drawSpeaking();
    const chosenHere = visible.filter((person) => this.selected.has(person.id)).length;
    this.all.checked = chosenHere > 0 && chosenHere === visible.length;
    this.all.indeterminate = chosenHere > 0 && chosenHere < visible.length;
    this.dispatchEvent(new CustomEvent('drawn'));
  }

  /** Selects nobody any more. */
  clearSelection() {
    this.selected.clear();
    this.schedule();
  }

  /** @param {Person} person */
  flipSelection(person) {
    if (!this.selected.delete(person.id)) this.selected.add(person.id);
    this.schedule();
  }

  /** Puts the lines of these people into the table, in this order, moving no line that stands right. @param {Person[]} people */
  #place(people) {
    const room = this.podium.room;
    if (!room) return;
    const wanted = new Set(people.map((person) => person.id));
    const focused = document.activeElement;
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      this.#rows.delete(id);
      row.element.remove();
    }
    this.shown = people.map((person, index) => {
      const row = this.#rows.get(person.id) ?? this.#make(person);
      row.update(person, {
        room,
        selected: this.selected.has(person.id),
        allows: (command) => this.permissions.allows(person.id, command),
      });
      const there = this.body.children[index];
      if (there !== row.element) this.body.insertBefore(row.element, there ?? null);
      return row;
    });
    // Moving a line takes the focus from what is in it.
    if (
      focused instanceof HTMLElement &&
      focused.isConnected &&
      focused !== document.activeElement &&
      this.body.contains(focused)
    ) {
      focused.focus({ preventScroll: true });
    }
  }

  /** @param {Person} first */
  #make(first) {
    const { podium, permissions } = this;
    const row = new Row(first, {
      select: (person) => this.flipSelection(person),
      menu: (person, anchor) => void personMenu(anchor, podium, permissions, person),
      roles: (person, anchor) => void roleMenu(anchor, podium, permissions, person),
      toggle: (person, source) => void toggle(podium, person, source),
      stage: (person, command) =>
        void give(podium, command, { target: person.id }, `${person.name} ${STAGE_DONE[command]}.`),
    });
    this.#rows.set(first.id, row);
    return row;
  }

  #drawHead() {
    const heads = COLUMNS.map(({ key, word, column }) => {
      const label = key
        ? h(
            'button',
            {
              class: 'console-sorter',
              type: 'button',
              data: { testid: `sort-${key}` },
              on: { click: () => this.#sortBy(key) },
            },
            word,
            icon('arrow-up', 'icon-sm'),
          )
        : word;
      return h(
        'th',
        {
          scope: 'col',
          role: 'columnheader',
          class: `console-cell-${column}`,
          ...(key ? { data: { sort: key } } : {}),
        },
        label,
      );
    });
    const check = h('th', { scope: 'col', role: 'columnheader', class: 'console-cell-check' }, this.all);
    const actions = h(
      'th',
      { scope: 'col', role: 'columnheader', class: 'console-cell-actions' },
      h('span', { class: 'sr-only' }, 'Commands'),
    );
    byId('table-head', HTMLTableSectionElement).append(h('tr', { role: 'row' }, check, ...heads, actions));
    const select = byId('sort', HTMLSelectElement);
    for (const { key, word } of COLUMNS)
      if (key) select.append(h('option', { value: key }, `By ${word.toLowerCase()}`));
    select.addEventListener('change', () => this.#sortBy(/** @type {SortKey} */ (select.value), false));
    this.#markSort();
  }

  /** @param {SortKey} key @param {boolean} [flip] whether choosing the same again turns the order round */
  #sortBy(key, flip = true) {
    const descending = flip && this.#choice.sort === key && !this.#choice.descending;
    this.#choice = { ...this.#choice, sort: key, descending };
    this.#page = 0;
    this.#markSort();
    this.schedule();
  }

  #markSort() {
    byId('sort', HTMLSelectElement).value = this.#choice.sort;
    for (const head of byId('table-head', HTMLTableSectionElement).querySelectorAll('[data-sort]')) {
      if (!(head instanceof HTMLElement)) continue;
      const order = this.#choice.descending ? 'descending' : 'ascending';
      head.setAttribute('aria-sort', head.dataset.sort === this.#choice.sort ? order : 'none');
    }
  }

  #drawFilters() {
    const group = byId('filters', HTMLFieldSetElement);
    for (const { filter, word } of FILTERS) {
      const radio = h('input', {
        type: 'radio',
        name: 'filter',
        value: filter,
        checked: filter === 'all',
        data: { testid: `filter-${filter}` },
      });
      radio.addEventListener('change', () => {
        this.#choice = { ...this.#choice, filter };
        this.#page = 0;
        this.schedule();
      });
      group.append(h('label', {}, radio, h('span', {}, word, h('b', { class: 'num', data: { count: filter } }))));
    }
  }

  #wireSearch() {
    const field = byId('search', HTMLInputElement);
    field.addEventListener('input', () => {
      this.#choice = { ...this.#choice, search: field.value };
      this.#page = 0;
      this.schedule();
    });
  }

  /** @param {number} found @param {number} pages */
  #drawCounts(found, pages) {
    const room = this.podium.room;
    if (!room) return;
    const numbers = counts(room);
    for (const one of byId('filters', HTMLFieldSetElement).querySelectorAll('[data-count]')) {
      const filter = /** @type {import('./filters.js').Filter} */ (/** @type {HTMLElement} */ (one).dataset.count);
      one.textContent = String(numbers[filter]);
    }
    const first = this.#page * PAGE + 1;
    const last = Math.min(found, first + PAGE - 1);
    const loading = room.crowded && room.people.size < room.count;
    const words =
      found === 0
        ? ''
        : pages > 1
          ? `${first}–${last} of ${found}`
          : `${found === 1 ? 'One person' : `${found} people`}`;
    const range = byId('range', HTMLElement);
    const text = loading ? `${words}${words ? ' · ' : ''}${room.people.size} of ${room.count} read so far` : words;
    if (range.textContent !== text) range.textContent = text;
    this.#drawNobody(found);
    this.#drawPager(pages);
  }

  /** @param {number} found */
  #drawNobody(found) {
    const box = byId('nobody', HTMLElement);
    box.hidden = found > 0;
    if (found > 0) return;
    const { filter, search } = this.#choice;
    const words = {
      all: 'Nobody is here yet.',
      stage: 'The stage is empty.',
      asking: 'Nobody asks for the stage.',
      away: 'Everybody is connected.',
    };
    box.replaceChildren(
      icon(search ? 'search' : 'people'),
      h('p', {}, search ? `Nobody found for “${search}”.` : words[filter]),
    );
  }

  /** @param {number} pages */
  #drawPager(pages) {
    const nav = byId('pager', HTMLElement);
    nav.hidden = pages < 2;
    if (pages < 2) return;
    if (!nav.firstChild) {
      nav.append(
        h(
          'button',
          { class: 'btn btn-sm', type: 'button', data: { testid: 'page-before' }, on: { click: () => this.#turn(-1) } },
          'Previous',
        ),
        h('span', { class: 'hint num', data: { role: 'page' } }),
        h(
          'button',
          { class: 'btn btn-sm', type: 'button', data: { testid: 'page-after' }, on: { click: () => this.#turn(1) } },
          'Next',
        ),
      );
    }
    const [before, where, after] = /** @type {any} */ (nav.children);
    before.disabled = this.#page === 0;
    after.disabled = this.#page >= pages - 1;
    where.textContent = `${this.#page + 1} / ${pages}`;
  }

  /** @param {number} by */
  #turn(by) {
    this.#page = Math.max(0, this.#page + by);
    this.draw();
    byId('scroll', HTMLElement).scrollTop = 0;
  }

  #drawSpeaking() {
    for (const row of this.shown) row.setSpeaking((this.podium.room?.levels.get(row.person.id) ?? 0) > 0);
  }

  /** @param {boolean} chosen */
  #selectPage(chosen) {
    for (const row of this.shown) {
      if (chosen) this.selected.add(row.person.id);
      else this.selected.delete(row.person.id);
    }
    this.schedule();
  }
}
