// One group: its right, its members, putting somebody in and taking somebody out. What is done here is done at once.

import { openDialog } from '../ui/dialog.js';
import { debounce, h } from '../ui/dom.js';
import { missing, refusal, textInput, toggle } from '../ui/fields.js';
import { plural, refusalText } from '../ui/words.js';
import { OPERATOR_MEANS } from './groups.js';
import { rowButton } from './people.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {{ id: string, login: string, name: string }} Member */
/** @typedef {{ name: string, operator: boolean, members: Member[] }} Detail */

// A search is one request; this is the pause of somebody who types.
const PAUSE_MS = 250;
// So many are seen at once; a group may have ten thousand.
const FIRST = 50;

/**
 * Resolves when it is closed. Rejects with `PodiumError` when there is no such group any more.
 * @param {Panel} panel
 * @param {string} name
 */
export async function groupDialog(panel, name) {
  const path = `/groups/${encodeURIComponent(name)}`;
  /** @type {Detail} */
  let group = await panel.request('GET', path);
  let shown = FIRST;
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'group-error' } });
  const operator = toggle('group-operator', 'Operators', group.operator);
  operator.input.setAttribute('aria-describedby', 'group-operator-hint');
  const members = h('ul', { class: 'panel-members', data: { testid: 'group-members' } });
  const count = h('h3', { class: 'label', role: 'status', tabindex: '-1' });
  const all = h('button', { class: 'btn btn-sm', type: 'button', on: { click: () => showAll() } });
  const known = h('datalist', { id: 'group-known' });
  const who = textInput('group-add', 'login', '', {
    required: true,
    list: 'group-known',
    maxlength: 64,
    autocapitalize: 'none',
    spellcheck: 'false',
    placeholder: 'Login name',
  });
  const form = h(
    'form',
    { class: 'field', novalidate: true },
    h('label', { for: 'group-add' }, 'Add somebody'),
    h('div', { class: 'row row-s' }, h('div', { class: 'grow' }, who), h('button', { class: 'btn', type: 'submit', data: { testid: 'group-add-confirm' } }, 'Add')),
    known,
  );

  function draw() {
    operator.input.checked = group.operator;
    count.textContent = group.members.length ? plural(group.members.length, 'member') : 'Nobody is in this group yet.';
    members.replaceChildren(...group.members.slice(0, shown).map(row));
    all.hidden = group.members.length <= shown;
    all.textContent = `Show all ${group.members.length}`;
  }

  function showAll() {
    shown = group.members.length;
    draw();
  }

  /** @param {Member} member */
  function row({ id, login, name: person }) {
    return h(
      'li',
      { class: 'row row-s', data: { testid: 'group-member', person: login } },
      h('div', { class: 'grow panel-name' }, h('strong', { class: 'truncate' }, person), h('span', { class: 'hint truncate' }, login)),
      rowButton('user-minus', `Take ${person} out of the group`, 'group-take-out', () => void takeOut(id)),
    );
  }

  /** @param {string} id */
  async function takeOut(id) {
    await change(() => panel.request('DELETE', `${path}/members/${encodeURIComponent(id)}`));
    count.focus();
  }

  /** Does it and shows what is so afterwards, done or refused. @param {() => Promise<Detail>} work */
  async function change(work) {
    problem.textContent = '';
    try {
      group = await work();
    } catch (error) {
      problem.textContent = refusalText(error);
    }
    draw();
  }

  async function add() {
    problem.textContent = missing(form) ?? '';
    if (problem.textContent) return;
    try {
      group = await panel.request('PUT', `${path}/members/${encodeURIComponent(who.value.trim())}`);
      who.value = '';
      who.focus();
      draw();
    } catch (error) {
      problem.textContent = refusal(form, error);
    }
  }

  const suggest = debounce(async () => {
    const query = new URLSearchParams({ search: who.value.trim(), after: '' });
    try {
      /** @type {{ people: Member[] }} */
      const { people } = await panel.call('GET', `/people?${query}`);
      known.replaceChildren(...people.map(({ login, name: person }) => h('option', { value: login }, person)));
    } catch {
      // Without suggestions a login name can still be typed.
    }
  }, PAUSE_MS);

  operator.input.addEventListener('change', () => void change(() => panel.request('PATCH', path, { operator: operator.input.checked })));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void add();
  });
  if (panel.may('people.open')) who.addEventListener('input', suggest);
  draw();
  await openDialog({
    title: `Group “${name}”`,
    testid: 'group-dialog',
    body: h(
      'div',
      { class: 'stack' },
      h('div', { class: 'stack stack-s' }, operator.label, h('p', { class: 'hint', id: 'group-operator-hint' }, OPERATOR_MEANS)),
      form,
      problem,
      count,
      members,
      h('div', {}, all),
    ),
    actions: [{ label: 'Done', kind: 'primary', value: true, testid: 'group-done' }],
  });
}
