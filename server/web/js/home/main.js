// The home page: signed in or not, and how one gets from one to the other.

import { storage } from '../podium.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { initTheme, themeButton } from '../ui/theme.js';
import { toast } from '../ui/toast.js';
import { accountMenu, passwordDialog } from './account.js';
import { showConferences } from './conferences.js';
import { firstRunHint, rememberFirstRun } from './firstrun.js';
import { showSignIn } from './signin.js';

/** @typedef {import("./account.js").Account} Account */

/** @typedef {"wait" | "sign-in" | "signed-in"} View */

/** @param {View} view */
function show(view) {
  for (const id of ['wait', 'sign-in', 'signed-in']) byId(id, HTMLElement).hidden = id !== view;
}

/**
 * Where a link may send one after signing in: a path on this server, nothing else.
 * @param {string | null} next
 * @returns {string | null}
 */
function localPath(next) {
  if (!next) return null;
  const target = new URL(next, location.origin);
  return target.origin === location.origin && next.startsWith('/') ? target.pathname : null;
}

/**
 * Takes the one-time code out of the address, trades it for a token and goes on to where the link leads.
 * @returns {Promise<string | null>} what to tell above the sign-in form when it did not work
 */
async function useCode() {
  const fragment = storage.takeFragment();
  const code = fragment.get('code');
  const next = localPath(fragment.get('next'));
  if (!code) return null;
  byId('wait-text', HTMLElement).textContent = 'Signing you in…';
  try {
    const signedIn = await api('POST', '/login', { body: { code } });
    storage.setAccountToken(signedIn.token);
    rememberFirstRun();
  } catch (error) {
    // The link was opened before, in this browser: it still leads where it leads.
    if (!storage.accountToken()) {
      const reason = error instanceof Error ? error.message : '';
      return `This sign-in link does not work any more; such a link works once. ${reason}`.trim();
    }
  }
  if (next) {
    location.replace(next);
    return new Promise(() => {});
  }
  return null;
}

/**
 * The account that the stored token belongs to; null when there is none, or it has expired.
 * @returns {Promise<Account | null>}
 */
async function currentAccount() {
  const token = storage.accountToken();
  if (!token) return null;
  try {
    const answer = await api('GET', '/me', { token });
    return answer.account ?? answer;
  } catch (error) {
    if (/** @type {{ status?: number }} */ (error).status !== 401) throw error;
    storage.setAccountToken(null);
    return null;
  }
}

/** @param {string | null} [note] why one is asked to sign in, when there is a reason */
function askToSignIn(note = null) {
  document.title = 'Sign in · Podium';
  byId('bar-end', HTMLElement).replaceChildren(themeButton());
  show('sign-in');
  showSignIn(note, (token, account) => {
    storage.setAccountToken(token);
    welcome(account);
  });
}

/** @param {Account} account */
function welcome(account) {
  const token = storage.accountToken();
  if (!token) return askToSignIn();
  document.title = 'Podium';
  const signOut = () => {
    stop();
    storage.setAccountToken(null);
    askToSignIn('You are signed out.');
  };
  byId('bar-end', HTMLElement).replaceChildren(themeButton(), accountMenu(account, token, signOut));
  const first = account.name.trim().split(/\s+/)[0];
  byId('greeting', HTMLElement).textContent = `Hello, ${first}`;
  byId('first-run', HTMLElement).replaceChildren(firstRunHint(account, () => passwordDialog(account, token)) ?? '');
  show('signed-in');
  const stop = showConferences(account, token, () => {
    storage.setAccountToken(null);
    askToSignIn('Your session has ended; please sign in again.');
  });
}

async function start() {
  initTheme();
  byId('bar-end', HTMLElement).replaceChildren(themeButton());
  const note = await useCode();
  const expired = storage.accountToken() !== null;
  try {
    const account = await currentAccount();
    if (account) welcome(account);
    else askToSignIn(note ?? (expired ? 'Your session has ended; please sign in again.' : null));
  } catch (error) {
    byId('wait', HTMLElement).replaceChildren(
      icon('wifi-off', 'icon-lg'),
      h('p', { class: 'dim' }, error instanceof Error ? error.message : 'The server cannot be reached.'),
      h('button', { class: 'btn btn-primary', type: 'button', on: { click: () => location.reload() } }, 'Try again'),
    );
    toast('Not connected', { kind: 'warn' });
  }
}

void start();
