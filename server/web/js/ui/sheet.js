// What the pages about one conference share: which one, who looks at it, and what stands there when they may not.

import { PodiumError } from '../lib/errors.js';
import * as storage from '../lib/storage.js';
import { byId } from './byid.js';
import { h, icon } from './dom.js';
import { initTheme, themeButton } from './theme.js';
import { refusalText } from './words.js';

/** The conference in the address, as in `/reports/{conference}`. */
export const conference = decodeURIComponent(location.pathname.split('/')[2] ?? '');

/** @param {string} title @param {string} text @param {Node[]} ways */
function gate(title, text, ways) {
  const heading = h('h1', { class: 'title', tabindex: '-1' }, title);
  byId('gate', HTMLElement).replaceChildren(
    icon('lock', 'icon-lg'),
    heading,
    h('p', { class: 'dim', data: { testid: 'gate-text' } }, text),
    h('div', { class: 'row row-s row-wrap' }, ...ways, h('a', { class: 'btn', href: '/' }, 'Start page')),
  );
  byId('gate', HTMLElement).hidden = false;
  byId('app', HTMLElement).hidden = true;
  heading.focus();
}

/**
 * Opens the page for whoever may see it; what `show` throws is said in its place.
 * @param {(token: string) => Promise<void>} show
 */
export async function openSheet(show) {
  initTheme();
  byId('bar-end', HTMLElement).append(themeButton());
  const token = storage.accountToken() ?? storage.guestToken(conference);
  const signIn = () => location.replace(`/#next=${encodeURIComponent(location.pathname)}`);
  if (!token) {
    signIn();
    return;
  }
  try {
    await show(token);
    byId('gate', HTMLElement).hidden = true;
    byId('app', HTMLElement).hidden = false;
  } catch (error) {
    if (error instanceof PodiumError && error.code === 'bad_token') signIn();
    else {
      const again = h('button', { class: 'btn btn-primary', type: 'button', on: { click: () => location.reload() } }, 'Try again');
      const refused = error instanceof PodiumError && !error.retry;
      gate(refused ? 'This is not for you to see' : 'That did not work', refusalText(error), refused ? [] : [again]);
    }
  }
}
