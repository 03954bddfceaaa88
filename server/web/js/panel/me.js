// One's own account: name and attributes, and leaving.

import * as storage from '../lib/storage.js';
import { avatar } from '../ui/avatar.js';
import { openDialog } from '../ui/dialog.js';
import { h } from '../ui/dom.js';
import { field, select, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { serverRoleWord } from '../ui/words.js';
import { card, pageForm } from './form.js';
import { attributesOf, valueFields } from './values.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Person} Person */

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function meSection(panel) {
  /** @type {[Person, import('./panel.js').Attribute[]]} */
  const [me, attributes] = await Promise.all([panel.call('GET', '/me'), attributesOf(panel)]);
  return h(
    'div',
    { class: 'stack' },
    me.may.includes('profile.edit') ? accountCard(panel, me, attributes) : null,
    me.may.includes('profile.delete') ? leaveCard(panel, me) : null,
  );
}

/** @param {Panel} panel @param {Person} me @param {import('./panel.js').Attribute[]} attributes */
function accountCard(panel, me, attributes) {
  const name = textInput('me-name', 'name', me.name, { required: true, maxlength: 64, autocomplete: 'name' });
  const login = textInput('me-login', 'login', me.login, { required: true, maxlength: 64, autocapitalize: 'none', spellcheck: 'false' });
  const values = valueFields(attributes, me.values);
  const mayLogin = me.may.includes('member.edit');
  const form = pageForm({
    testid: 'me',
    save: 'Save your account',
    done: 'Your account is saved.',
    body: [field(name, 'Name'), mayLogin ? field(login, 'Login', 'With it you sign in.') : null, ...values.fields],
    run: async () => {
      const changed = { name: name.value, values: values.changed(), ...(mayLogin && login.value !== me.login ? { login: login.value } : {}) };
      Object.assign(me, await panel.call('PUT', `/people/${me.id}`, changed));
      [name.value, login.value] = [me.name, me.login];
    },
  });
  const who = h(
    'div',
    { class: 'row' },
    avatar(me, 'avatar-lg'),
    h('div', {}, h('strong', {}, me.login), h('p', { class: 'hint' }, `${serverRoleWord(me.server_role)} of this server`)),
  );
  return card('About you', [who, form]);
}

/** @param {Panel} panel @param {Person} me */
function leaveCard(panel, me) {
  const leave = h(
    'button',
    { class: 'btn', type: 'button', data: { testid: 'leave' }, on: { click: () => void panel.attempt(() => leaveDialog(panel, me)) } },
    'Remove your account…',
  );
  return card('Leave this server', [
    h('p', { class: 'dim' }, `Your account is removed, and you are signed out everywhere. Your conferences pass to ${me.server_role === 'owner' ? 'the admin who takes over as the owner' : 'the owner of the server'}.`),
    h('div', {}, leave),
  ]);
}

/** @param {Panel} panel @param {Person} me */
async function leaveDialog(panel, me) {
  const owner = me.server_role === 'owner';
  const admins = owner ? (await panel.call('GET', '/people')).people.filter((/** @type {Person} */ one) => one.server_role === 'admin') : [];
  if (owner && admins.length === 0) {
    await openDialog({
      title: 'Somebody has to take over first',
      body: h('p', { class: 'dim' }, 'An owner leaves this server to an admin, and there is none yet. Make somebody an admin under “People”; then you can remove your account.'),
      actions: [{ label: 'Close', kind: 'primary' }],
      testid: 'leave-nobody',
    });
    return;
  }
  const successor = select('leave-successor', admins.map((/** @type {Person} */ one) => [one.id, `${one.name} (${one.login})`]), admins[0]?.id ?? '', 'successor');
  successor.required = true;
  const password = textInput('leave-password', 'password', '', { type: 'password', autocomplete: 'current-password', required: true, maxlength: 256 });
  formDialog({
    title: 'Remove your account?',
    testid: 'leave-dialog',
    confirm: 'Remove my account',
    danger: true,
    body: [
      h('p', { class: 'dim' }, 'There is no way back.'),
      ...(owner ? [field(successor, 'Who takes over as the owner')] : []),
      ...(panel.account.has_password ? [field(password, 'Your password')] : []),
    ],
    run: async () => {
      await panel.call('POST', '/leave', {
        ...(panel.account.has_password ? { password: password.value } : {}),
        ...(owner ? { successor: successor.value } : {}),
      });
      storage.setAccountToken(null);
      location.replace('/');
    },
  });
}
