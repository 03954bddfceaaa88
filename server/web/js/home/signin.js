// Signing in by login and password, or by single sign-on.

import { api } from '../ui/api.js';
import { h, icon } from '../ui/dom.js';
import { refusalText } from '../ui/words.js';
import { byId } from '../ui/byid.js';

/** @typedef {import("./account.js").Account} Account */

/** @type {((token: string, account: Account) => void) | null} */
let whenSignedIn = null;
let wired = false;

/**
 * Shows the form, with a note above it when there is something to tell.
 * @param {string | null} note
 * @param {string | null} next where to go afterwards, which single sign-on has to remember
 * @param {(token: string, account: Account) => void} done
 */
export function showSignIn(note, next, done) {
  whenSignedIn = done;
  if (!wired) wire();
  void offerSingleSignOn(next);
  const banner = byId('sign-in-note', HTMLElement);
  banner.hidden = note === null;
  banner.textContent = note ?? '';
  byId('password', HTMLInputElement).value = '';
  say('');
  // On a phone the keyboard would cover the page that is to be read first.
  if (matchMedia('(hover: hover)').matches) byId('login', HTMLInputElement).focus();
}

function wire() {
  wired = true;
  const password = byId('password', HTMLInputElement);
  const eye = byId('password-show', HTMLButtonElement);
  eye.append(icon('eye'));
  eye.addEventListener('click', () => {
    const shown = password.type === 'password';
    password.type = shown ? 'text' : 'password';
    eye.setAttribute('aria-pressed', String(shown));
  });
  byId('sign-in-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
}

/**
 * The button to the provider of single sign-on, where there is one.
 * @param {string | null} next
 */
async function offerSingleSignOn(next) {
  const place = byId('sign-in-sso', HTMLElement);
  /** @type {{ name: string | null }} */
  // Whoever cannot be told about it signs in as without it.
  const { name } = await api('GET', '/sso').catch(() => ({ name: null }));
  place.hidden = name === null;
  const link = h(
    'a',
    {
      class: 'btn btn-lg btn-block',
      href: `/api/v1/sso/login${next ? `?next=${encodeURIComponent(next)}` : ''}`,
      data: { testid: 'login-sso' },
    },
    icon('key'),
    `Log in with ${name}`,
  );
  place.replaceChildren(h('p', { class: 'hint home-or' }, 'or'), link);
}

/** @param {string} text */
function say(text) {
  byId('sign-in-error', HTMLElement).textContent = text;
}

async function submit() {
  const name = byId('login', HTMLInputElement);
  const password = byId('password', HTMLInputElement);
  const button = byId('sign-in-button', HTMLButtonElement);
  const missing = name.value.trim() === '' ? name : password.value === '' ? password : null;
  name.setAttribute('aria-invalid', String(missing === name));
  password.setAttribute('aria-invalid', String(missing === password));
  if (missing) {
    say(missing === name ? 'Please type your login.' : 'Please type your password.');
    missing.focus();
    return;
  }
  say('');
  button.disabled = true;
  button.textContent = 'Signing in…';
  try {
    const answer = await api('POST', '/login', { body: { name: name.value.trim(), password: password.value } });
    password.value = '';
    whenSignedIn?.(answer.token, answer.account);
  } catch (error) {
    const code = /** @type {{ code?: string }} */ (error).code;
    say(code === 'bad_token' ? 'The login or the password is not right.' : refusalText(error));
    password.select();
    password.focus();
  } finally {
    button.disabled = false;
    button.textContent = 'Sign in';
  }
}
