// A dialog with something to fill in or to confirm: it stays open, and says why, when the server refuses.

import { h, icon } from './dom.js';
import { missing, refusal } from './fields.js';

let made = 0;

/**
 * @param {{
 *   title: string,
 *   body: (Node | string)[],
 *   confirm: string,
 *   danger?: boolean,
 *   testid: string,
 *   wide?: boolean,
 *   run: () => Promise<string | void>,
 * }} options `run` does it; a sentence it answers, or the refusal it throws, is shown and the dialog stays
 * @returns {HTMLDialogElement}
 */
export function formDialog({ title, body, confirm, danger = false, testid, wide = false, run }) {
  made += 1;
  const id = `form-dialog-${made}`;
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: `${testid}-error` } });
  const submit = h(
    'button',
    { class: `btn ${danger ? 'btn-danger' : 'btn-primary'}`, type: 'submit', data: { testid: `${testid}-confirm` } },
    confirm,
  );
  const close = () => dialog.close();
  const form = h(
    'form',
    { class: 'dialog-form', novalidate: true },
    h(
      'div',
      { class: 'dialog-head' },
      h('h2', { id }, title),
      h(
        'button',
        { class: 'btn btn-quiet btn-icon btn-sm', type: 'button', 'aria-label': 'Close', on: { click: close } },
        icon('x'),
      ),
    ),
    h('div', { class: 'dialog-body stack' }, ...body, problem),
    h(
      'div',
      { class: 'dialog-foot' },
      h(
        'button',
        { class: 'btn btn-quiet', type: 'button', data: { testid: `${testid}-cancel` }, on: { click: close } },
        'Cancel',
      ),
      submit,
    ),
  );
  /** @type {HTMLDialogElement} */
  const dialog = h('dialog', { class: wide ? 'dialog dialog-wide' : 'dialog', 'aria-labelledby': id, data: { testid } }, form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    problem.textContent = '';
    try {
      const complaint = missing(form) ?? (await run());
      if (complaint) problem.textContent = complaint;
      else dialog.close();
    } catch (error) {
      problem.textContent = refusal(form, error);
    } finally {
      submit.disabled = false;
    }
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  const first = form.querySelector('.dialog-body input, .dialog-body textarea, .dialog-body select');
  if (first instanceof HTMLElement) first.focus();
  return dialog;
}
