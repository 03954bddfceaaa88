// The activity panel: what happened, newest first, with who did it and when.

import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { announce } from './announcer.js';
import { entryOf } from './sentences.js';

/** @typedef {import('../podium.js').Podium} Podium */

// An evening of a busy conference; the full record is the server's.
const MOST = 400;
// Said aloud to a screen reader; the rest is in the list for whoever wants to read it.
const SPOKEN = new Set([
  'stage.requested',
  'stage.declined',
  'participant.away',
  'conference.ended',
  'participant.left',
]);

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @param {Podium} podium */
export function showLog(podium) {
  const list = byId('log-list', HTMLOListElement);
  const empty = h(
    'li',
    { class: 'empty' },
    icon('clock'),
    h('p', {}, 'Nothing has happened since. What people do appears here.'),
  );
  list.append(empty);
  podium.addEventListener('event', (message) => {
    const { event, before } = /** @type {CustomEvent} */ (message).detail;
    const room = podium.room;
    const entry = room && entryOf(room, event, before);
    if (!room || !entry) return;
    empty.remove();
    const time = new Date(event.time || Date.now());
    list.prepend(
      h(
        'li',
        { class: `console-entry console-entry-${entry.kind}`, data: { testid: 'log-entry', type: event.type } },
        h('span', { class: 'console-entry-icon' }, icon(entry.icon, 'icon-sm')),
        h('span', { class: 'grow' }, entry.text),
        h('time', { class: 'hint num', datetime: time.toISOString() }, clock.format(time)),
      ),
    );
    while (list.childElementCount > MOST) list.lastElementChild?.remove();
    // What one did oneself is answered where it was done.
    if (SPOKEN.has(event.type) && event.by !== room.you) announce(`${entry.text}.`);
  });
}
