// Whom to invite, as what, and with which words.

import { api } from '../ui/api.js';
import { h, icon } from '../ui/dom.js';
import { field, missing, refusal, select, textArea } from '../ui/fields.js';
import { plural } from '../ui/words.js';

/** @typedef {{ email: string, name: string }} Whom */

/** @type {[string, string, string][]} */
const ROLES = [
  ['viewer', 'Viewer', 'Watches, listens and writes in the chat; may ask for the stage.'],
  ['speaker', 'Speaker', 'May take a place on the stage and send camera, microphone and screen.'],
  ['moderator', 'Moderator', 'Manages the stage and the people: only for somebody you trust.'],
];

/**
 * What somebody has written or pasted: one person a line, or several with commas; `Anna Berger <anna@example.org>` too.
 * @param {string} text @returns {Whom[]}
 */
export function peopleIn(text) {
  return text
    .split(/[\n,;]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, name = '', email = ''] = /^(.*?)\s*<([^<>]*)>$/.exec(part) ?? [];
      return email ? { email: email.trim(), name: name.replace(/^"(.*)"$/, '$1').trim() } : { email: part, name: '' };
    });
}

/**
 * @param {string} token
 * @param {string} path of the attendees
 * @param {import('./list.js').Attendees} attendees
 * @param {() => void} done
 */
export function inviteForm(token, path, { sends, templates }, done) {
  const people = textArea('invite-people', 'people', '', {
    required: true,
    class: 'textarea sheet-addresses',
    spellcheck: 'false',
    autocapitalize: 'none',
    placeholder: 'anna@example.org\nBen Okafor <ben@example.org>',
  });
  const words = textArea('invite-note', 'note', '', { maxlength: 2000, rows: '3' });
  const template = select('invite-template', [['', 'The usual words'], ...templates.map(({ id, name }) => [id, name])], '', 'template');
  const means = h('p', { class: 'hint' }, ROLES[0][2]);
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'invite-error' } });
  const told = h('div', { role: 'status', class: 'stack stack-s', data: { testid: 'invite-told' } });
  const submit = h('button', { class: 'btn btn-primary', type: 'submit', disabled: !sends, data: { testid: 'invite-send' } }, icon('send'), 'Invite');
  let role = 'viewer';
  const choice = h(
    'div',
    { class: 'seg', role: 'radiogroup', 'aria-labelledby': 'invite-as' },
    ROLES.map(([value, word, text]) =>
      h(
        'label',
        {},
        h('input', {
          type: 'radio',
          name: 'invite-role',
          value,
          checked: value === role,
          data: { testid: `invite-role-${value}` },
          on: {
            change: () => {
              role = value;
              means.textContent = text;
            },
          },
        }),
        h('span', {}, word),
      ),
    ),
  );
  const form = h(
    'form',
    { class: 'stack', novalidate: true },
    field(people, 'To whom', 'One a line. Each gets a link of their own.'),
    h('div', { class: 'field' }, h('span', { class: 'label', id: 'invite-as' }, 'They enter as'), h('div', {}, choice), means),
    templates.length ? field(template, 'Words') : null,
    field(words, 'A line from you (if you like)'),
    problem,
    h('div', {}, submit),
    told,
  );

  async function invite() {
    problem.textContent = missing(form) ?? '';
    told.replaceChildren();
    if (problem.textContent) return;
    submit.disabled = true;
    try {
      const body = { people: peopleIn(people.value), role, note: words.value, template: template.value };
      const { invited, refused } = await api('POST', path, { token, body });
      const good = invited > 0 && h('p', { class: 'banner banner-ok' }, `${plural(invited, 'person is', 'people are')} told.`);
      told.replaceChildren(
        ...(good ? [good] : []),
        ...refused.map((/** @type {{ email: string, why: string }} */ one) => h('p', { class: 'sheet-error' }, `${one.email}: ${one.why}`)),
      );
      // What was not taken stays to be put right.
      people.value = refused.map((/** @type {{ email: string }} */ one) => one.email).join('\n');
      done();
    } catch (error) {
      problem.textContent = refusal(form, error);
    } finally {
      submit.disabled = false;
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void invite();
  });
  return form;
}
