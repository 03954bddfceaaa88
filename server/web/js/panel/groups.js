// Groups of people, and the operator right that a group can have. One group is opened in groupdialog.js.

import { everything } from '../ui/api.js';
import { ask } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { field, textInput, toggle } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { plural } from '../ui/words.js';
import { nothing } from './form.js';
import { groupDialog } from './groupdialog.js';
import { rowButton } from './people.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {{ name: string, operator: boolean, count: number }} Group */

export const OPERATOR_MEANS = 'Operators are organizers in every conference on this server: they may do everything there.';

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function groupsSection(panel) {
  const list = h('ul', { class: 'panel-list', data: { testid: 'groups' } });
  const create = h(
    'button',
    { class: 'btn btn-primary', type: 'button', data: { testid: 'group-new' }, on: { click: () => newDialog(panel, draw) } },
    icon('plus'),
    'New group',
  );

  async function draw() {
    /** @type {Group[]} */
    const groups = (await everything((query) => panel.request('GET', `/groups?${query}`), 'groups')).groups;
    const none = h('li', {}, nothing('There is no group yet.'));
    list.replaceChildren(...(groups.length ? groups.map(row) : [none]));
  }

  /** @param {Group} group */
  function row({ name, operator, count }) {
    return h(
      'li',
      { class: 'panel-item', data: { testid: 'group', group: name } },
      h(
        'div',
        { class: 'grow panel-name' },
        h('div', { class: 'row row-s row-wrap' }, h('strong', { class: 'truncate' }, name), operator ? h('span', { class: 'badge badge-accent' }, 'Operators') : null),
        h('span', { class: 'hint' }, plural(count, 'member')),
      ),
      rowButton('edit', `Members and right of ${name}`, 'group-open', () => void open(name)),
      rowButton('trash', `Remove the group ${name}`, 'group-remove', () => void remove(name, operator)),
    );
  }

  /** @param {string} name */
  async function open(name) {
    await panel.attempt(() => groupDialog(panel, name));
    await panel.attempt(draw);
    const opener = list.querySelector(`[data-group="${CSS.escape(name)}"] [data-testid="group-open"]`);
    (opener instanceof HTMLElement ? opener : create).focus();
  }

  /** @param {string} name @param {boolean} operator */
  async function remove(name, operator) {
    const text = operator
      ? 'Its members keep their accounts, and are organizers of every conference no more.'
      : 'Its members keep their accounts.';
    if (!(await ask({ title: `Remove the group “${name}”?`, text, confirm: 'Remove', danger: true }))) return;
    await panel.attempt(() => panel.request('DELETE', `/groups/${encodeURIComponent(name)}`), `The group “${name}” is removed.`);
    await panel.attempt(draw);
    create.focus();
  }

  await draw();
  return h('div', { class: 'stack' }, h('div', {}, create), h('div', { class: 'card' }, list));
}

/** @param {Panel} panel @param {() => Promise<void>} made */
function newDialog(panel, made) {
  const name = textInput('group-name', 'name', '', { maxlength: 64, required: true, autocapitalize: 'none', spellcheck: 'false' });
  const operator = toggle('group-new-operator', 'Operators', false);
  formDialog({
    title: 'New group',
    testid: 'group-form',
    confirm: 'Make the group',
    body: [
      field(name, 'Name', 'Small letters and digits, as in helpdesk or class-5b.'),
      h('div', { class: 'stack stack-s' }, operator.label, h('p', { class: 'hint' }, OPERATOR_MEANS)),
    ],
    run: async () => {
      await panel.request('POST', '/groups', { name: name.value.trim(), operator: operator.input.checked });
      void panel.attempt(made);
    },
  });
}
