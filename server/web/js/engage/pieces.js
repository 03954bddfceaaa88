/** What the lists of questions, polls and links are drawn with. */

import { command } from '../ui/actions.js';
import { clear, h, icon } from '../ui/dom.js';

/** @typedef {import('../podium.js').Podium} Podium */

/**
 * What a panel of entries works with.
 * @typedef {object} Setting
 * @property {Podium} podium
 * @property {import('./lists.js').Lists} lists
 * @property {() => Set<string>} rights the commands one may give now, as `can` names them
 * @property {() => void} changed the number of what is unread is another one
 * @property {(key: string) => void} open shows the panel of this name
 * @property {AbortSignal} [signal] the panels are gone
 * @property {() => string | null} token with which reports are fetched
 */

/** Whether a command about an entry may be given: about one's own or another's. @param {Set<string>} rights @param {string} name @param {boolean} own */
export const mayAbout = (rights, name, own) => rights.has(own ? `${name}:own` : name);

/**
 * Draws a list anew; the control that had the focus has it again.
 * @param {HTMLElement} list
 * @param {Node[]} nodes
 */
export function redraw(list, nodes) {
  const top = list.scrollTop;
  const active = document.activeElement;
  const held = active && list.contains(active) ? active : null;
  const number = held?.closest('[data-number]')?.getAttribute('data-number');
  const testid = held?.getAttribute('data-testid');
  clear(list).append(...nodes);
  list.scrollTop = top;
  if (number && testid) {
    const again = list.querySelector(`[data-number="${CSS.escape(number)}"] [data-testid="${CSS.escape(testid)}"]`);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }
}

/**
 * A small button that gives a command.
 * @param {Podium} podium
 * @param {string} type
 * @param {Record<string, any>} fields
 * @param {string} label
 * @param {string} mark an icon
 * @param {{kind?: string, about?: string, testid?: string, quiet?: boolean}} [more] `about`: what it is about, for those who do not see it; `quiet`: the icon alone
 */
export function commandButton(podium, type, fields, label, mark, { kind = 'btn-soft', about = '', testid = type, quiet = false } = {}) {
  return h('button', {
    class: `btn btn-sm ${kind} ${quiet ? 'btn-icon' : ''}`, type: 'button', title: quiet ? label : undefined,
    aria: { label: about || quiet ? `${label}${about ? `: ${about}` : ''}` : undefined }, data: { testid },
    on: { click: () => void command(podium, type, fields) },
  }, icon(mark, 'icon-sm'), quiet ? null : label);
}

/** Nothing is there yet. @param {string} mark @param {string} text */
export const nothing = (mark, text) => h('div', { class: 'empty' }, icon(mark), h('p', {}, text));

/**
 * A link that others wrote: opened apart, told nothing of where one came from. Text where it is no page of the web: the
 * server takes no other, and a page believes nobody.
 * @param {string} url
 * @param {string} text
 * @param {Record<string, any>} [more]
 */
export function safeLink(url, text, more = {}) {
  if (!/^https?:\/\//i.test(url)) return h('span', more, text);
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer nofollow', ...more }, text);
}
