// The company: its public page, switching it off and on, and deleting the workspace.

import { ask } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { field, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { card } from './form.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Profile} Profile */

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function companySection(panel) {
  /** @type {Profile} */
  const profile = await panel.call('GET', '');
  return h(
    'div',
    { class: 'stack' },
    card('Public page', [
      h('p', { class: 'dim' }, 'Logo, name, description and a link to sign in, for everybody who has the address.'),
      h('div', {}, h('a', { class: 'btn', href: '/company', data: { testid: 'company-link' } }, icon('building'), 'Open the company page')),
    ]),
    panel.may('company.disable') ? switchCard(panel, profile) : null,
    panel.may('workspace.delete') ? deleteCard(panel, profile) : null,
  );
}

/** @param {Panel} panel @param {Profile} profile */
function switchCard(panel, profile) {
  let enabled = profile.enabled;
  const state = h('p', { class: 'banner', role: 'status', data: { testid: 'company-state' } });
  const button = h('button', { class: 'btn', type: 'button', data: { testid: 'company-switch' }, on: { click: () => void change() } });

  function draw() {
    state.className = `banner ${enabled ? 'banner-ok' : 'banner-warn'}`;
    state.textContent = enabled
      ? 'Switched on: everybody with an account or a link comes in.'
      : 'Switched off: only those come in who may switch it on again.';
    button.textContent = enabled ? 'Switch the company off…' : 'Switch the company on';
    button.classList.toggle('btn-primary', !enabled);
  }

  async function change() {
    if (enabled && !(await sure())) return;
    button.disabled = true;
    await panel.attempt(async () => {
      enabled = (await panel.call('PUT', '/company', { enabled: !enabled })).enabled;
    });
    button.disabled = false;
    draw();
    button.focus();
  }

  const sure = () =>
    ask({
      title: 'Switch the company off?',
      text:
        'Everybody but those who may switch it on again is signed out at once and leaves the conference they are in. ' +
        'Nothing is deleted: switched on again, everything is as it was.',
      confirm: 'Switch it off',
      danger: true,
    });

  draw();
  return card('Open for everybody', [state, h('div', {}, button)]);
}

/** @param {Panel} panel @param {Profile} profile */
function deleteCard(panel, profile) {
  const button = h(
    'button',
    { class: 'btn panel-danger', type: 'button', data: { testid: 'workspace-delete' }, on: { click: () => deleteDialog(panel, profile) } },
    'Delete the workspace…',
  );
  return card('Delete everything', [
    h('p', { class: 'dim' }, 'Accounts, conferences, chats, attributes and templates are deleted. Your own account and the records stay.'),
    h('div', {}, button),
  ]);
}

/** @param {Panel} panel @param {Profile} profile */
function deleteDialog(panel, profile) {
  const confirm = textInput('delete-confirm', 'confirm', '', { required: true, maxlength: 200 });
  const password = textInput('delete-password', 'password', '', { type: 'password', autocomplete: 'current-password', required: true, maxlength: 256 });
  formDialog({
    title: 'Delete the workspace?',
    testid: 'delete-dialog',
    confirm: 'Delete everything',
    danger: true,
    body: [
      h('p', { class: 'dim' }, 'There is no way back. Everybody but you loses their account now.'),
      field(confirm, 'The name of the workspace', `Type: ${profile.name}`),
      ...(panel.account.has_password ? [field(password, 'Your password')] : []),
    ],
    run: async () => {
      await panel.call('POST', '/delete', {
        confirm: confirm.value,
        ...(panel.account.has_password ? { password: password.value } : {}),
      });
      location.replace('/');
    },
  });
}
