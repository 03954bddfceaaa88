// The company page: who runs this server, for everybody, and the way in.

import * as storage from '../lib/storage.js';
import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { initTheme, themeButton } from '../ui/theme.js';
import { refusalText } from '../ui/words.js';

/** @typedef {import('../panel/panel.js').Profile} Profile */

const place = byId('company', HTMLElement);

/** @param {Profile} profile */
function show({ name, description, enabled, logo }) {
  document.title = name;
  const known = storage.accountToken() !== null;
  place.replaceChildren(
    logo ? h('img', { class: 'company-logo', src: logo, alt: `Logo of ${name}` }) : h('span', { class: 'company-mark' }, icon('building', 'icon-lg')),
    h('h1', { class: 'company-name', data: { testid: 'company-name' } }, name),
    description ? h('p', { class: 'company-text', data: { testid: 'company-description' } }, description) : '',
    enabled ? '' : h('p', { class: 'banner banner-warn', data: { testid: 'company-off' } }, icon('lock'), 'This server is switched off for the moment. Those who look after it can sign in and switch it on.'),
    h('a', { class: 'btn btn-primary btn-lg', href: '/', data: { testid: 'company-sign-in' } }, known ? 'To the conferences' : 'Sign in'),
  );
}

async function start() {
  try {
    show(await api('GET', '/workspace/company'));
  } catch (error) {
    const again = h('button', { class: 'btn btn-primary', type: 'button', on: { click: () => void start() } }, 'Try again');
    place.replaceChildren(icon('wifi-off', 'icon-lg'), h('p', { class: 'dim' }, refusalText(error)), again);
  }
}

initTheme();
byId('bar-end', HTMLElement).append(themeButton());
void start();
