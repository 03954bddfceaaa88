// Changing somebody: name, login, role and custom attributes, as far as the server lets one.

import { h } from '../ui/dom.js';
import { field, select, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { toast } from '../ui/toast.js';
import { serverRoleWord } from '../ui/words.js';
import { valueFields } from './values.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Person} Person */
/** @typedef {import('./panel.js').Attribute} Attribute */

/** The roles that one may give, to choose from. @param {Panel} panel */
export const rolesToGive = (panel) => panel.gives.map((role) => [role, serverRoleWord(role)]);

/** @type {Record<string, string>} */
export const ROLE_MEANS = {
  member: 'Makes conferences, invites members.',
  admin: 'Manages people, the profile and the company; an organizer in every conference.',
  security_admin: 'Reads the records, and changes nothing.',
};

/**
 * @param {Panel} panel
 * @param {Person} person
 * @param {Attribute[]} attributes
 * @param {(changed: Person) => void} done
 */
export function personDialog(panel, person, attributes, done) {
  const name = textInput('person-name', 'name', person.name, { required: true, maxlength: 64 });
  const login = textInput('person-login', 'login', person.login, { required: true, maxlength: 64, autocapitalize: 'none', spellcheck: 'false' });
  const role = select('person-role', rolesToGive(panel), person.server_role, 'server_role');
  const means = h('p', { class: 'hint', role: 'status' });
  const explain = () => (means.textContent = ROLE_MEANS[role.value] ?? '');
  role.addEventListener('change', explain);
  explain();
  const values = valueFields(attributes, person.values);
  const mayLogin = person.may.includes('member.edit');
  const mayRole = person.may.includes('role');
  formDialog({
    title: person.name,
    testid: 'person-dialog',
    confirm: 'Save',
    body: [
      field(name, 'Name'),
      ...(mayLogin ? [field(login, 'Login')] : []),
      ...(mayRole ? [h('div', { class: 'stack stack-s' }, field(role, 'Role'), means)] : []),
      ...values.fields,
    ],
    run: async () => {
      const changed = await panel.call('PUT', `/people/${person.id}`, {
        name: name.value,
        values: values.changed(),
        ...(mayLogin && login.value !== person.login ? { login: login.value } : {}),
        ...(mayRole && role.value !== person.server_role ? { server_role: role.value } : {}),
      });
      toast(`${changed.name} is saved.`, { kind: 'ok' });
      done(changed);
    },
  });
}
