// What was changed by whom, the newest first, a page at a time.

import { h } from '../ui/dom.js';
import { nothing } from './form.js';
import { deed } from './deeds.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./deeds.js').Entry} Entry */

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function recordSection(panel) {
  const days = h('div', { class: 'stack', data: { testid: 'record' } });
  const older = h('button', { class: 'btn', type: 'button', data: { testid: 'record-older' }, on: { click: () => void panel.attempt(next) } }, 'Show older ones');
  /** @type {string | null} */
  let after = null;
  let shownDay = '';
  /** @type {HTMLOListElement | null} */
  let list = null;

  async function next() {
    const page = await panel.call('GET', `/record${after ? `?after=${encodeURIComponent(after)}` : ''}`);
    for (const entry of /** @type {Entry[]} */ (page.entries)) add(entry);
    after = page.next;
    older.hidden = after === null;
  }

  /** @param {Entry} entry */
  function add(entry) {
    const today = day.format(entry.time);
    if (today !== shownDay || !list) {
      shownDay = today;
      list = h('ol', { class: 'card panel-list' });
      days.append(h('section', { class: 'stack stack-s' }, h('h2', { class: 'label' }, today), list));
    }
    list.append(
      h(
        'li',
        { class: 'panel-item panel-entry', data: { testid: 'entry' } },
        h('time', { class: 'hint num', datetime: new Date(entry.time).toISOString() }, clock.format(entry.time)),
        h('p', {}, h('strong', {}, entry.login), ` ${deed(entry)}`),
      ),
    );
  }

  await next();
  if (!list) days.append(h('div', { class: 'card' }, nothing('Nothing has been changed yet.')));
  return h('div', { class: 'stack' }, days, h('div', {}, older));
}
