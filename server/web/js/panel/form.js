// A form on the page itself: it says beside its button what is missing, refused or saved.

import { h } from '../ui/dom.js';
import { missing, refusal } from '../ui/fields.js';
import { toast } from '../ui/toast.js';

/**
 * @param {{
 *   body: (Node | null)[],
 *   save: string,
 *   done: string,
 *   testid: string,
 *   run: () => Promise<void>,
 * }} options `run` saves; what it throws is shown
 * @returns {HTMLFormElement}
 */
export function pageForm({ body, save, done, testid, run }) {
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: `${testid}-error` } });
  const button = h('button', { class: 'btn btn-primary', type: 'submit', data: { testid: `${testid}-save` } }, save);
  const form = h(
    'form',
    { class: 'stack', novalidate: true, data: { testid } },
    ...body,
    problem,
    h('div', { class: 'row' }, button),
  );
  form.addEventListener('input', () => (form.dataset.changed = 'true'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.textContent = missing(form) ?? '';
    if (problem.textContent) return;
    button.disabled = true;
    try {
      await run();
      delete form.dataset.changed;
      toast(done, { kind: 'ok' });
    } catch (error) {
      problem.textContent = refusal(form, error);
    } finally {
      button.disabled = false;
    }
  });
  return form;
}

/** Whether something was typed into a form of the page and not saved. */
export const unsaved = () => document.querySelector('form[data-changed]') !== null;

/**
 * A card with a heading.
 * @param {string} title
 * @param {(Node | string | null)[]} body
 * @param {string} [testid]
 */
export const card = (title, body, testid) =>
  h('section', { class: 'card panel-card stack', data: { testid } }, h('h2', { class: 'subtitle' }, title), ...body);

/** What stands where a list is empty. @param {string} text */
export const nothing = (text) => h('div', { class: 'empty' }, h('p', {}, text));
