// Writing an e-mail template: placeholders at a click, and beside it what somebody would read.
//
// The preview is the server's own: what could not be sent is said while it is written.

import { debounce, h } from '../ui/dom.js';
import { field, textArea, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { refusalText } from '../ui/words.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./templates.js').Template} Template */

// The pause of somebody who types; a preview is one request.
const PAUSE_MS = 300;

/**
 * @param {Panel} panel
 * @param {Template | null} before
 * @param {Record<string, string>} placeholders each with an example
 * @param {() => Promise<void>} done
 */
export function editorDialog(panel, before, placeholders, done) {
  const name = textInput('template-name', 'name', before?.name ?? '', { required: true, maxlength: 64 });
  const subject = textInput('template-subject', 'subject', before?.subject ?? '', { required: true, maxlength: 200 });
  const body = textArea('template-body', 'body', before?.body ?? '', { required: true, maxlength: 10_000, rows: 9 });
  const shown = h('div', { class: 'panel-preview', role: 'region', 'aria-label': 'Preview', data: { testid: 'template-preview' } });
  const problem = h('p', { class: 'error-text', role: 'status', data: { testid: 'template-problem' } });
  /** @type {HTMLInputElement | HTMLTextAreaElement} */
  let last = body;
  let asked = 0;

  async function preview() {
    asked += 1;
    const turn = asked;
    try {
      const answer = await panel.call('POST', '/templates/preview', { subject: subject.value, body: body.value });
      if (turn !== asked) return;
      problem.textContent = '';
      shown.replaceChildren(letter(answer.subject, answer.body));
    } catch (error) {
      if (turn === asked) problem.textContent = refusalText(error);
    }
  }
  const soon = debounce(() => void preview(), PAUSE_MS);
  for (const control of [subject, body]) {
    control.addEventListener('input', soon);
    control.addEventListener('focus', () => (last = control));
  }

  /** @param {string} word */
  function insert(word) {
    last.setRangeText(`{${word}}`, last.selectionStart ?? last.value.length, last.selectionEnd ?? last.value.length, 'end');
    last.focus();
    soon();
  }
  const words = Object.entries(placeholders).map(([word, example]) =>
    h(
      'button',
      { class: 'btn btn-soft btn-sm', type: 'button', title: `For example: ${example}`, data: { testid: `placeholder-${word}` }, on: { click: () => insert(word) } },
      `{${word}}`,
    ),
  );

  formDialog({
    title: before ? `Edit “${before.name}”` : 'New template',
    testid: 'template-form',
    confirm: 'Save',
    wide: true,
    body: [
      h(
        'div',
        { class: 'panel-editor' },
        h(
          'div',
          { class: 'stack' },
          field(name, 'Name of the template'),
          field(subject, 'Subject'),
          field(body, 'Text'),
          h('div', { class: 'field' }, h('span', { class: 'label', id: 'placeholders' }, 'Insert a placeholder'), h('div', { class: 'panel-badges', role: 'group', 'aria-labelledby': 'placeholders' }, words)),
        ),
        h('div', { class: 'stack stack-s' }, h('h3', { class: 'label' }, 'Preview, with examples'), shown, problem),
      ),
    ],
    run: async () => {
      const text = { name: name.value, subject: subject.value, body: body.value };
      if (before) await panel.call('PUT', `/templates/${before.id}`, text);
      else await panel.call('POST', '/templates', text);
      void panel.attempt(done);
    },
  });
  void preview();
}

/** An e-mail as somebody reads it. @param {string} subject @param {string} body */
export const letter = (subject, body) =>
  h('div', { class: 'panel-letter' }, h('strong', {}, subject || '(no subject)'), h('p', { class: 'panel-text' }, body));
