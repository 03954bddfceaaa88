// Custom attributes: the fields that people have here beside name and login.

import { ask } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { field, select, textArea, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { nothing } from './form.js';
import { rowButton } from './people.js';
import { attributesOf } from './values.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Attribute} Attribute */

/** @type {Record<string, string>} */
const KINDS = { text: 'Text', number: 'Number', date: 'Date', choice: 'Choice' };

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function attributesSection(panel) {
  const list = h('ul', { class: 'panel-list', data: { testid: 'attributes' } });
  const create = h(
    'button',
    { class: 'btn btn-primary', type: 'button', data: { testid: 'attribute-new' }, on: { click: () => attributeDialog(panel, null, draw) } },
    icon('plus'),
    'New attribute',
  );

  async function draw() {
    const attributes = await attributesOf(panel);
    const none = h('li', {}, nothing('There is no attribute yet.'));
    list.replaceChildren(...(attributes.length ? attributes.map(row) : [none]));
  }

  /** @param {Attribute} attribute */
  function row(attribute) {
    const { name, kind, choices, creator, may } = attribute;
    const made = creator === panel.account.id ? ['made by you'] : [];
    return h(
      'li',
      { class: 'panel-item', data: { testid: 'attribute', name } },
      h('div', { class: 'grow panel-name' }, h('strong', { class: 'truncate' }, name), h('span', { class: 'hint' }, [KINDS[kind], ...made].join(', ')), choiceBadges(choices)),
      may.includes('edit') ? rowButton('edit', `Edit ${name}`, 'attribute-edit', () => attributeDialog(panel, attribute, draw)) : null,
      may.includes('delete') ? rowButton('trash', `Delete ${name}`, 'attribute-delete', () => void remove(attribute)) : null,
    );
  }

  /** @param {Attribute} attribute */
  async function remove({ id, name }) {
    const sure = await ask({ title: `Delete “${name}”?`, text: 'What people have filled in there is deleted with it.', confirm: 'Delete', danger: true });
    if (!sure) return;
    await panel.attempt(() => panel.call('DELETE', `/attributes/${id}`), `“${name}” is deleted.`);
    await panel.attempt(draw);
    create.focus();
  }

  await draw();
  return h('div', { class: 'stack' }, h('div', {}, create), h('div', { class: 'card' }, list));
}

/** @param {string[]} choices */
const choiceBadges = (choices) =>
  choices.length ? h('div', { class: 'panel-badges' }, choices.map((one) => h('span', { class: 'badge' }, one))) : null;

/** @param {Panel} panel @param {Attribute | null} before @param {() => Promise<void>} done */
function attributeDialog(panel, before, done) {
  const name = textInput('attribute-name', 'name', before?.name ?? '', { required: true, maxlength: 64 });
  const kind = select('attribute-kind', Object.entries(KINDS), before?.kind ?? 'text', 'kind');
  const choices = textArea('attribute-choices', 'choices', before?.choices.join('\n') ?? '', { rows: 5 });
  const choicesField = field(choices, 'Choices', 'One on each line.');
  kind.disabled = before !== null;
  const fit = () => {
    choicesField.hidden = kind.value !== 'choice';
    choices.required = kind.value === 'choice';
  };
  kind.addEventListener('change', fit);
  fit();
  formDialog({
    title: before ? `Edit “${before.name}”` : 'New attribute',
    testid: 'attribute-form',
    confirm: before ? 'Save' : 'Make it',
    body: [field(name, 'Name'), field(kind, 'Kind', before ? 'It stays, since people have filled it in.' : 'It stays as you choose it now.'), choicesField],
    run: async () => {
      const lines = kind.value === 'choice' ? choices.value.split('\n').map((line) => line.trim()).filter(Boolean) : [];
      if (before) await panel.call('PUT', `/attributes/${before.id}`, { name: name.value, choices: lines });
      else await panel.call('POST', '/attributes', { name: name.value, kind: kind.value, choices: lines });
      void panel.attempt(done);
    },
  });
}
