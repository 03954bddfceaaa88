/**
 * The list of people: who asks for the stage, who is on it, who listens. In a crowded conference the room tells only
 * of the stage and of oneself; the others are fetched in pages when the list is looked at.
 */

import { command } from '../ui/actions.js';
import { avatar } from '../ui/avatar.js';
import { clear, debounce, h, icon } from '../ui/dom.js';
import { refusalText, roleWord } from '../ui/words.js';
import { QualityBars } from '../ui/quality.js';
import { toast } from '../ui/toast.js';
import { lobbySection } from './lobby.js';
import { openPersonMenu } from './tile.js';

/** @typedef {import('../lib/shapes.js').Person} Person */

// The answers to a request: command, label, icon, kind of button.
/** @type {[string, string, string, string][]} */
const STAGE = [['stage.grant', 'Let on the stage', 'check', 'btn-primary'], ['stage.refuse', 'Refuse', 'x', 'btn-soft']];
/** @type {[string, string, string, string][]} */
const TURN = [['remark.grant', 'Let speak', 'mic', 'btn-primary'], ['remark.refuse', 'Refuse', 'x', 'btn-soft']];
// Nobody works through more requests at once; the others' turn comes when these are settled.
const MOST_ASKED_ABOUT = 12;

// A list that is redrawn at every change stays quick up to this many rows; more are found by searching.
const MOST_ROWS = 300;

export class People {
  key = 'people';
  label = 'People';
  icon = 'people';
  /** @type {Map<string, Person>} the pages fetched in a crowded conference */ #fetched = new Map();
  #more = false;
  #visible = false;
  /** Bars outlive the rows they stand in, so that a new measure redraws nothing else. @type {Map<string, QualityBars>} */ #bars = new Map();

  /** @param {import('./view.js').ConferenceView} view */
  constructor(view) {
    this.view = view;
    this.search = h('input', {
      class: 'input', type: 'search', placeholder: 'Search people', aria: { label: 'Search people' }, data: { testid: 'people-search' },
      on: { input: debounce(() => this.update(), 120) },
    });
    this.list = h('div', { class: 'people scroll', data: { testid: 'people' } });
    this.node = h('section', { class: 'side-body' }, h('div', { class: 'people-tools' }, h('div', { class: 'search' }, icon('search'), this.search)), this.list);
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    if (this.view.podium.room?.crowded && this.#fetched.size === 0) void this.#fetch();
    this.update();
  }

  /** @param {string} id */
  known(id) {
    return this.#fetched.get(id) ?? null;
  }

  /** Somebody's connection is another one. */
  quality() {
    const room = this.view.podium.room;
    if (room && this.#visible) for (const [id, bars] of this.#bars) bars.show(room.quality.get(id), room.name(id));
  }

  update() {
    const room = this.view.podium.room;
    if (!room || !this.#visible) return;
    this.#bars.clear();
    const sought = this.search.value.trim().toLowerCase();
    /** @param {Person} person */
    const matches = (person) => !sought || person.name.toLowerCase().includes(sought) || roleWord(person.role).toLowerCase().includes(sought);
    const lobby = lobbySection(this.view, ({ name }) => !sought || name.toLowerCase().includes(sought));
    const all = [...(room.crowded ? new Map([...this.#fetched, ...room.people]) : room.people).values()].filter(matches);
    const waiting = room.queue.flatMap((id) => room.person(id) ?? []).filter(matches);
    const stage = room.stage.flatMap((id) => room.person(id) ?? []).filter(matches);
    const asking = room.asking.flatMap((id) => room.person(id) ?? []).filter(matches);
    const asks = new Set(room.moderates ? [...waiting, ...asking] : []);
    const audience = all.filter((person) => !room.onStage(person.id) && !asks.has(person));
    audience.sort((one, other) => Number(other.id === room.you) - Number(one.id === room.you) || one.name.localeCompare(other.name));
    const top = this.list.scrollTop;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest('[data-person]')?.getAttribute('data-person');
    clear(this.list).append(...lobby);
    if (room.moderates) {
      this.view.permissions.want(new Set([...waiting, ...asking].slice(0, MOST_ASKED_ABOUT).map(({ id }) => id)));
      if (waiting.length) this.#section('Asking for the stage', waiting.length, waiting, (person) => this.#requestRow(person, STAGE), 'queue');
      if (asking.length) this.#section('Asking to speak', asking.length, asking, (person) => this.#requestRow(person, TURN), 'asking');
    }
    this.#section('On the stage', `${room.stage.length} of ${room.stagePlaces}`, stage, (person) => this.#row(person), 'stage-list');
    const listening = sought ? audience.length : Math.max(audience.length, room.count - room.stage.length - asks.size);
    this.#section('Audience', listening, audience.slice(0, MOST_ROWS), (person) => this.#row(person), 'audience');
    if (sought && lobby.length + asks.size + stage.length + audience.length === 0) this.list.append(h('div', { class: 'empty' }, icon('search'), `Nobody is called “${this.search.value.trim()}”.`));
    if (audience.length > MOST_ROWS) this.list.append(h('p', { class: 'hint people-more' }, `${audience.length - MOST_ROWS} more: search to find them.`));
    if (room.crowded && this.#more) this.list.append(this.#moreButton());
    this.list.scrollTop = top;
    if (focused) /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-person="${CSS.escape(focused)}"] button`))?.focus({ preventScroll: true });
  }

  /** @param {string} title @param {string | number} count @param {Person[]} people @param {(person: Person) => HTMLElement} row @param {string} testid */
  #section(title, count, people, row, testid) {
    const id = `people-${testid}`;
    this.list.append(
      h('h3', { class: 'people-section', id }, h('span', { class: 'grow' }, title), h('span', { class: 'num', data: { testid: `${testid}-count` } }, count)),
      h('ul', { aria: { labelledby: id }, data: { testid } }, people.map(row)));
  }

  /** @param {Person} person @param {...(Node | null)} more */
  #row(person, ...more) {
    const { room } = this.view.podium;
    const mine = person.id === room?.you;
    const menu = h('button', {
      class: 'btn btn-icon btn-quiet btn-sm', type: 'button', hidden: !room?.moderates, data: { testid: 'person-menu' },
      aria: { label: `What to do about ${person.name}`, haspopup: 'menu', expanded: false },
      on: { click: () => void openPersonMenu(this.view, person.id, menu) },
    }, icon('more'));
    const owner = person.id === room?.owner;
    const bars = new QualityBars();
    this.#bars.set(person.id, bars);
    bars.show(room?.quality.get(person.id), person.name);
    return h('li', { class: 'person', data: { testid: 'person', person: person.id, away: person.away } },
      avatar(person),
      h('div', { class: 'grow' },
        h('div', { class: 'person-name' }, h('span', { class: 'truncate' }, person.name), mine ? h('span', { class: 'hint' }, 'you') : null),
        h('div', { class: 'person-role' }, describe(person, owner, room?.remarks.has(person.id) ?? false))),
      h('div', { class: 'person-marks' }, bars.node, room ? marks(person, room) : null),
      ...more, menu);
  }

  /** @param {Person} person @param {[string, string, string, string][]} answers */
  #requestRow(person, answers) {
    const { podium, permissions } = this.view;
    const may = permissions.of(person.id);
    return this.#row(person, ...answers.filter(([type]) => may.has(type)).map(([type, label, mark, kind]) => h('button', {
      class: `btn btn-icon btn-sm ${kind}`, type: 'button', title: label, aria: { label: `${label}: ${person.name}` }, data: { testid: type },
      on: { click: () => void command(podium, type, { target: person.id }) },
    }, icon(mark, 'icon-sm'))));
  }

  #moreButton() {
    return h('div', { class: 'people-more' }, h('button', { class: 'btn btn-sm', type: 'button', data: { testid: 'people-more' }, on: { click: () => void this.#fetch() } }, 'Show more'));
  }

  async #fetch() {
    try {
      const last = [...this.#fetched.keys()].at(-1);
      const { people, more } = await this.view.podium.people(last, 200);
      for (const person of people) this.#fetched.set(person.id, person);
      this.#more = more;
      this.update();
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
  }
}

/** @param {Person} person @param {boolean} owner @param {boolean} speaks in a turn */
function describe(person, owner, speaks) {
  const words = [owner ? 'Owner' : roleWord(person.role)];
  if (person.kind === 'guest') words.push('guest');
  if (speaks) words.push('speaks now');
  if (person.invited) words.push('invited to the stage');
  if (person.away) words.push('reconnecting');
  return words.join(' · ');
}

/** @param {Person} person @param {import('../lib/room.js').Room} room @returns {(Element | null)[]} */
function marks(person, room) {
  if (!person.on_stage && person.tracks.length === 0) return person.locked.length ? [mark('lock', 'Locked by a moderator', 'off')] : [];
  /** @param {'audio' | 'video' | 'screen'} source */
  const sends = (source) => person.tracks.includes(source) && !person.muted.includes(source) && !room.barred(source, person);
  const silent = !sends('audio');
  const dark = !sends('video');
  // Off the stage, what is not sent is nothing to remark upon.
  const camera = person.on_stage || person.tracks.includes('video');
  return [
    sends('screen') ? mark('screen', 'Shares a screen', '') : null,
    person.locked.length ? mark('lock', 'Locked by a moderator', 'off') : null,
    mark(silent ? 'mic-off' : 'mic', silent ? 'Microphone off' : 'Microphone on', silent ? 'off' : ''),
    camera ? mark(dark ? 'camera-off' : 'camera', dark ? 'Camera off' : 'Camera on', dark ? 'off' : '') : null,
  ];
}

/** @param {string} name @param {string} label @param {string} kind */
function mark(name, label, kind) {
  const svg = icon(name, kind);
  svg.removeAttribute('aria-hidden');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  return svg;
}
