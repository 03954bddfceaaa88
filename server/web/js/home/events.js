// The events of the signed-in person: conferences that belong together, and who has which role in all of them.
//
// The list of conferences beside it looks for news by itself; events change by what one does here, and are read again
// then, and whenever the page is looked at again.

import { PodiumError } from '../podium.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { ask } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { momentWord, refusalText } from '../ui/words.js';
import { askToTakeOut, newEventDialog, peopleDialog, removeSession, sessionDialog } from './eventdialogs.js';

/** @typedef {import("./account.js").Account} Account */
/** @typedef {{ conference: string, title: string, mine?: boolean, starts?: number | null }} Conference */
/** @typedef {{ identity: string, name: string, role: string }} Member */
/** @typedef {{ event: string, title: string, owner: string, sessions: string[], members: Member[] }} Event */

/**
 * Shows the list and wires the button that makes an event. Where the server refuses the list, there is no section.
 * @param {Account} account
 * @param {string} token
 * @param {() => Promise<void>} added there may be a new conference, or one that is in no event any more
 * @returns {{ stop: () => void, refresh: () => Promise<void> }} `stop` ends it
 */
export function showEvents(account, token, added) {
  const abort = new AbortController();
  const { signal } = abort;
  const section = byId('events-section', HTMLElement);
  const problem = byId('events-error', HTMLElement);
  const list = byId('events', HTMLUListElement);
  /** What is known of conferences, by id. @type {Map<string, Conference>} */
  const conferences = new Map();
  /** Those that the list of conferences leaves out, each looked up once. @type {Map<string, Conference>} */
  const older = new Map();
  let drawn = '';

  async function read() {
    try {
      /** @type {[{ events: Event[] }, { conferences: Conference[] }]} */
      const [{ events }, listed] = await Promise.all([api('GET', '/events', { token }), api('GET', '/conferences', { token })]);
      conferences.clear();
      for (const one of listed.conferences) conferences.set(one.conference, one);
      await lookUp(events);
      if (signal.aborted) return;
      section.hidden = false;
      problem.textContent = '';
      draw(events);
    } catch (error) {
      if (signal.aborted) return;
      section.hidden = error instanceof PodiumError && error.code === 'not_allowed';
      problem.textContent = refusalText(error);
    }
  }

  /** The list of conferences ends with the hundredth; a session may be one that is older. @param {Event[]} events */
  async function lookUp(events) {
    const missing = new Set(events.flatMap((event) => event.sessions).filter((id) => !conferences.has(id) && !older.has(id)));
    for (const id of missing) {
      try {
        older.set(id, await api('GET', `/conferences/${encodeURIComponent(id)}`, { token }));
      } catch (error) {
        if (!(error instanceof PodiumError) || error.retry) throw error;
        older.set(id, { conference: id, title: 'A conference that you cannot see' });
      }
    }
  }

  /** @param {Event[]} events */
  function draw(events) {
    // Redrawing what is the same would take the focus from whoever is on a button.
    const state = JSON.stringify([events, [...conferences.values(), ...older.values()].map(({ title, starts }) => [title, starts])]);
    if (state === drawn) return;
    drawn = state;
    list.replaceChildren(...events.map(card));
  }

  /** @param {Event} event */
  function card(event) {
    const { event: id, title, owner, members } = event;
    const sessions = event.sessions
      .map((one) => conferences.get(one) ?? older.get(one) ?? { conference: one, title: one })
      .sort((a, b) => (a.starts ?? Infinity) - (b.starts ?? Infinity));
    return h(
      'li',
      { class: 'card home-event', data: { testid: 'event', event: id } },
      h(
        'div',
        { class: 'home-event-head' },
        h('h3', {}, title),
        h(
          'button',
          {
            class: 'btn btn-quiet btn-icon btn-sm',
            type: 'button',
            'aria-label': `Remove the event ${title}`,
            title: `Remove the event ${title}`,
            data: { testid: 'event-remove' },
            on: { click: () => void remove(event) },
          },
          icon('trash'),
        ),
      ),
      owner === account.id ? null : h('p', { class: 'hint' }, 'Of somebody else'),
      h('ul', { class: 'home-sessions', data: { testid: 'event-sessions' } }, ...(sessions.length ? sessions.map((one) => session(one, event)) : [h('li', { class: 'hint' }, 'No session yet.')])),
      h(
        'div',
        { class: 'row row-s row-wrap' },
        deed('plus', 'Add a session', 'event-add-session', () => sessionDialog({ token, event, conferences: free(), done: () => done(id, 'event-add-session') })),
        deed('people', `People: ${members.length}`, 'event-people', () => void peopleDialog(token, event).then(() => done(id, 'event-people'))),
      ),
    );
  }

  /** One's own conferences, from which a session can be made. */
  const free = () => [...conferences.values()].filter(({ mine }) => mine);

  /** Reads again; the focus goes back to the button. @param {string} id @param {string} button */
  async function done(id, button) {
    await Promise.all([read(), added()]);
    const node = list.querySelector(`[data-event="${CSS.escape(id)}"] [data-testid="${button}"]`);
    (node instanceof HTMLElement ? node : byId('events-title', HTMLElement)).focus();
  }

  /** @param {Conference} one @param {Event} event */
  function session({ conference, title, starts }, event) {
    const label = `Take ${title} out of the event ${event.title}`;
    return h(
      'li',
      {},
      h('a', { href: `/c/${encodeURIComponent(conference)}` }, title),
      h(
        'span',
        { class: 'row row-s' },
        h('span', { class: 'hint' }, starts ? momentWord(starts) : 'No time set'),
        h(
          'button',
          {
            class: 'btn btn-quiet btn-icon btn-sm',
            type: 'button',
            'aria-label': label,
            title: label,
            data: { testid: 'session-remove' },
            on: { click: () => void takeOut(conference, title, event) },
          },
          icon('x'),
        ),
      ),
    );
  }

  /** @param {string} conference @param {string} called @param {Event} event */
  async function takeOut(conference, called, { event }) {
    if (!(await askToTakeOut(called))) return;
    try {
      await removeSession(token, event, conference);
      await Promise.all([read(), added()]);
    } catch (error) {
      problem.textContent = refusalText(error);
    }
    byId('events-title', HTMLElement).focus();
  }

  /** @param {Event} event */
  async function remove({ event, title }) {
    const text = 'Its sessions stay as conferences, and everybody keeps their role in them.';
    if (!(await ask({ title: `Remove the event “${title}”?`, text, confirm: 'Remove', danger: true }))) return;
    try {
      await api('DELETE', `/events/${encodeURIComponent(event)}`, { token });
      await read();
    } catch (error) {
      problem.textContent = refusalText(error);
    }
    byId('events-title', HTMLElement).focus();
  }

  byId('event-new', HTMLButtonElement).addEventListener('click', () => newEventDialog(token, () => void read()), { signal });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void read(), { signal });
  list.replaceChildren();
  void read();
  return { stop: () => abort.abort(), refresh: read };
}

/** @param {string} picture @param {string} label @param {string} testid @param {() => void} run */
const deed = (picture, label, testid, run) =>
  h('button', { class: 'btn btn-sm', type: 'button', data: { testid }, on: { click: run } }, icon(picture, 'icon-sm'), label);
