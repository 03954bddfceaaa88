// Coming in by an invitation: whoever holds the link chooses name, login and password, and is signed in.

import { PodiumError } from '../lib/errors.js';
import * as storage from '../lib/storage.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { missing, refusal } from '../ui/fields.js';
import { initTheme, themeButton } from '../ui/theme.js';
import { refusalText, serverRoleWord } from '../ui/words.js';

/** @typedef {{ workspace: string, logo: string | null, inviter: string, email: string, server_role: string, expires: number }} Opened */

/** The link's secret leaves the address bar; a reload finds it in the tab's own history entry. @returns {string | null} */
function takeInvitation() {
  const given = storage.takeFragment().get('invitation');
  if (given) history.replaceState({ invitation: given }, '');
  return given ?? history.state?.invitation ?? null;
}

/**
 * Nobody joins here: why, and where to go instead.
 * @param {string} title @param {string} text @param {Node} [way]
 */
function stop(title, text, way) {
  const heading = h('h1', { class: 'title', tabindex: '-1' }, title);
  byId('wait', HTMLElement).replaceChildren(
    icon('link', 'icon-lg'),
    heading,
    h('p', { class: 'dim', data: { testid: 'join-refused' } }, text),
    way ?? h('a', { class: 'btn', href: '/' }, 'Start page'),
  );
  byId('wait', HTMLElement).hidden = false;
  byId('join', HTMLFormElement).hidden = true;
  heading.focus();
}

/** @param {unknown} error */
function refuse(error) {
  const code = error instanceof PodiumError ? error.code : 'internal';
  if (code === 'bad_token') stop('This invitation is not good any more', refusalText(error));
  else if (code === 'company_disabled') stop('Switched off for the moment', `${refusalText(error)} Keep the link, and try it later.`);
  else {
    const again = h('button', { class: 'btn btn-primary', type: 'button', on: { click: () => location.reload() } }, 'Try again');
    stop('That did not work', refusalText(error), again);
  }
}

/** @param {string} invitation @param {Opened} opened */
function show(invitation, { workspace, logo, inviter, email, server_role: role }) {
  document.title = `Join ${workspace}`;
  byId('join-logo', HTMLElement).replaceChildren(logo ? h('img', { class: 'company-logo', src: logo, alt: '' }) : '');
  byId('join-title', HTMLElement).textContent = `Join ${workspace}`;
  const article = /^[aeiou]/i.test(serverRoleWord(role)) ? 'an' : 'a';
  const whom = email ? `you (${email})` : 'you';
  byId('join-by', HTMLElement).textContent = `${inviter} invites ${whom} as ${article} ${serverRoleWord(role).toLowerCase()}.`;
  const here = storage.claims(storage.accountToken())?.name;
  byId('join-note', HTMLElement).hidden = !here;
  byId('join-note', HTMLElement).textContent = here ? `You are signed in here as ${here}. Joining makes another account, and signs you in with that one.` : '';
  byId('wait', HTMLElement).hidden = true;
  const form = byId('join', HTMLFormElement);
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void join(form, invitation);
  });
  byId('join-title', HTMLElement).focus();
}

/** @param {HTMLFormElement} form @param {string} invitation */
async function join(form, invitation) {
  const problem = byId('join-error', HTMLElement);
  const button = byId('join-button', HTMLButtonElement);
  problem.textContent = missing(form) ?? '';
  if (problem.textContent) return;
  button.disabled = true;
  try {
    const chosen = { login: byId('login', HTMLInputElement).value, name: byId('name', HTMLInputElement).value };
    const answer = await api('POST', '/workspace/join', { body: { invitation, ...chosen, password: byId('password', HTMLInputElement).value } });
    storage.setAccountToken(answer.token);
    history.replaceState(null, '');
    location.replace('/');
  } catch (error) {
    button.disabled = false;
    if (error instanceof PodiumError && (error.code === 'bad_token' || error.code === 'company_disabled')) refuse(error);
    else problem.textContent = refusal(form, error);
  }
}

async function start() {
  const invitation = takeInvitation();
  if (!invitation) {
    stop('An invitation is needed here', 'Open the link that you were sent; it may have been cut off on its way.');
    return;
  }
  try {
    show(invitation, await api('POST', '/workspace/invitations/open', { body: { invitation } }));
  } catch (error) {
    refuse(error);
  }
}

initTheme();
byId('bar-end', HTMLElement).append(themeButton());
// Another link opened while this page is open changes the fragment only.
window.addEventListener('hashchange', () => location.hash.includes('invitation=') && location.reload());
void start();
