// Links by which others enter: made by the server for a role, copied, and shown where copying is not possible.

import { h, icon } from './dom.js';
import { api } from './api.js';
import { copy } from './clipboard.js';
import { toast } from './toast.js';
import { refusalText } from './words.js';

/** @typedef {"viewer" | "speaker" | "moderator"} InvitedRole */

/** @type {{ role: InvitedRole, word: string, means: string }[]} */
const ROLES = [
  { role: 'viewer', word: 'Viewer', means: 'Watches, listens and writes in the chat; may ask for the stage.' },
  { role: 'speaker', word: 'Speaker', means: 'May take a place on the stage and send camera, microphone and screen.' },
  { role: 'moderator', word: 'Moderator', means: 'Manages the stage and the people. Only for those you trust.' },
];

/**
 * A link by which guests enter a conference, made by the server.
 * @param {string} token of somebody who may invite
 * @param {string} conference
 * @param {InvitedRole} role
 * @returns {Promise<string>} the whole address
 */
export async function guestLink(token, conference, role) {
  const path = `/conferences/${encodeURIComponent(conference)}/invitations`;
  const invitation = await api('POST', path, { token, body: { role } });
  return new URL(invitation.path, location.origin).href;
}

/**
 * Makes a guest link and copies it; where the browser does not let it, the dialog with the link opens.
 * @param {{ token: string, conference: string, title: string }} where
 */
export async function copyGuestLink(where) {
  try {
    const link = await guestLink(where.token, where.conference, 'viewer');
    if (await copy(link)) toast('Guest link copied. Whoever has it enters as a viewer.', { kind: 'ok' });
    else inviteDialog(where);
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}

/**
 * The dialog that invites people: choose a role, copy the link.
 * @param {{ token: string, conference: string, title: string }} where
 */
export function inviteDialog({ token, conference, title }) {
  const field = h('input', { class: 'input', readonly: true, id: 'invite-link', data: { testid: 'invite-link' } });
  const copyLabel = h('span', {}, 'Copy link');
  const button = h(
    'button',
    {
      class: 'btn btn-primary',
      type: 'button',
      data: { testid: 'invite-copy' },
      on: { click: () => void copyShown() },
    },
    icon('copy'),
    copyLabel,
  );
  const problem = h('p', { class: 'error-text', role: 'alert' });
  const means = h('p', { class: 'hint' });
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
          on: { change: () => void show(role) },
        }),
        h('span', {}, word),
      ),
    ),
  );
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
    h(
      'div',
      { class: 'dialog-body stack' },
      h(
        'div',
        { class: 'field' },
        h('span', { class: 'label', id: 'invite-as' }, 'They enter as'),
        h('div', {}, choice),
        means,
      ),
      h(
        'div',
        { class: 'field' },
        h('label', { for: 'invite-link' }, 'Link'),
        h('div', { class: 'row row-s' }, h('div', { class: 'grow' }, field), button),
      ),
      problem,
    ),
  );

  /** Links made in this dialog, by role: choosing back and forth makes no second one. @type {Map<string, string>} */
  const made = new Map();
  /** @type {InvitedRole} */
  let chosen = 'viewer';

  /** @param {InvitedRole} role */
  async function show(role) {
    chosen = role;
    means.textContent = ROLES.find((one) => one.role === role)?.means ?? '';
    copyLabel.textContent = 'Copy link';
    problem.textContent = '';
    field.value = made.get(role) ?? '';
    button.disabled = field.value === '';
    if (field.value) return;
    try {
      const link = await guestLink(token, conference, role);
      made.set(role, link);
      if (chosen !== role) return;
      field.value = link;
      button.disabled = false;
    } catch (error) {
      if (chosen === role) problem.textContent = refusalText(error);
    }
  }

  async function copyShown() {
    copyLabel.textContent = (await copy(field.value, field)) ? 'Copied' : 'Press Ctrl+C';
  }

  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  choice.querySelector('input')?.focus();
  void show('viewer');
}
