// What the server's owner is told after the very first start: three things to do, until they are done or put away.

import { h, icon } from '../ui/dom.js';

/** @typedef {import("./account.js").Account} Account */

// Put away for good in this browser; setting a password ends it everywhere.
const KEY = 'podium.hint-away';

/**
 * The hint, or null when there is no need of it.
 * @param {Account} account
 * @param {() => void} setPassword opens the dialog for it
 * @returns {HTMLElement | null}
 */
export function firstRunHint(account, setPassword) {
  if (account.has_password || isPutAway()) return null;
  const card = h(
    'section',
    { class: 'card home-first', 'aria-labelledby': 'first-title', data: { testid: 'first-run' } },
    h(
      'div',
      { class: 'row row-between' },
      h(
        'div',
        {},
        h(
          'h2',
          { class: 'subtitle', id: 'first-title' },
          account.server_role === 'owner' ? 'This server is yours' : 'Welcome to Podium',
        ),
        h('p', { class: 'dim' }, 'You came in by a link that works once. Three steps, and you are set:'),
      ),
      h(
        'button',
        {
          class: 'btn btn-quiet btn-icon btn-sm',
          type: 'button',
          'aria-label': 'Put this hint away',
          on: { click: dismiss },
          data: { testid: 'first-run-dismiss' },
        },
        icon('x'),
      ),
    ),
    h(
      'ol',
      { class: 'home-steps' },
      step(
        'Set a password',
        'So that you can sign in again, from any device.',
        h(
          'button',
          {
            class: 'btn btn-primary btn-sm',
            type: 'button',
            data: { testid: 'first-run-password' },
            on: { click: setPassword },
          },
          icon('key', 'icon-sm'),
          'Set password',
        ),
      ),
      step(
        'Open your conference',
        'Choose camera and microphone, then join. The console opens in a window of its own.',
      ),
      step('Send the guest link', 'Whoever has it enters as a viewer, without an account, and may ask for the stage.'),
    ),
  );
  function dismiss() {
    putAway();
    card.remove();
  }
  return card;
}

/**
 * @param {string} title
 * @param {string} text
 * @param {HTMLElement} [action]
 */
function step(title, text, action) {
  return h(
    'li',
    {},
    h('div', { class: 'grow' }, h('strong', {}, title), h('p', { class: 'hint' }, text)),
    ...(action ? [action] : []),
  );
}

function isPutAway() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

function putAway() {
  try {
    localStorage.setItem(KEY, 'yes');
  } catch {
    // Storage is forbidden here: the hint is away until the next visit.
  }
}
