// The table by keyboard: arrows walk through lines and controls, letters command the person one is at.
//
// One control of the whole table is in the page's tab order (a roving tabindex), so Tab passes the table in one step
// however many people are in it.

import { byId } from '../ui/byid.js';
import { h } from '../ui/dom.js';
import { openDialog } from '../ui/dialog.js';
import { give, toggle } from './commands.js';
import { personMenu, removeDialog, roleMenu } from './personmenu.js';

/** @typedef {import('./table.js').PeopleTable} PeopleTable */
/** @typedef {import('./row.js').Row} Row */
/** @typedef {import('../lib/shapes.js').MuteSource} MuteSource */

const SHORTCUTS = [
  ['↑ ↓', 'one person up or down'],
  ['← →', 'to the next control of a person'],
  ['Home End', 'first, last person of the page'],
  ['Enter', 'all commands for the person'],
  ['X', 'select the person'],
  ['M', 'mute or unmute the microphone'],
  ['V', 'switch the camera off or on'],
  ['S', 'stop or allow the screen share'],
  ['L', 'lock the microphone off'],
  ['G', 'let on the stage who asks'],
  ['I', 'invite to the stage'],
  ['T', 'take down from the stage'],
  ['R', 'change the role'],
  ['Delete', 'remove from the conference'],
  ['/', 'search'],
  ['?', 'these keys'],
];

/** @type {Record<string, MuteSource>} */
const MUTES = { m: 'audio', v: 'video', s: 'screen' };
/** @type {Record<string, [string, string]>} */
const STAGE = {
  g: ['stage.grant', 'has a place on the stage'],
  i: ['stage.invite', 'is invited to the stage'],
  t: ['stage.take_down', 'is taken down from the stage'],
};

/** The dialog that lists the keys. */
export function showShortcuts() {
  void openDialog({
    title: 'Keys',
    testid: 'shortcuts',
    body: h(
      'dl',
      { class: 'console-keys' },
      ...SHORTCUTS.flatMap(([keys, does]) => [
        h('dt', {}, ...keys.split(' ').map((key) => h('kbd', { class: 'kbd' }, key))),
        h('dd', {}, does),
      ]),
    ),
    actions: [],
  });
}

/** @param {PeopleTable} table */
export function wireKeyboard(table) {
  /** Where the table is entered again. @type {{id: string, column: number}} */
  let at = { id: '', column: 1 };

  /** @param {Row} row @param {number} column */
  const focus = (row, column) => {
    const controls = row.controls;
    controls[Math.max(0, Math.min(column, controls.length - 1))]?.focus();
  };

  const placeTabStop = () => {
    const current = table.shown.find((row) => row.person.id === at.id) ?? table.shown[0];
    for (const row of table.shown) {
      row.controls.forEach((control, index) => {
        const stop = row === current && index === Math.min(at.column, row.controls.length - 1);
        if (control.tabIndex !== (stop ? 0 : -1)) control.tabIndex = stop ? 0 : -1;
      });
    }
  };
  table.addEventListener('drawn', placeTabStop);

  table.body.addEventListener('focusin', (event) => {
    const found = locate(/** @type {Node} */ (event.target));
    if (!found) return;
    at = { id: found.row.person.id, column: found.column };
    placeTabStop();
  });

  /** @param {Node} node */
  const locate = (node) => {
    const row = table.shown.find((one) => one.element.contains(node));
    if (!row) return null;
    const column = row.controls.findIndex((control) => control.contains(node));
    return { row, index: table.shown.indexOf(row), column: Math.max(0, column) };
  };

  table.body.addEventListener('keydown', (event) => {
    const found = locate(/** @type {Node} */ (event.target));
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    const { row, index, column } = found;
    const last = table.shown.length - 1;
    /** @type {Record<string, () => void>} */
    const moves = {
      ArrowDown: () => focus(table.shown[Math.min(index + 1, last)], column),
      ArrowUp: () => focus(table.shown[Math.max(index - 1, 0)], column),
      PageDown: () => focus(table.shown[Math.min(index + 10, last)], column),
      PageUp: () => focus(table.shown[Math.max(index - 10, 0)], column),
      Home: () => focus(table.shown[0], column),
      End: () => focus(table.shown[last], column),
      ArrowRight: () => focus(row, column + 1),
      ArrowLeft: () => focus(row, column - 1),
    };
    const done = moves[event.key] ?? commandFor(table, row, event);
    if (!done) return;
    event.preventDefault();
    done();
  });

  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.matches('input:not([type=checkbox], [type=radio]), textarea, select');
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const search = byId('search', HTMLInputElement);
    if (event.key === '/' && !typing) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === '?' && !typing) {
      event.preventDefault();
      showShortcuts();
    } else if (event.key === 'Escape' && target === search && search.value === '') {
      if (table.shown[0]) focus(table.shown[0], 1);
    } else if (event.key === 'ArrowDown' && target === search) {
      event.preventDefault();
      if (table.shown[0]) focus(table.shown[0], 1);
    } else if (event.key === 'Escape' && !typing && table.selected.size) table.clearSelection();
  });
}

/**
 * What a key does to the person of a line; undefined when it is no such key, or one may not.
 * @param {PeopleTable} table
 * @param {Row} row
 * @param {KeyboardEvent} event
 * @returns {(() => void) | undefined}
 */
function commandFor(table, row, event) {
  const { podium, permissions } = table;
  const { person } = row;
  const key = event.key.toLowerCase();
  const allows = (/** @type {string} */ command) => permissions.allows(person.id, command);
  if (key in MUTES) {
    const source = MUTES[key];
    if (allows(`media.${person.muted.includes(source) ? 'unmute' : 'mute'}:${source}`))
      return () => void toggle(podium, person, source);
  }
  if (key in STAGE) {
    const [type, words] = STAGE[key];
    if (allows(type)) return () => void give(podium, type, { target: person.id }, `${person.name} ${words}.`);
  }
  if (key === 'l' && allows('media.lock:audio')) {
    return () =>
      void give(podium, 'media.lock', { source: 'audio', target: person.id }, `${person.name}: microphone locked.`);
  }
  if (key === 'delete' && allows('participant.remove')) return () => removeDialog(podium, [person]);
  if (key === 'r') return () => void roleMenu(row.role, podium, permissions, person);
  if (key === 'x') return () => table.flipSelection(person);
  if (key === 'enter' && (event.target === row.quality || event.target === row.box))
    return () => void personMenu(row.more, podium, permissions, person);
  return undefined;
}
