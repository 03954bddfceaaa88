// The home page: signed in or not, and how one gets from one to the other.

import { PodiumError, storage } from '../podium.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { allowedOf, opensPanel } from '../ui/panelneeds.js';
import { initTheme, themeButton } from '../ui/theme.js';
import { refusalText } from '../ui/words.js';
import { accountMenu, passwordDialog } from './account.js';
import { showConferences } from './conferences.js';
import { showEvents } from './events.js';
import { firstRunHint } from './firstrun.js';
import { showSignIn } from './signin.js';

/** @typedef {import("./account.js").Account} Account */

const ENDED = 'Your session has ended; please sign in again.';
// How coming back from single sign-on may end.
/** @type {Record<string, string>} */
const SSO_SAYS = {
  expired: 'That took too long, or began in another window; please log in once more.',
  refused: 'The provider did not let you in, or this server takes no account from it.',
  unreachable: 'The log-in provider does not answer at the moment.',
};

/** @param {'wait' | 'sign-in' | 'signed-in'} view */
function show(view) {
  for (const id of ['wait', 'sign-in', 'signed-in']) byId(id, HTMLElement).hidden = id !== view;
}

/**
 * Where a link may send one after signing in: a path on this server, nothing else.
 * @param {string | null} next
 * @returns {string | null}
 */
function localPath(next) {
  if (!next?.startsWith('/')) return null;
  const target = new URL(next, location.origin);
  return target.origin === location.origin ? target.pathname : null;
}

/**
 * Trades a one-time code for a token.
 * @param {string} code
 * @returns {Promise<string | null>} what to tell above the sign-in form when the code is not good any more
 */
async function useCode(code) {
  byId('wait-text', HTMLElement).textContent = 'Signing you in…';
  try {
    const signedIn = await api('POST', '/login', { body: { code } });
    storage.setAccountToken(signedIn.token);
  } catch (error) {
    if (!(error instanceof PodiumError) || error.retry) throw error;
    // The link was opened before, in this browser: it still leads where it leads.
    if (!storage.accountToken()) return 'This sign-in link has been used, or is too old. Such a link works once.';
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
    if (!(error instanceof PodiumError && error.status === 401)) throw error;
    storage.setAccountToken(null);
    return null;
  }
}

/**
 * @param {string | null} note why one is asked to sign in, when there is a reason
 * @param {string | null} [next] where to go afterwards
 */
function askToSignIn(note, next = null) {
  document.title = 'Sign in · Podium';
  byId('bar-end', HTMLElement).replaceChildren(themeButton());
  show('sign-in');
  showSignIn(note, next, (token, account) => {
    storage.setAccountToken(token);
    if (next) location.replace(next);
    else welcome(account, token);
  });
}

/**
 * @param {Account} account
 * @param {string} token
 */
function welcome(account, token) {
  document.title = 'Podium';
  /** @param {string} note */
  const leave = (note) => {
    stop();
    storage.setAccountToken(null);
    askToSignIn(note);
  };
  const signOut = () => leave('You are signed out.');
  const setPassword = () =>
    passwordDialog(account, token, (fresh) => {
      stop();
      storage.setAccountToken(fresh);
      welcome({ ...account, has_password: true }, fresh);
    });
  const panel = panelLink();
  byId('bar-end', HTMLElement).replaceChildren(panel, themeButton(), accountMenu(account, setPassword, signOut));
  // Without an answer the link stays away; the page says elsewhere that the server is not there.
  api('GET', '/workspace/can', { token }).then((rights) => (panel.hidden = !opensPanel(allowedOf(rights))), () => {});
  byId('greeting', HTMLElement).textContent = `Hello, ${account.name.trim().split(/\s+/)[0]}`;
  byId('first-run', HTMLElement).replaceChildren(firstRunHint(account, setPassword) ?? '');
  show('signed-in');
  const conferences = showConferences(account, token, () => leave(ENDED), () => void events.refresh());
  const events = showEvents(account, token, conferences.refresh);
  const stop = () => {
    conferences.stop();
    events.stop();
  };
}

function panelLink() {
  return h(
    'a',
    { class: 'btn btn-quiet home-panel', href: '/panel', hidden: true, data: { testid: 'panel-link' } },
    icon('settings'),
    h('span', {}, 'Control panel'),
  );
}

/**
 * The server was not reached, or is switched off: say so, and let one try again with the same link.
 * @param {unknown} error
 * @param {() => void} again
 */
function showFailure(error, again) {
  const off = error instanceof PodiumError && error.code === 'company_disabled';
  const other = () => {
    storage.setAccountToken(null);
    askToSignIn(null);
  };
  byId('wait', HTMLElement).replaceChildren(
    icon(off ? 'lock' : 'wifi-off', 'icon-lg'),
    h('p', { class: 'dim', id: 'wait-text' }, refusalText(error)),
    h(
      'button',
      { class: 'btn btn-primary', type: 'button', data: { testid: 'try-again' }, on: { click: again } },
      'Try again',
    ),
    // Whoever may switch it on again may be somebody else than who was here last.
    off ? h('button', { class: 'btn', type: 'button', on: { click: other } }, 'Sign in as somebody else') : '',
  );
  show('wait');
}

/**
 * @param {string | null} code
 * @param {string | null} next
 */
async function start(code, next) {
  try {
    const note = code ? await useCode(code) : singleSignOnFailed;
    const hadToken = storage.accountToken() !== null;
    const account = await currentAccount();
    const token = storage.accountToken();
    if (!account || !token) askToSignIn(note ?? (hadToken ? ENDED : null), next);
    else if (next) location.replace(next);
    else welcome(account, token);
  } catch (error) {
    showFailure(error, () => void start(code, next));
  }
}

initTheme();
byId('bar-end', HTMLElement).replaceChildren(themeButton());
// Whatever the link carries leaves the address bar before anything else happens.
const fragment = storage.takeFragment();
const singleSignOnFailed = SSO_SAYS[fragment.get('sso') ?? ''] ?? null;
void start(fragment.get('code'), localPath(fragment.get('next')));
// A sign-in link opened while this page is open changes the fragment only.
window.addEventListener('hashchange', () => {
  if (/[#&](code|next|sso)=/.test(location.hash)) location.reload();
});
