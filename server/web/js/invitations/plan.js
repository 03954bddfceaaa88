// When the conference is planned to begin and to end: whoever is invited is told of changes, and their calendar too.

import { api } from '../ui/api.js';
import { h } from '../ui/dom.js';
import { field, refusal } from '../ui/fields.js';
import { toast } from '../ui/toast.js';

/** @param {string} id @param {string} name @param {number | undefined} at ms since 1970 */
function moment(id, name, at) {
  const node = h('input', { class: 'input', id, name, type: 'datetime-local', data: { testid: id } });
  // The element tells and takes the time of where the browser is, without saying so.
  if (at !== undefined) node.value = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return node;
}

/** @param {HTMLInputElement} input @returns {number | null} */
const msOf = (input) => (input.value ? new Date(input.value).getTime() : null);

/**
 * @param {string} token
 * @param {string} path of the conference
 * @param {{ starts?: number, ends?: number }} planned
 * @param {string} zone of the company
 */
export function planForm(token, path, { starts, ends }, zone) {
  const begin = moment('plan-starts', 'starts', starts);
  const end = moment('plan-ends', 'ends', ends);
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'plan-error' } });
  const off = h('button', { class: 'btn', type: 'button', hidden: starts === undefined, data: { testid: 'plan-off' }, on: { click: () => void callOff() } }, 'Call off');
  const form = h(
    'form',
    { class: 'stack', novalidate: true },
    h('div', { class: 'sheet-times' }, field(begin, 'Starts'), field(end, 'Ends')),
    h('p', { class: 'hint' }, `Here in your time; mails tell it in that of the company (${zone}). Whoever was told is told of a change.`),
    problem,
    h('div', { class: 'row row-s row-wrap' }, h('button', { class: 'btn btn-primary', type: 'submit', data: { testid: 'plan-save' } }, 'Save'), off),
  );

  /** @param {string} done */
  async function save(done) {
    problem.textContent = '';
    try {
      await api('PATCH', path, { token, body: { starts: msOf(begin), ends: msOf(end) } });
      off.hidden = begin.value === '';
      toast(done, { kind: 'ok' });
    } catch (error) {
      problem.textContent = refusal(form, error);
    }
  }

  async function callOff() {
    begin.value = '';
    end.value = '';
    await save('It is called off; whoever was told of it is told.');
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void save(begin.value ? 'The time is saved.' : 'It has no planned time now.');
  });
  return form;
}
