// Invitations into the workspace: making a link, copying it while it is shown, and making it void.

import { everything } from '../ui/api.js';
import { copy } from '../ui/clipboard.js';
import { ask, openDialog } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { field, select, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { nothing } from './form.js';
import { roleBadge, rowButton } from './people.js';
import { ROLE_MEANS, rolesToGive } from './persondialog.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {{ id: string, email: string, server_role: string, inviter: string, inviter_name: string, created: number, expires: number }} Invitation */

const DAYS = [['1', 'One day'], ['7', 'A week'], ['30', '30 days']];
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function invitationsSection(panel) {
  const list = h('ul', { class: 'panel-list', data: { testid: 'invitations' } });
  const invite = h(
    'button',
    { class: 'btn btn-primary', type: 'button', data: { testid: 'invite' }, on: { click: () => inviteDialog(panel, draw) } },
    icon('user-plus'),
    'Invite somebody',
  );

  async function draw() {
    /** @type {Invitation[]} */
    const pending = (await everything((query) => panel.call('GET', `/invitations?${query}`), 'invitations')).invitations;
    const none = h('li', {}, nothing('No invitation is waiting to be used.'));
    list.replaceChildren(...(pending.length ? pending.map(row) : [none]));
  }

  /** @param {Invitation} invitation */
  function row(invitation) {
    const { email, server_role: role, inviter, inviter_name: by, expires } = invitation;
    const whom = email || 'Whoever has the link';
    return h(
      'li',
      { class: 'panel-item', data: { testid: 'invitation' } },
      h(
        'div',
        { class: 'grow panel-name' },
        h('div', { class: 'row row-s row-wrap' }, h('strong', { class: 'truncate' }, whom), roleBadge(role)),
        h('span', { class: 'hint' }, `By ${inviter === panel.account.id ? 'you' : by}, good until ${day.format(expires)}`),
      ),
      rowButton('trash', `Revoke the invitation: ${whom}`, 'invitation-revoke', () => void revoke(invitation, whom)),
    );
  }

  /** @param {Invitation} invitation @param {string} whom */
  async function revoke({ id }, whom) {
    const sure = await ask({ title: 'Revoke the invitation?', text: `${whom}: the link leads nowhere any more.`, confirm: 'Revoke', danger: true });
    if (!sure) return;
    await panel.attempt(() => panel.call('DELETE', `/invitations/${id}`), 'The invitation is void.');
    await panel.attempt(draw);
    invite.focus();
  }

  await draw();
  return h('div', { class: 'stack' }, h('div', {}, invite), h('div', { class: 'card' }, list));
}

/** @param {Panel} panel @param {() => Promise<void>} made */
function inviteDialog(panel, made) {
  const role = select('invite-role', rolesToGive(panel), panel.gives.includes('member') ? 'member' : panel.gives[0], 'server_role');
  const means = h('p', { class: 'hint', role: 'status' });
  const explain = () => (means.textContent = ROLE_MEANS[role.value] ?? '');
  role.addEventListener('change', explain);
  explain();
  const email = textInput('invite-email', 'email', '', { type: 'email', maxlength: 254 });
  const days = select('invite-days', DAYS, '7', 'days');
  formDialog({
    title: 'Invite somebody',
    testid: 'invite-form',
    confirm: 'Make the link',
    body: [
      h('div', { class: 'stack stack-s' }, field(role, 'Role'), means),
      field(email, 'E-mail address (if you like)', 'Tells you later whom the link was for. Nothing is sent there: you send the link yourself.'),
      field(days, 'Good for'),
    ],
    run: async () => {
      const { path } = await panel.call('POST', '/invitations', { server_role: role.value, email: email.value.trim(), days: Number(days.value) });
      void panel.attempt(made);
      void linkDialog(new URL(path, location.origin).href);
    },
  });
}

/** @param {string} link */
async function linkDialog(link) {
  const input = h('input', { class: 'input', id: 'invitation-link', value: link, readonly: true, data: { testid: 'invitation-link' } });
  const word = h('span', { role: 'status' }, 'Copy');
  const button = h('button', { class: 'btn btn-primary', type: 'button', autofocus: true, data: { testid: 'invitation-copy' } }, icon('copy'), word);
  button.addEventListener('click', async () => {
    word.textContent = (await copy(link, input)) ? 'Copied' : 'Press Ctrl+C';
  });
  await openDialog({
    title: 'The link is ready',
    testid: 'invitation-made',
    body: h(
      'div',
      { class: 'stack' },
      h('div', { class: 'field' }, h('label', { for: 'invitation-link' }, 'Link'), h('div', { class: 'row row-s' }, input, button)),
      h('p', { class: 'banner banner-warn' }, icon('alert'), 'It is shown this once and works once. Whoever has it can use it.'),
    ),
    actions: [{ label: 'Done', value: true, testid: 'invitation-done' }],
  });
}
