// Who may register by themselves, and the address where they do.

import { api } from '../ui/api.js';
import { copy } from '../ui/clipboard.js';
import { h, icon } from '../ui/dom.js';
import { field, select } from '../ui/fields.js';
import { conference } from '../ui/sheet.js';
import { refusalText } from '../ui/words.js';

const MODES = [
  ['closed', 'Nobody: only who is invited'],
  ['viewers', 'Everybody, as a viewer'],
  ['speakers', 'As a viewer, or as a speaker when you agree'],
];

/**
 * @param {string} token
 * @param {string} path of the conference
 * @param {{ registration: string, sends: boolean }} now
 */
export function registrationForm(token, path, { registration, sends }) {
  const mode = select('registration-mode', MODES, registration);
  mode.disabled = !sends;
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'registration-error' } });
  const href = new URL(`/register/${encodeURIComponent(conference)}`, location.origin).href;
  const shown = h('input', { class: 'input', readonly: true, id: 'registration-link', value: href, data: { testid: 'registration-link' } });
  const label = h('span', { role: 'status' }, 'Copy');
  const button = h(
    'button',
    {
      class: 'btn',
      type: 'button',
      on: {
        click: async () => {
          label.textContent = (await copy(href, shown)) ? 'Copied' : 'Press Ctrl+C';
        },
      },
    },
    icon('copy'),
    label,
  );
  const address = h('div', { class: 'field' }, h('label', { for: 'registration-link' }, 'The registration page'), h('div', { class: 'sheet-link' }, shown, button));
  const draw = () => {
    address.hidden = mode.value === 'closed';
  };
  let before = registration;
  mode.addEventListener('change', async () => {
    problem.textContent = '';
    try {
      await api('PUT', `${path}/registration`, { token, body: { registration: mode.value } });
      before = mode.value;
    } catch (error) {
      problem.textContent = refusalText(error);
      mode.value = before;
    }
    draw();
  });
  draw();
  return h('div', { class: 'stack' }, field(mode, 'Who may register'), address, problem);
}
