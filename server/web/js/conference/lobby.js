/** Who waits at the door, for those who let people in: a part of the list of people, and a word when somebody comes. */

import { command } from '../ui/actions.js';
import { avatar } from '../ui/avatar.js';
import { askText } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { plural, timeWord } from '../ui/words.js';

/** @typedef {import('../types.js').Waiting} Waiting */
/** @typedef {import('./view.js').ConferenceView} View */

// Nobody works through more one by one; "Let all in" is for the others.
const MOST_ROWS = 30;
const MOST_ASKED_ABOUT = 12;

/** Those who wait for a moderator; who waits for the beginning alone needs nobody. @param {View} view @returns {Waiting[]} */
export const knocking = ({ podium }) => [...(podium.room?.lobby.values() ?? [])].filter(({ reason }) => reason === 'lobby');

/** @param {View} view @param {(who: {name: string}) => boolean} matches @returns {HTMLElement[]} nothing where nobody waits */
export function lobbySection(view, matches) {
  const waiting = [...(view.podium.room?.lobby.values() ?? [])].filter(matches);
  if (waiting.length === 0) return [];
  const asked = knocking(view);
  view.permissions.want(asked.slice(0, MOST_ASKED_ABOUT).map(({ id }) => id));
  const all = asked.length > 1 && view.rights.has('lobby.admit_all')
    ? h('button', { class: 'btn btn-sm', type: 'button', data: { testid: 'lobby.admit_all' }, on: { click: () => void command(view.podium, 'lobby.admit_all') } }, 'Let all in')
    : null;
  return [
    h('h3', { class: 'people-section', id: 'people-lobby' }, h('span', { class: 'grow' }, 'Waiting at the door'), all, h('span', { class: 'num', data: { testid: 'lobby-count' } }, waiting.length)),
    h('ul', { aria: { labelledby: 'people-lobby' }, data: { testid: 'lobby' } }, waiting.slice(0, MOST_ROWS).map((who) => row(view, who))),
    ...(waiting.length > MOST_ROWS ? [h('p', { class: 'hint people-more' }, `${waiting.length - MOST_ROWS} more wait.`)] : []),
  ];
}

/** @param {View} view @param {Waiting} who */
function row(view, { id, name, kind, reason, since }) {
  const may = view.permissions.of(id);
  const words = [kind === 'guest' ? 'Guest' : 'Member', reason === 'lobby' ? `since ${timeWord(since)}` : 'comes in when it begins'];
  /** @param {string} type @param {string} label @param {string} mark @param {string} look @param {() => void} run */
  const button = (type, label, mark, look, run) => (may.has(type)
    ? h('button', { class: `btn btn-icon btn-sm ${look}`, type: 'button', title: label, aria: { label: `${label}: ${name}` }, data: { testid: type }, on: { click: run } }, icon(mark, 'icon-sm'))
    : null);
  return h('li', { class: 'person', data: { testid: 'waiting-person', person: id } },
    avatar({ id, name }),
    h('div', { class: 'grow' }, h('div', { class: 'person-name' }, h('span', { class: 'truncate' }, name)), h('div', { class: 'person-role' }, words.join(' · '))),
    button('lobby.admit', 'Let in', 'check', 'btn-primary', () => void command(view.podium, 'lobby.admit', { target: id })),
    button('lobby.refuse', 'Send away', 'x', 'btn-soft', () => void refuse(view, id, name)));
}

/** @param {View} view @param {string} target @param {string} name */
async function refuse(view, target, name) {
  const reason = await askText({ title: `Send ${name} away?`, label: 'Reason (they will read it)', hint: 'They may ask again.', confirm: 'Send away', danger: true });
  if (reason !== null) await command(view.podium, 'lobby.refuse', { target, reason });
}

/** Somebody has come to the door: said to those who can let them in. @param {View} view @param {Waiting} who */
export async function announce(view, { id, name, reason }) {
  if (reason !== 'lobby') return;
  const several = knocking(view).length;
  if (several > 1) {
    toast(`${plural(several, 'person', 'people')} wait at the door.`, { action: { label: 'Show', run: () => view.side.show('people') } });
  } else if (await view.permissions.mayBe(id, 'lobby.admit').catch(() => false)) {
    toast(`${name} waits at the door.`, { action: { label: 'Let in', run: () => void command(view.podium, 'lobby.admit', { target: id }) } });
  }
}
