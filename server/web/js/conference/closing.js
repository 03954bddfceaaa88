/** The last screen: why one is out, and the ways back. */

import { clear, h, icon } from '../ui/dom.js';

/** @typedef {{icon: string, kind?: 'danger', title: string, text?: string, rejoin: string | null}} Farewell */
/** `reopens`: one opens a conference again that has ended, by coming back. @typedef {{code: string, message?: string, note?: string, reopens?: boolean}} Closing */

/** @type {Record<string, Farewell>} */
const FAREWELLS = {
  left: { icon: 'leave', title: 'You left the conference', text: 'Your role is kept for when you come back.', rejoin: 'Rejoin' },
  removed: { icon: 'user-minus', kind: 'danger', title: 'You were removed from the conference', text: 'A moderator closed your presence here.', rejoin: 'Rejoin' },
  blocked: { icon: 'lock', kind: 'danger', title: 'You cannot enter this conference', text: 'A moderator has blocked you here.', rejoin: null },
  taken_over: { icon: 'copy', title: 'You joined from another place', text: 'One person is in a conference once; this page was closed for the other.', rejoin: 'Join here instead' },
  not_admitted: { icon: 'lock', title: 'You were not let in', rejoin: 'Ask again' },
  conference_full: { icon: 'people', title: 'The conference is full', text: 'Everybody who may come in at the same time is there already.', rejoin: 'Try again' },
  wrong_pin: { icon: 'key', title: 'The conference has a PIN now', text: 'It was set while you were away; ask whoever invited you.', rejoin: 'Enter the PIN' },
  conference_ended: { icon: 'end', title: 'The conference has ended', text: 'Thank you for being here. It opens again when an organizer comes back.', rejoin: 'Try again' },
  link_revoked: { icon: 'key', kind: 'danger', title: 'Your guest link was withdrawn', text: 'Ask whoever invited you for a new one.', rejoin: null },
  bad_token: { icon: 'key', kind: 'danger', title: 'Your access has expired', text: 'Sign in again, or use a new invitation link.', rejoin: 'Try again' },
  no_access: { icon: 'lock', kind: 'danger', title: 'You have no access to this conference', text: 'An organizer decides who may come in; ask for access, or sign in with another account.', rejoin: null },
  no_such_conference: { icon: 'search', title: 'There is no such conference', text: 'The link may be incomplete, or the conference was deleted.', rejoin: null },
  company_disabled: { icon: 'lock', title: 'Switched off for the moment', text: 'This server is switched off; its admins can switch it on again. Nothing is lost: come back later.', rejoin: 'Try again' },
  nobody: { icon: 'key', title: 'You need an invitation', text: 'Open the link you were given, or sign in if you have an account on this server.', rejoin: null },
  offline: { icon: 'wifi-off', kind: 'danger', title: 'The server cannot be reached', text: 'Check your connection; then try again.', rejoin: 'Try again' },
};

/** @type {Farewell} */
const REOPENS = { icon: 'end', title: 'The conference has ended', text: 'Thank you for being here.', rejoin: 'Open it again' };

/**
 * @param {HTMLElement} root
 * @param {Closing} closing
 * @param {() => void} rejoin
 */
export function showFarewell(root, { code, message, note, reopens = false }, rejoin) {
  const farewell = (code === 'conference_ended' && reopens ? REOPENS : FAREWELLS[code]) ?? { icon: 'alert', kind: 'danger', title: 'The conference was closed', rejoin: 'Rejoin' };
  const back = location.pathname;
  // The server's sentence, or what a moderator wrote; not the title once more.
  const said = message === `${farewell.title}.` ? 'A moderator decides who comes in.' : message;
  const buttons = [
    farewell.rejoin ? h('button', { class: 'btn btn-primary btn-lg', type: 'button', data: { testid: 'rejoin' }, on: { click: rejoin } }, farewell.rejoin) : null,
    code === 'nobody' || code === 'no_access' || code === 'bad_token' || code === 'company_disabled'
      ? h('a', { class: 'btn btn-lg', href: `/#next=${encodeURIComponent(back)}`, data: { testid: 'sign-in' } }, 'Sign in')
      : h('a', { class: 'btn btn-lg', href: '/', data: { testid: 'go-home' } }, 'To the start page'),
  ];
  clear(root).append(h('div', { class: 'closed', role: 'alert', data: { testid: 'closed', code } },
    h('span', { class: 'closed-mark', data: { kind: farewell.kind } }, icon(farewell.icon, 'icon-lg')),
    h('h1', { class: 'title', tabindex: -1 }, farewell.title),
    h('p', { class: 'dim', data: { testid: 'closed-reason' } }, farewell.text ?? said ?? ''),
    note ? h('p', { class: 'banner' }, `“${note}”`) : null,
    h('div', { class: 'row row-wrap closed-ways' }, buttons)));
  root.hidden = false;
  root.querySelector('h1')?.focus();
}
