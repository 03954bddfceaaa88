// Links by which others enter: made by the server for a role, copied, and shown where copying is not possible.
//
// Who may make them is the server's answer to the list of links: when that is refused, the dialog says why and offers
// nothing.

import { PodiumError } from '../lib/errors.js';
import { h, icon } from './dom.js';
import { api } from './api.js';
import { copy } from './clipboard.js';
import { field, select, textInput } from './fields.js';
import { LinkList } from './linklist.js';
import { toast } from './toast.js';
import { refusalText } from './words.js';

/** @typedef {"viewer" | "speaker" | "moderator"} InvitedRole */
/** @typedef {{ token: string, conference: string, title: string, you: string }} Where `you`: one's own identity */
/** @typedef {{ role: InvitedRole, label?: string, max_uses?: number, days?: number }} Wanted as `NewInvitation` of the API */

/** @type {{ role: InvitedRole, word: string, means: string }[]} */
const ROLES = [
  { role: 'viewer', word: 'Viewer', means: 'Watches, listens and writes in the chat; may ask for the stage.' },
  { role: 'speaker', word: 'Speaker', means: 'May take a place on the stage and send camera, microphone and screen.' },
  { role: 'moderator', word: 'Moderator', means: 'Manages the stage and the people. The link is for one person: only for somebody you trust.' },
];
const DAYS = [['1', 'One day'], ['7', 'A week'], ['30', '30 days'], ['365', 'A year']];
const MAX_GUESTS = 1_000_000;

/**
 * A link by which guests enter a conference, made by the server.
 * @param {string} token of somebody who may invite
 * @param {string} conference
 * @param {Wanted} wanted
 * @returns {Promise<string>} the whole address
 */
async function guestLink(token, conference, wanted) {
  const path = `/conferences/${encodeURIComponent(conference)}/invitations`;
  const invitation = await api('POST', path, { token, body: wanted });
  return new URL(invitation.path, location.origin).href;
}

/**
 * Makes a guest link and copies it; where the browser does not let it, the dialog with the link opens.
 * @param {Where} where
 */
export async function copyGuestLink(where) {
  try {
    const link = await guestLink(where.token, where.conference, { role: 'viewer' });
    if (await copy(link)) toast('Guest link copied. Whoever has it enters as a viewer.', { kind: 'ok' });
    else inviteDialog(where, link);
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}

/**
 * The dialog that invites people: say for whom, make the link, copy it; and the links there are.
 * @param {Where} where
 * @param {string} [made] a link that was just made, to be copied here
 */
export function inviteDialog({ token, conference, title, you }, made) {
  const shown = h('input', { class: 'input', readonly: true, id: 'invite-link', data: { testid: 'invite-link' } });
  const copyLabel = h('span', { role: 'status' }, 'Copy link');
  const copyButton = h(
    'button',
    { class: 'btn btn-primary', type: 'button', data: { testid: 'invite-copy' }, on: { click: () => void copyShown() } },
    icon('copy'),
    copyLabel,
  );
  const ready = h(
    'div',
    { class: 'field invite-ready', hidden: true },
    h('label', { for: 'invite-link' }, 'The link is ready'),
    h('div', { class: 'row row-s' }, h('div', { class: 'grow' }, shown), copyButton),
    h('p', { class: 'hint' }, 'Copy it now: it is shown this once. Whoever has it can enter.'),
  );
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'invite-error' } });
  const means = h('p', { class: 'hint' });
  const label = textInput('invite-label', 'label', '', { maxlength: 100, placeholder: 'Choir, parents of class 5b …' });
  const days = select('invite-days', DAYS, '30', 'days');
  const guests = h('input', {
    class: 'input num',
    id: 'invite-guests',
    name: 'max_uses',
    type: 'number',
    min: '1',
    max: String(MAX_GUESTS),
    placeholder: 'Any number',
    data: { testid: 'invite-guests' },
  });
  const guestsField = field(guests, 'How many guests');
  const choice = h(
    'div',
    { class: 'seg', role: 'radiogroup', 'aria-labelledby': 'invite-as' },
    ...ROLES.map(({ role, word }) =>
      h(
        'label',
        {},
        h('input', {
          type: 'radio',
          name: 'invite-role',
          value: role,
          checked: role === 'viewer',
          data: { testid: `invite-role-${role}` },
          on: { change: () => choose(role) },
        }),
        h('span', {}, word),
      ),
    ),
  );
  const make = h('button', { class: 'btn btn-primary', type: 'submit', data: { testid: 'invite-make' } }, icon('link'), 'Make a link');
  const form = h(
    'form',
    { class: 'stack', novalidate: true },
    h(
      'div',
      { class: 'field' },
      h('span', { class: 'label', id: 'invite-as' }, 'They enter as'),
      h('div', {}, choice),
      means,
    ),
    field(label, 'For whom (if you like)', 'So that you find the link again below. Guests do not see it.'),
    h('div', { class: 'invite-limits' }, field(days, 'Good for'), guestsField),
    h('div', {}, make),
  );
  const list = new LinkList({ token, conference, you });
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'invite-title', data: { testid: 'invite-dialog' } },
    h(
      'div',
      { class: 'dialog-head' },
      h('h2', { id: 'invite-title', class: 'truncate' }, `Invite to ${title}`),
      h(
        'button',
        {
          class: 'btn btn-quiet btn-icon btn-sm',
          type: 'button',
          'aria-label': 'Close',
          on: { click: () => dialog.close() },
        },
        icon('x'),
      ),
    ),
    h('div', { class: 'dialog-body stack' }, form, problem, ready, list.root),
  );

  /** @type {InvitedRole} */
  let chosen = 'viewer';

  /** @param {InvitedRole} role */
  function choose(role) {
    chosen = role;
    means.textContent = ROLES.find((one) => one.role === role)?.means ?? '';
    guestsField.hidden = role === 'moderator';
  }

  /** @returns {Wanted | null} null when the number of guests is none */
  function wanted() {
    /** @type {Wanted} */
    const link = { role: chosen, label: label.value.trim(), days: Number(days.value) };
    if (chosen === 'moderator' || (guests.value === '' && !guests.validity.badInput)) return link;
    const count = Number(guests.value);
    const good = guests.value !== '' && Number.isInteger(count) && count >= 1 && count <= MAX_GUESTS;
    return good ? { ...link, max_uses: count } : null;
  }

  async function makeLink() {
    const link = wanted();
    guests.setAttribute('aria-invalid', String(link === null));
    if (link === null) {
      problem.textContent = '“How many guests” is a whole number from 1 on; leave it empty for any number.';
      guests.focus();
      return;
    }
    problem.textContent = '';
    make.disabled = true;
    try {
      offer(await guestLink(token, conference, link));
      await list.read();
    } catch (error) {
      problem.textContent = refusalText(error);
    } finally {
      make.disabled = false;
    }
  }

  /** @param {string} link */
  function offer(link) {
    shown.value = link;
    copyLabel.textContent = 'Copy link';
    ready.hidden = false;
    copyButton.focus();
  }

  async function copyShown() {
    copyLabel.textContent = (await copy(shown.value, shown)) ? 'Copied' : 'Press Ctrl+C';
  }

  async function look() {
    try {
      await list.read();
    } catch (error) {
      form.hidden = error instanceof PodiumError && error.code === 'not_allowed';
      problem.textContent = refusalText(error);
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void makeLink();
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  choice.querySelector('input')?.focus();
  choose('viewer');
  if (made) offer(made);
  void look();
}
