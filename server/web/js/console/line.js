// A line of people who wait for something, each with what may be done: drawn anew when that changes, with the focus kept.

import { avatar } from '../ui/avatar.js';
import { h, icon } from '../ui/dom.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */
/** @typedef {{id: string, name: string, note?: string, away?: boolean}} InLine */
/** @typedef {{key: string, needs: string, label: string, testid: string, run: () => void, icon?: string, text?: string, primary?: boolean, disabled?: boolean}} Tool */

// Below this many the whole line is asked about and shown; nobody works through more at once.
const SHOWN = 50;

/**
 * @param {object} options
 * @param {HTMLElement} options.list the list element
 * @param {Podium} options.podium
 * @param {Permissions} options.permissions
 * @param {string} options.testid of each item
 * @param {() => InLine[]} options.people in order
 * @param {(one: InLine, index: number, count: number) => Tool[]} options.tools
 * @param {() => Node} [options.nobody] what stands there for an empty line
 * @param {boolean} [options.numbered]
 * @returns {() => void} draws the line
 */
export function showLine({ list, podium, permissions, testid, people, tools, nobody, numbered = false }) {
  let drawn = '';
  return () => {
    if (!podium.room) return;
    const all = people();
    const shown = all.slice(0, SHOWN);
    permissions.want(shown.map(({ id }) => id));
    const items = shown.map((one, index) => ({
      one,
      tools: tools(one, index, all.length).filter(({ needs }) => permissions.allows(one.id, needs)),
    }));
    const state = JSON.stringify([all.length, items]);
    if (state === drawn) return;
    drawn = state;
    const focused = document.activeElement;
    const key = focused instanceof HTMLElement && list.contains(focused) ? focused.dataset.key : undefined;
    list.replaceChildren(...items.map((item, index) => row(item.one, item.tools, numbered ? index + 1 : 0, testid)));
    if (all.length > SHOWN) list.append(h('li', { class: 'hint console-rest' }, `and ${all.length - SHOWN} more`));
    if (all.length === 0 && nobody) list.append(nobody());
    if (key) refocus(list, key);
  };
}

/** @param {InLine} one @param {Tool[]} tools @param {number} number @param {string} testid */
function row({ id, name, note, away }, tools, number, testid) {
  return h(
    'li',
    { class: 'console-asking', data: { testid, person: id } },
    number ? h('span', { class: 'console-number num', 'aria-hidden': 'true' }, String(number)) : null,
    avatar({ id, name }, 'avatar-sm'),
    away
      ? h(
          'span',
          { class: 'console-gone', title: 'Away' },
          icon('wifi-off', 'icon-sm'),
          h('span', { class: 'sr-only' }, 'Away: '),
        )
      : null,
    h(
      'span',
      { class: 'grow console-waits' },
      h('span', { class: 'truncate', title: name }, name),
      note ? h('span', { class: 'hint' }, note) : null,
    ),
    h('span', { class: 'row console-asking-tools' }, ...tools.map((tool) => button(id, tool))),
  );
}

/** @param {string} id @param {Tool} tool */
function button(id, { key, label, testid, run, icon: picture, text, primary, disabled = false }) {
  const look = text ? `btn btn-sm console-let-on ${primary ? 'btn-primary' : 'console-soft'}` : 'btn btn-quiet btn-icon btn-sm';
  return h(
    'button',
    { class: look, type: 'button', 'aria-label': label, disabled, data: { testid, key: `${key} ${id}` }, on: { click: run } },
    text ?? icon(picture ?? 'check', 'icon-sm'),
  );
}

/** The button of the same purpose, or else the first that is left. @param {HTMLElement} list @param {string} key */
function refocus(list, key) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...list.querySelectorAll('button')]);
  const usable = buttons.filter((one) => !one.disabled);
  (usable.find((one) => one.dataset.key === key) ?? usable[0])?.focus();
}
