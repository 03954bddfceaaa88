// The control panel: which sections there are for this person, and the one that is open.
//
// A section is an address (`/panel#people`), so that reloading, going back and sending a link work as everywhere. What
// one may do is asked again with every section that is opened.

import { PodiumError } from '../lib/errors.js';
import * as storage from '../lib/storage.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { ask, closeDialogs } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { NEEDS } from '../ui/panelneeds.js';
import { initTheme, themeButton } from '../ui/theme.js';
import { refusalText } from '../ui/words.js';
import { attributesSection } from './attributes.js';
import { companySection } from './company.js';
import { unsaved } from './form.js';
import { groupsSection } from './groups.js';
import { invitationsSection } from './invitations.js';
import { meSection } from './me.js';
import { Panel } from './panel.js';
import { peopleSection } from './people.js';
import { profileSection } from './profile.js';
import { recordSection } from './record.js';
import { templatesSection } from './templates.js';

/**
 * @typedef {object} Section
 * @property {string} id a key of `NEEDS`
 * @property {string} title
 * @property {string} lead
 * @property {string} picture
 * @property {(panel: Panel) => Promise<HTMLElement>} show
 */

/** @type {Section[]} */
const SECTIONS = [
  {
    id: 'profile',
    title: 'Profile',
    lead: 'What this server is called, and what it looks like to everybody.',
    picture: 'image',
    show: profileSection,
  },
  {
    id: 'me',
    title: 'Your account',
    lead: 'What others read of you.',
    picture: 'user',
    show: meSection,
  },
  {
    id: 'people',
    title: 'People',
    lead: 'Everybody with an account on this server.',
    picture: 'people',
    show: peopleSection,
  },
  {
    id: 'groups',
    title: 'Groups',
    lead: 'People who belong together. A group can be given the right to lead every conference.',
    picture: 'shield',
    show: groupsSection,
  },
  {
    id: 'invitations',
    title: 'Invitations',
    lead: 'Links that work once: whoever opens one makes an account of their own.',
    picture: 'user-plus',
    show: invitationsSection,
  },
  {
    id: 'attributes',
    title: 'Custom attributes',
    lead: 'Further fields that people have here: a department, a telephone number, a birthday.',
    picture: 'tag',
    show: attributesSection,
  },
  {
    id: 'templates',
    title: 'E-mail templates',
    lead: 'Texts with placeholders. This server sends no e-mail yet; what is written here is kept for when it does.',
    picture: 'mail',
    show: templatesSection,
  },
  {
    id: 'company',
    title: 'Company',
    lead: 'The public page, and whether anybody comes in.',
    picture: 'building',
    show: companySection,
  },
  {
    id: 'record',
    title: 'Record',
    lead: 'Who has changed what. Nobody can change what stands here.',
    picture: 'list',
    show: recordSection,
  },
];

/** Counts what was opened, so that an answer that comes late does not replace what was opened after it. */
let opened = 0;

/**
 * @param {Panel} panel
 * @param {boolean} moved whether somebody went here, and is not just arriving
 */
async function open(panel, moved) {
  opened += 1;
  const turn = opened;
  try {
    await panel.ask();
  } catch (error) {
    if (turn === opened) fail(error, () => void open(panel, moved));
    return;
  }
  if (turn !== opened) return;
  const shown = SECTIONS.filter((section) => NEEDS[section.id].some((action) => panel.may(action)));
  if (shown.length === 0) {
    gate({ title: 'Nothing to do here', text: 'Your role on this server opens no section of it.', picture: 'lock' });
    return;
  }
  const section = shown.find(({ id }) => `#${id}` === location.hash) ?? shown[0];
  byId('gate', HTMLElement).hidden = true;
  byId('app', HTMLElement).hidden = false;
  draw(shown, section);
  const title = h('h1', { class: 'title', tabindex: '-1' }, section.title);
  const place = h('div', { class: 'panel-content' }, h('span', { class: 'spinner', role: 'status', 'aria-label': 'Loading' }));
  byId('main', HTMLElement).replaceChildren(h('header', { class: 'panel-head' }, title, h('p', { class: 'dim' }, section.lead)), place);
  document.title = `${section.title} · Control panel`;
  if (moved) title.focus();
  try {
    place.replaceChildren(await section.show(panel));
  } catch (error) {
    const again = h('button', { class: 'btn', type: 'button', on: { click: () => void open(panel, true) } }, 'Try again');
    place.replaceChildren(h('div', { class: 'empty' }, icon('alert'), h('p', { role: 'alert' }, refusalText(error)), again));
  }
}

/** @param {Section[]} shown @param {Section} current */
function draw(shown, current) {
  const links = shown.map(({ id, title, picture }) =>
    h(
      'a',
      {
        class: 'panel-link',
        href: `#${id}`,
        'aria-current': id === current.id ? 'page' : null,
        data: { testid: `section-${id}` },
      },
      icon(picture),
      h('span', {}, title),
    ),
  );
  byId('sections', HTMLUListElement).replaceChildren(...links.map((link) => h('li', {}, link)));
  // On a phone the sections are a line that is wider than the window.
  const link = links[shown.indexOf(current)];
  const line = byId('sections', HTMLUListElement);
  line.scrollLeft = link.offsetLeft - (line.clientWidth - link.offsetWidth) / 2;
}

/**
 * What stands in place of the panel.
 * @param {{ title: string, text: string, picture: string, ways?: Node[] }} what
 */
function gate({ title, text, picture, ways = [] }) {
  closeDialogs();
  const heading = h('h1', { class: 'title', tabindex: '-1' }, title);
  byId('gate', HTMLElement).replaceChildren(
    h('span', { class: 'panel-gate-icon' }, icon(picture, 'icon-lg')),
    heading,
    h('p', { class: 'dim', data: { testid: 'gate-text' } }, text),
    h('div', { class: 'row row-s row-wrap' }, ...ways, h('a', { class: 'btn', href: '/' }, 'Start page')),
  );
  byId('gate', HTMLElement).hidden = false;
  byId('app', HTMLElement).hidden = true;
  heading.focus();
}

/** @param {unknown} error @param {() => void} again */
function fail(error, again) {
  if (error instanceof PodiumError && error.code === 'bad_token') {
    signIn();
  } else if (error instanceof PodiumError && error.code === 'company_disabled') {
    const ways = [h('a', { class: 'btn btn-primary', href: '/company' }, 'Company page')];
    gate({ title: 'Switched off for the moment', text: error.message, picture: 'lock', ways });
  } else {
    const ways = [h('button', { class: 'btn btn-primary', type: 'button', on: { click: again } }, 'Try again')];
    gate({ title: 'The control panel cannot be opened', text: refusalText(error), picture: 'alert', ways });
  }
}

function signIn() {
  location.replace(`/#next=${encodeURIComponent('/panel')}`);
}

async function start() {
  const token = storage.accountToken();
  if (!token) {
    signIn();
    return;
  }
  try {
    const account = await api('GET', '/me', { token });
    const panel = new Panel(token, account, (error) => fail(error, () => void start()));
    window.addEventListener('hashchange', async ({ oldURL }) => {
      if (!SECTIONS.some(({ id }) => `#${id}` === location.hash)) return;
      const question = { title: 'Leave without saving?', text: 'What you have typed here is not saved yet.', confirm: 'Leave', cancel: 'Stay' };
      if (!unsaved() || (await ask(question))) void open(panel, true);
      else history.replaceState(history.state, '', oldURL);
    });
    window.addEventListener('beforeunload', (event) => unsaved() && event.preventDefault());
    await open(panel, false);
  } catch (error) {
    fail(error, () => void start());
  }
}

initTheme();
byId('bar-end', HTMLElement).append(
  themeButton(),
  h('a', { class: 'btn btn-quiet panel-home', href: '/', data: { testid: 'panel-home' } }, icon('arrow-left'), h('span', {}, 'Conferences')),
);
void start();
