// One line of the table: made once for a person, then changed where something differs.

import { avatar } from '../ui/avatar.js';
import { h, icon } from '../ui/dom.js';
import { QualityBars, qualityLines } from '../ui/quality.js';
import { roleWord } from '../ui/words.js';
import { SOURCES } from './commands.js';

/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../lib/shapes.js').MuteSource} MuteSource */
/** @typedef {import('../lib/room.js').Room} Room */

/**
 * What a line may start; the table supplies it.
 * @typedef {object} RowActions
 * @property {(person: Person, chosen: boolean) => void} select
 * @property {(person: Person, anchor: HTMLElement) => void} menu
 * @property {(person: Person, anchor: HTMLElement) => void} roles
 * @property {(person: Person, source: MuteSource) => void} toggle
 * @property {(person: Person, command: 'stage.grant' | 'stage.invite' | 'stage.take_down') => void} stage
 */

/** @typedef {{room: Room, selected: boolean, allows: (command: string) => boolean}} RowContext */

/** @typedef {{command: 'stage.grant' | 'stage.invite' | 'stage.take_down', word: string, icon: string}} StageCommand */

/** @type {StageCommand[]} */
const STAGE_COMMANDS = [
  { command: 'stage.grant', word: 'Let on', icon: 'check' },
  { command: 'stage.invite', word: 'Invite', icon: 'podium' },
  { command: 'stage.take_down', word: 'Take down', icon: 'arrow-down' },
];

// For asking whether any of them may be given; which one may, the menu shows.
const ROLES = ['organizer', 'moderator', 'speaker', 'guest_speaker', 'viewer'];

export class Row {
  /** What each part of the line shows now. @type {Map<string, string>} */ #drawn = new Map();

  /**
   * @param {Person} person
   * @param {RowActions} actions
   */
  constructor(person, actions) {
    this.person = person;
    this.box = h('input', {
      type: 'checkbox',
      class: 'console-check',
      tabindex: '-1',
      data: { testid: 'select-person' },
    });
    this.box.addEventListener('change', () => actions.select(this.person, this.box.checked));
    this.face = h('span', { class: 'console-face' });
    this.nameText = h('span', { class: 'console-name-text truncate' });
    this.note = h('span', { class: 'console-note hint truncate' });
    this.nameButton = h(
      'button',
      {
        class: 'console-name',
        type: 'button',
        tabindex: '-1',
        'aria-haspopup': 'menu',
        data: { testid: 'person-name' },
      },
      this.face,
      h('span', { class: 'console-name-words' }, this.nameText, this.note),
    );
    this.nameButton.addEventListener('click', () => actions.menu(this.person, this.nameButton));
    this.role = h('button', {
      class: 'console-role badge',
      type: 'button',
      tabindex: '-1',
      'aria-haspopup': 'menu',
      data: { testid: 'person-role' },
    });
    this.role.addEventListener('click', () => actions.roles(this.person, this.role));
    this.place = h('span', { class: 'badge', data: { testid: 'person-place' } });
    this.sources = SOURCES.map(({ source }) => {
      const button = h('button', {
        class: 'btn btn-quiet btn-icon btn-sm console-source',
        type: 'button',
        tabindex: '-1',
        data: { testid: `person-${source}` },
      });
      button.addEventListener('click', () => {
        if (button.getAttribute('aria-disabled') !== 'true') actions.toggle(this.person, source);
      });
      return button;
    });
    this.quality = h('span', {
      class: 'console-quality',
      tabindex: '-1',
      role: 'img',
      data: { testid: 'person-quality' },
    });
    this.stage = h('button', {
      class: 'btn btn-sm console-stage',
      type: 'button',
      tabindex: '-1',
      hidden: true,
      data: { testid: 'person-stage' },
    });
    this.stage.addEventListener('click', () => {
      const command = STAGE_COMMANDS.find((one) => one.command === this.stage.dataset.command)?.command;
      if (command) actions.stage(this.person, command);
    });
    this.more = h(
      'button',
      {
        class: 'btn btn-quiet btn-icon btn-sm',
        type: 'button',
        tabindex: '-1',
        'aria-haspopup': 'menu',
        data: { testid: 'person-menu' },
      },
      icon('more'),
    );
    this.more.addEventListener('click', () => actions.menu(this.person, this.more));
    /** @param {string} column @param {...(Node | string)} children */
    const cell = (column, ...children) => h('td', { role: 'gridcell', class: `console-cell-${column}` }, ...children);
    this.element = h(
      'tr',
      { role: 'row', data: { testid: 'person', person: person.id } },
      cell('check', this.box),
      cell('name', this.nameButton),
      cell('role', this.role),
      cell('place', this.place),
      ...this.sources.map((button, index) => cell(SOURCES[index].source, button)),
      cell('quality', this.quality),
      cell('actions', h('span', { class: 'console-actions' }, this.stage, this.more)),
    );
  }

  /** @param {Person} person @param {RowContext} context */
  update(person, context) {
    this.person = person;
    const { room, selected, allows } = context;
    const { name, role, away } = person;
    const mayRole = ROLES.some((one) => allows(`role.assign:${one}`));
    const mute = SOURCES.map(({ source }) =>
      allows(`media.${person.muted.includes(source) ? 'unmute' : 'mute'}:${source}`),
    );
    const sends = SOURCES.map(({ source }) => person.tracks.includes(source) && !room.barred(source, person));
    const stage = STAGE_COMMANDS.find(({ command }) => allows(command));
    const waiting = room.queuePosition(person.id);
    const quality = away ? undefined : room.quality.get(person.id);
    const standing = [
      person.id === room.you && 'You',
      person.id === room.owner ? 'Owner' : person.kind === 'guest' && 'Guest',
    ];

    this.#part('line', [selected, away, name], () => {
      this.element.setAttribute('aria-selected', String(selected));
      this.element.classList.toggle('console-away', away);
      this.box.checked = selected;
      this.box.setAttribute('aria-label', `Select ${name}`);
      this.more.setAttribute('aria-label', `All commands for ${name}`);
    });
    this.#part('name', [name, away, standing], () => this.#drawName(standing));
    this.#part('role', [name, role, mayRole], () => this.#drawRole(mayRole));
    this.#part('place', [person.on_stage, waiting, person.invited], () => this.#drawPlace(waiting));
    this.#part('sources', [name, person.muted, person.locked, sends, mute], () => this.#drawSources(sends, mute));
    this.#part('quality', [name, quality], () => this.#drawQuality(quality));
    this.#part('stage', [name, stage?.command], () => this.#drawStage(stage));
  }

  /**
   * Draws a part of the line when what it shows is other than before: measures come every few seconds for everybody.
   * @param {string} part
   * @param {unknown} shows
   * @param {() => void} draw
   */
  #part(part, shows, draw) {
    const state = JSON.stringify(shows);
    if (this.#drawn.get(part) === state) return;
    this.#drawn.set(part, state);
    draw();
  }

  /** @param {boolean} speaking */
  setSpeaking(speaking) {
    this.face.classList.toggle('console-speaks', speaking);
  }

  /** What the arrow keys walk through, from left to right. @returns {HTMLElement[]} */
  get controls() {
    return [this.box, this.nameButton, this.role, ...this.sources, this.quality, this.stage, this.more].filter(
      (one) => !one.hidden,
    );
  }

  /** @param {(string | false)[]} standing */
  #drawName(standing) {
    const { person } = this;
    this.face.replaceChildren(avatar(person));
    this.nameText.textContent = person.name;
    const notes = [...standing, person.away && 'Away: connection lost'].filter(Boolean);
    this.note.textContent = notes.join(' · ');
    this.note.hidden = notes.length === 0;
    this.nameButton.setAttribute('aria-label', [person.name, ...notes].join(', '));
  }

  /** @param {boolean} may */
  #drawRole(may) {
    const { name, role } = this.person;
    const leads = role === 'organizer' ? 'crown' : role === 'moderator' ? 'shield' : null;
    this.role.replaceChildren(...(leads ? [icon(leads)] : []), roleWord(role));
    this.role.className = `console-role badge ${leads ? 'badge-accent' : ''}`;
    this.role.setAttribute('aria-label', `Role of ${name}: ${roleWord(role)}`);
    this.role.setAttribute('aria-disabled', String(!may));
  }

  /** @param {number} waiting */
  #drawPlace(waiting) {
    const { person } = this;
    const [kind, ...words] = person.on_stage
      ? ['badge-ok', icon('podium'), 'On stage']
      : waiting
        ? ['badge-warn', icon('hand'), `Asking, no. ${waiting}`]
        : person.invited
          ? ['badge-accent', icon('podium'), 'Invited']
          : ['console-audience', 'Audience'];
    this.place.className = `badge ${kind}`;
    this.place.replaceChildren(...words);
  }

  /** @param {boolean[]} sent for each source, whether anything of it is to be had @param {boolean[]} may whether the button does something */
  #drawSources(sent, may) {
    const { person } = this;
    SOURCES.forEach(({ source, word, on, off, mute, unmute }, index) => {
      const button = this.sources[index];
      const muted = person.muted.includes(source);
      const locked = person.locked.includes(source);
      const is = locked ? 'locked' : muted ? 'muted' : sent[index] ? 'on' : 'none';
      const does = locked ? `Unlock ${word}` : muted ? unmute : mute;
      const states = { locked: 'locked off', muted: 'muted', on: 'on', none: 'not sent' };
      button.dataset.is = is;
      button.dataset.tip = may[index] ? does : `${word[0].toUpperCase()}${word.slice(1)} ${states[is]}`;
      button.setAttribute(
        'aria-label',
        `${word[0].toUpperCase()}${word.slice(1)} of ${person.name}: ${states[is]}${may[index] ? `. ${does}` : ''}`,
      );
      button.setAttribute('aria-disabled', String(!may[index]));
      button.replaceChildren(icon(is === 'locked' ? 'lock' : muted ? off : on));
    });
  }

  /** @param {import('../lib/shapes.js').Quality | undefined} known */
  #drawQuality(known) {
    const words = qualityLines(known);
    this.quality.setAttribute('aria-label', `Connection of ${this.person.name}: ${words.join(', ')}`);
    this.quality.dataset.tip = words.join('\n');
    if (!known) {
      this.quality.replaceChildren(h('span', { class: 'dim', 'aria-hidden': 'true' }, '–'));
      return;
    }
    const bars = new QualityBars();
    bars.show(known, this.person.name);
    // The cell itself says it to screen readers and on hovering.
    bars.node.title = '';
    bars.node.setAttribute('aria-hidden', 'true');
    this.quality.replaceChildren(bars.node);
  }

  /** @param {StageCommand | undefined} offered */
  #drawStage(offered) {
    this.stage.hidden = !offered;
    if (!offered) return;
    this.stage.dataset.command = offered.command;
    this.stage.className = `btn btn-sm console-stage ${offered.command === 'stage.grant' ? 'console-soft' : 'btn-quiet'}`;
    this.stage.replaceChildren(icon(offered.icon, 'icon-sm'), offered.word);
    this.stage.setAttribute('aria-label', `${offered.word}: ${this.person.name}`);
  }
}
