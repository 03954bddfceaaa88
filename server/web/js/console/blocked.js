// Who is kept out of the conference: a button below the list of people, and the list with its way back in.

import { byId } from '../ui/byid.js';
import { openDialog } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { give } from './commands.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */
/** @typedef {import('../types.js').Blocked} Blocked */

// Asked about with `can`, and shown: the newest; nobody works through more at once.
const SHOWN = 50;

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export function showBlocked(podium, permissions) {
  const button = byId('blocked', HTMLButtonElement);
  button.addEventListener('click', () => void openList(podium, permissions));
  const draw = () => {
    // Moderators alone are told, so for all others this is empty.
    const count = podium.room?.blocked.size ?? 0;
    button.hidden = count === 0;
    button.replaceChildren(icon('lock', 'icon-sm'), `Blocked · ${count}`);
  };
  for (const name of ['change', 'resync']) podium.addEventListener(name, draw);
  draw();
}

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
async function openList(podium, permissions) {
  const list = h('ul', { class: 'console-blocked', data: { testid: 'blocked-list' } });
  const draw = () => {
    const all = [...(podium.room?.blocked.values() ?? [])].sort((one, other) => other.time - one.time);
    const shown = all.slice(0, SHOWN);
    permissions.want(shown.map(({ id }) => id));
    list.replaceChildren(...shown.map((one) => item(podium, permissions, one)));
    if (all.length > SHOWN) list.append(h('li', { class: 'hint' }, `and ${all.length - SHOWN} more`));
    if (all.length === 0) list.append(h('li', { class: 'hint' }, 'Nobody is blocked.'));
  };
  const stop = new AbortController();
  for (const source of [podium, permissions]) source.addEventListener('change', draw, { signal: stop.signal });
  draw();
  await openDialog({
    title: 'Blocked people',
    testid: 'blocked-dialog',
    body: [h('p', { class: 'dim' }, 'They cannot come back until unblocked. A guest who begins anew by a guest link is somebody new to the server.'), list],
    actions: [{ label: 'Done', kind: 'primary' }],
  });
  stop.abort();
}

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 * @param {Blocked} blocked
 */
function item(podium, permissions, { id, name, by, time, note }) {
  const who = by === id ? '' : ` by ${podium.room?.name(by) ?? by}`;
  const unblock = h(
    'button',
    {
      class: 'btn btn-sm',
      type: 'button',
      hidden: !permissions.allows(id, 'participant.unblock'),
      'aria-label': `Unblock ${name}`,
      data: { testid: 'unblock' },
      on: { click: () => void give(podium, 'participant.unblock', { target: id }, `${name} is unblocked.`) },
    },
    'Unblock',
  );
  return h(
    'li',
    { data: { testid: 'blocked-person', person: id } },
    h(
      'div',
      { class: 'grow' },
      h('div', { class: 'truncate' }, name),
      h('div', { class: 'hint' }, `${day.format(time)}${who}${note ? ` · “${note}”` : ''}`),
    ),
    unblock,
  );
}
