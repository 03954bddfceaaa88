// The conferences of the signed-in person as cards, kept fresh while the page is looked at; and making a new one.

import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { copyGuestLink, inviteDialog } from '../ui/invite.js';
import { toast } from '../ui/toast.js';
import { momentWord, refusalText } from '../ui/words.js';
import { askToTakeOut, removeSession } from './eventdialogs.js';

/** @typedef {import("./account.js").Account} Account */
/** @typedef {{ conference: string, title: string, owner: string, mine: boolean, running: boolean, people: number, starts?: number, ends?: number, event?: string }} Conference */

// People come and go in seconds; the list is a few hundred bytes.
const REFRESH_MS = 8_000;
// From here on a search field is of more use than in the way.
const SEARCH_FROM = 7;

/**
 * Shows the list and wires the form that makes a conference.
 * @param {Account} account
 * @param {string} token
 * @param {() => void} expired called when the token is not valid any more
 * @param {() => void} released called when a conference was taken out of an event
 * @returns {{ stop: () => void, refresh: () => Promise<void> }} `stop` ends refreshing
 */
export function showConferences(account, token, expired, released) {
  const cards = byId('cards', HTMLUListElement);
  const filter = byId('search-text', HTMLInputElement);
  const abort = new AbortController();
  const { signal } = abort;
  /** @type {Conference[]} */
  let conferences = [];
  let drawn = '';

  async function refresh() {
    try {
      const answer = await api('GET', '/conferences', { token });
      if (signal.aborted) return;
      conferences = answer.conferences;
      draw();
    } catch (error) {
      if (signal.aborted) return;
      if (/** @type {{ status?: number }} */ (error).status === 401) {
        stop();
        expired();
      } else byId('summary', HTMLElement).textContent = refusalText(error);
    }
  }

  function draw() {
    const wanted = filter.value.trim().toLowerCase();
    const shown = conferences
      .filter((one) => one.title.toLowerCase().includes(wanted))
      .sort(
        (a, b) =>
          Number(b.people > 0) - Number(a.people > 0) ||
          Number(b.running) - Number(a.running) ||
          Number(b.mine) - Number(a.mine) ||
          a.title.localeCompare(b.title),
      );
    byId('search', HTMLElement).hidden = conferences.length < SEARCH_FROM;
    byId('summary', HTMLElement).textContent = summary(conferences);
    // Redrawing what is the same would take the focus from whoever is on a button.
    const state = JSON.stringify([wanted, shown]);
    if (state === drawn) return;
    drawn = state;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    cards.replaceChildren(...(shown.length ? shown.map((one) => card(one, account, token, takeOut)) : [nothing(wanted)]));
    for (const element of focused ? cards.querySelectorAll('[data-key]') : []) {
      if (element instanceof HTMLElement && element.dataset.key === focused) element.focus();
    }
  }

  /** @param {Conference} conference */
  async function takeOut({ conference, title, event = '' }) {
    if (!(await askToTakeOut(title))) return;
    try {
      await removeSession(token, event, conference);
      await refresh();
      released();
    } catch (error) {
      byId('summary', HTMLElement).textContent = refusalText(error);
    }
    // The button that was pressed is gone.
    const open = cards.querySelector(`[data-conference="${CSS.escape(conference)}"] [data-testid="conference-open"]`);
    if (open instanceof HTMLElement) open.focus();
  }

  function stop() {
    abort.abort();
    clearInterval(timer);
  }

  wireCreation(token, signal, refresh);
  filter.addEventListener('input', draw, { signal });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void refresh(), {
    signal,
  });
  const timer = setInterval(() => document.visibilityState === 'visible' && void refresh(), REFRESH_MS);
  cards.replaceChildren(
    ...[1, 2].map(() => h('li', { class: 'card home-card home-card-loading', 'aria-hidden': 'true' })),
  );
  void refresh();
  return { stop, refresh };
}

/**
 * @param {Conference[]} all
 * @returns {string}
 */
function summary(all) {
  const running = all.filter((one) => one.people > 0);
  const people = running.reduce((sum, one) => sum + one.people, 0);
  if (running.length === 0) return 'Nobody is in a conference at the moment.';
  const conferences = running.length === 1 ? 'One conference is running' : `${running.length} conferences are running`;
  return `${conferences}, with ${people === 1 ? 'one person' : `${people} people`} in ${running.length === 1 ? 'it' : 'them'}.`;
}

/** @param {string} wanted */
function nothing(wanted) {
  return h(
    'li',
    { class: 'home-none' },
    h(
      'div',
      { class: 'empty' },
      icon(wanted ? 'search' : 'podium'),
      h('p', {}, wanted ? `No conference is called “${wanted}”.` : 'No conference yet. Start your first one above.'),
    ),
  );
}

/**
 * @param {Conference} conference
 * @param {Account} account
 * @param {string} token
 * @param {(conference: Conference) => Promise<void>} takeOut takes it out of its event
 * @returns {HTMLLIElement}
 */
function card(conference, account, token, takeOut) {
  const { conference: id, title, mine, owner, running, people, starts, event } = conference;
  const planned = running && starts !== undefined && starts > Date.now();
  const busy = people > 0;
  const where = { token, conference: id, title, you: account.id };
  return h(
    'li',
    {
      class: `card home-card${busy ? ' home-card-running' : ''}`,
      data: { testid: 'conference-card', conference: id },
    },
    h(
      'div',
      { class: 'row row-between' },
      busy
        ? h('span', { class: 'badge badge-ok' }, h('span', { class: 'dot dot-ok' }), 'Running')
        : h('span', { class: 'badge' }, planned ? 'Planned' : running ? 'Nobody there' : 'Ended'),
      busy &&
        h(
          'span',
          { class: 'home-people num', data: { testid: 'conference-people' } },
          icon('people', 'icon-sm'),
          h('span', { class: 'sr-only' }, 'People: '),
          String(people),
        ),
    ),
    h(
      'div',
      { class: 'home-card-words' },
      h('h3', { class: 'home-card-title', title }, title),
      h('p', { class: 'hint truncate' }, mine || owner === account.id ? 'Yours' : 'Of somebody else'),
      planned && h('p', { class: 'hint', data: { testid: 'conference-starts' } }, `Starts ${momentWord(starts)}`),
      mine &&
        event &&
        h(
          'p',
          { class: 'hint' },
          'A session of an event. ',
          h(
            'button',
            {
              class: 'btn btn-quiet btn-sm',
              type: 'button',
              data: { testid: 'conference-take-out', key: `out ${id}` },
              on: { click: () => void takeOut(conference) },
            },
            'Take it out',
            h('span', { class: 'sr-only' }, `: ${title}`),
          ),
        ),
    ),
    h(
      'div',
      { class: 'home-card-actions' },
      h(
        'a',
        {
          class: busy || mine ? 'btn btn-primary' : 'btn',
          href: `/c/${encodeURIComponent(id)}`,
          data: { testid: 'conference-open', key: `open ${id}` },
        },
        icon(busy ? 'camera' : 'play'),
        busy ? 'Join' : 'Open',
        h('span', { class: 'sr-only' }, `: ${title}`),
      ),
      h(
        'button',
        {
          class: 'btn btn-soft btn-icon',
          type: 'button',
          'aria-label': `Moderator console of ${title}`,
          'data-tip': 'Console',
          data: { testid: 'conference-console', key: `console ${id}` },
          on: { click: () => openConsole(id) },
        },
        icon('console'),
      ),
      h(
        'button',
        {
          class: 'btn btn-soft btn-icon',
          type: 'button',
          'aria-label': `Copy the guest link of ${title}`,
          'data-tip': 'Copy guest link',
          data: { testid: 'conference-copy', key: `copy ${id}` },
          on: { click: () => void copyGuestLink(where) },
        },
        icon('link'),
      ),
      h(
        'button',
        {
          class: 'btn btn-soft btn-icon',
          type: 'button',
          'aria-label': `Invite people to ${title}`,
          'data-tip': 'Invite as …',
          'data-tip-end': '',
          data: { testid: 'conference-invite', key: `invite ${id}` },
          on: { click: () => inviteDialog(where) },
        },
        icon('user-plus'),
      ),
      sheetLink(id, title, 'invitations', 'mail', 'Invitations by e-mail'),
      sheetLink(id, title, 'reports', 'list', 'Reports'),
    ),
  );
}

/**
 * The way to a page about a conference; whether it opens there is the server's answer.
 * @param {string} id @param {string} title @param {'invitations' | 'reports'} page @param {string} picture @param {string} word
 */
function sheetLink(id, title, page, picture, word) {
  return h(
    'a',
    {
      class: 'btn btn-soft btn-icon',
      href: `/${page}/${encodeURIComponent(id)}`,
      'aria-label': `${word}: ${title}`,
      'data-tip': word,
      'data-tip-end': '',
      data: { testid: `conference-${page}`, key: `${page} ${id}` },
    },
    icon(picture),
  );
}

/** @param {string} conference */
function openConsole(conference) {
  // One window for each conference: a second click brings the first window to the front.
  window.open(
    `/console/${encodeURIComponent(conference)}`,
    `podium-console-${conference}`,
    'popup,width=1280,height=820',
  );
}

/**
 * @param {string} token
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} refresh
 */
function wireCreation(token, signal, refresh) {
  const name = byId('create-name', HTMLInputElement);
  const button = byId('create-button', HTMLButtonElement);
  const problem = byId('create-error', HTMLElement);
  const create = async () => {
    const title = name.value.trim();
    name.setAttribute('aria-invalid', String(title === ''));
    if (!title) {
      problem.textContent = 'Please give it a name first.';
      name.focus();
      return;
    }
    problem.textContent = '';
    button.disabled = true;
    try {
      const made = await api('POST', '/conferences', { token, body: { title } });
      name.value = '';
      if (made.returned)
        toast(`“${made.title}” is still running, so you are brought back to it.`, { kind: 'warn', ms: 4000 });
      await refresh();
      if (made.returned) setTimeout(() => location.assign(`/c/${encodeURIComponent(made.conference)}`), 1800);
      else {
        toast(`“${made.title}” is ready.`, {
          kind: 'ok',
          action: { label: 'Open', run: () => location.assign(`/c/${encodeURIComponent(made.conference)}`) },
        });
      }
    } catch (error) {
      problem.textContent = refusalText(error);
    } finally {
      button.disabled = false;
    }
  };
  byId('create-form', HTMLFormElement).addEventListener(
    'submit',
    (event) => {
      event.preventDefault();
      void create();
    },
    { signal },
  );
}
