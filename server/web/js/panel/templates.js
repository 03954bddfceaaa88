// E-mail templates: the list, reading one, deleting one. Writing one is in templateeditor.js.

import { ask, openDialog } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { nothing } from './form.js';
import { rowButton } from './people.js';
import { editorDialog, letter } from './templateeditor.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {{ id: string, name: string, subject: string, body: string, creator: string, may: string[] }} Template */

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function templatesSection(panel) {
  const list = h('ul', { class: 'panel-list', data: { testid: 'templates' } });
  /** @type {Record<string, string>} */
  let placeholders = {};
  const create = h(
    'button',
    {
      class: 'btn btn-primary',
      type: 'button',
      data: { testid: 'template-new' },
      on: { click: () => editorDialog(panel, null, placeholders, draw) },
    },
    icon('plus'),
    'New template',
  );

  async function draw() {
    /** @type {{ templates: Template[], placeholders: Record<string, string> }} */
    const answer = await panel.call('GET', '/templates');
    placeholders = answer.placeholders;
    const none = h('li', {}, nothing('There is no template yet.'));
    list.replaceChildren(...(answer.templates.length ? answer.templates.map(row) : [none]));
  }

  /** @param {Template} template */
  function row(template) {
    const { name, subject, may } = template;
    return h(
      'li',
      { class: 'panel-item', data: { testid: 'template' } },
      h('div', { class: 'grow panel-name' }, h('strong', { class: 'truncate' }, name), h('span', { class: 'hint truncate' }, subject)),
      rowButton('eye', `Read ${name}`, 'template-read', () => void panel.attempt(() => read(template))),
      may.includes('edit')
        ? rowButton('edit', `Edit ${name}`, 'template-edit', () => editorDialog(panel, template, placeholders, draw))
        : null,
      may.includes('delete') ? rowButton('trash', `Delete ${name}`, 'template-delete', () => void remove(template)) : null,
    );
  }

  /** @param {Template} template */
  async function read({ name, subject, body }) {
    const preview = await panel.call('POST', '/templates/preview', { subject, body });
    await openDialog({ title: name, testid: 'template-shown', body: letter(preview.subject, preview.body) });
  }

  /** @param {Template} template */
  async function remove({ id, name }) {
    const sure = await ask({ title: `Delete “${name}”?`, text: 'The text is gone then.', confirm: 'Delete', danger: true });
    if (!sure) return;
    await panel.attempt(() => panel.call('DELETE', `/templates/${id}`), `“${name}” is deleted.`);
    await panel.attempt(draw);
    create.focus();
  }

  await draw();
  return h('div', { class: 'stack' }, h('div', {}, create), h('div', { class: 'card' }, list));
}
