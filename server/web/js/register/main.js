// Registering for a conference: a name and an address. What there is to know comes by e-mail, whoever it is.

import { PodiumError } from '../lib/errors.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { missing, refusal } from '../ui/fields.js';
import { initTheme, themeButton } from '../ui/theme.js';
import { refusalText } from '../ui/words.js';

/** @typedef {{ conference: string, title: string, workspace: string, registration: string, starts?: number, ends?: number }} Shown */

const conference = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const path = `/conferences/${encodeURIComponent(conference)}/registration`;
// With the zone: who reads it may be anywhere.
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @param {string} picture @param {string} title @param {string} text @param {Node} [way] */
function say(picture, title, text, way) {
  const heading = h('h1', { class: 'title', tabindex: '-1' }, title);
  byId('wait', HTMLElement).replaceChildren(
    icon(picture, 'icon-lg'),
    heading,
    h('p', { class: 'dim', data: { testid: 'register-said' } }, text),
    ...(way ? [way] : []),
  );
  byId('wait', HTMLElement).hidden = false;
  byId('register', HTMLFormElement).hidden = true;
  heading.focus();
}

/** @param {Shown} shown */
function show({ title, workspace, registration, starts, ends }) {
  document.title = `Register for ${title}`;
  if (registration === 'closed') {
    say('lock', title, 'The registration is closed. Whoever is invited has a link in their mail.');
    return;
  }
  byId('register-workspace', HTMLElement).textContent = workspace;
  byId('register-title', HTMLElement).textContent = title;
  const time = byId('register-time', HTMLElement);
  time.hidden = starts === undefined;
  if (starts !== undefined) time.textContent = `${ends === undefined ? day.format(starts) : day.formatRange(starts, ends)} (${zone})`;
  byId('roles', HTMLFieldSetElement).hidden = registration !== 'speakers';
  byId('wait', HTMLElement).hidden = true;
  const form = byId('register', HTMLFormElement);
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void register(form);
  });
  byId('register-title', HTMLElement).focus();
}

/** @param {HTMLFormElement} form */
async function register(form) {
  const problem = byId('register-error', HTMLElement);
  const button = byId('register-button', HTMLButtonElement);
  problem.textContent = missing(form) ?? '';
  if (problem.textContent || button.disabled) return;
  button.disabled = true;
  const email = byId('email', HTMLInputElement).value.trim();
  const role = form.querySelector('input[name=role]:checked')?.getAttribute('value') ?? 'viewer';
  try {
    await api('POST', path, { body: { name: byId('name', HTMLInputElement).value.trim(), email, role } });
    say('mail', 'Look into your mail', `What there is to know is on its way to ${email}. It may take some minutes; look among the unwanted mail too.`);
  } catch (error) {
    button.disabled = false;
    problem.textContent = refusal(form, error);
  }
}

async function start() {
  try {
    show(await api('GET', path));
  } catch (error) {
    const again = h('button', { class: 'btn btn-primary', type: 'button', on: { click: () => location.reload() } }, 'Try again');
    const gone = error instanceof PodiumError && error.code === 'no_such_conference';
    say('alert', gone ? 'There is no such conference' : 'That did not work', gone ? 'The link may have been cut off on its way.' : refusalText(error), gone ? undefined : again);
  }
}

initTheme();
byId('bar-end', HTMLElement).append(themeButton());
void start();
