// Making an event, adding a session to it and taking one out, and saying who has which role in all of its sessions.

import { api } from '../ui/api.js';
import { ask, openDialog } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { field, missing, refusal, select, textInput } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { refusalText, roleWord } from '../ui/words.js';

/** @typedef {import('./events.js').Event} Event */
/** @typedef {import('./events.js').Conference} Conference */
/** @typedef {import('./events.js').Member} Member */

const ROLES = ['viewer', 'speaker', 'guest_speaker', 'moderator', 'organizer'].map((role) => [role, roleWord(role)]);

/** @param {string} token @param {() => void} made */
export function newEventDialog(token, made) {
  const title = textInput('event-title', 'title', '', { required: true, maxlength: 120, placeholder: 'Spring congress' });
  formDialog({
    title: 'New event',
    testid: 'event-form',
    confirm: 'Make the event',
    body: [field(title, 'Title', 'Sessions and people are added afterwards.')],
    run: async () => {
      await api('POST', '/events', { token, body: { title: title.value.trim() } });
      made();
    },
  });
}

/**
 * A new conference for later, or one's own that there is, becomes a session.
 * @param {{ token: string, event: Event, conferences: Conference[], done: () => void }} options
 */
export function sessionDialog({ token, event, conferences, done }) {
  const there = conferences.filter(({ conference }) => !event.sessions.includes(conference));
  const which = select('session-which', [['', 'A new one'], ...there.map(({ conference, title }) => [conference, title])], '');
  const title = textInput('session-title', 'title', '', { required: true, maxlength: 120, placeholder: 'Morning' });
  const starts = moment('session-starts', 'starts', true);
  const ends = moment('session-ends', 'ends', false);
  const fresh = h(
    'div',
    { class: 'stack' },
    field(title, 'Title'),
    h('div', { class: 'home-times' }, field(starts, 'Starts'), field(ends, 'Ends (if you like)')),
  );
  // When only the second step is refused, trying again makes no second conference.
  let made = '';
  which.addEventListener('change', () => {
    fresh.hidden = which.value !== '';
    title.required = starts.required = which.value === '';
  });

  async function create() {
    const body = { title: title.value.trim(), starts: msOf(starts), ...(ends.value ? { ends: msOf(ends) } : {}) };
    return (await api('POST', '/conferences', { token, body })).conference;
  }

  formDialog({
    title: `Add a session to ${event.title}`,
    testid: 'session-form',
    confirm: 'Add the session',
    body: [...(there.length ? [field(which, 'Conference')] : []), fresh],
    run: async () => {
      if (!which.value && !made) {
        // One that has begun would lead to the conference of one's own that runs now.
        if (msOf(starts) <= Date.now()) return 'The start is in the past; choose a later time.';
        made = await create();
      }
      const conference = which.value || made;
      await api('POST', `/events/${encodeURIComponent(event.event)}/sessions`, { token, body: { conference } });
      done();
    },
  });
}

/** @param {string} title the conference's */
export const askToTakeOut = (title) =>
  ask({ title: `Take “${title}” out of its event?`, text: 'Everybody keeps their role in it.', confirm: 'Take it out', danger: true });

/** @param {string} token @param {string} event @param {string} conference */
export const removeSession = (token, event, conference) =>
  api('DELETE', `/events/${encodeURIComponent(event)}/sessions/${encodeURIComponent(conference)}`, { token });

/**
 * Who has which role in every session; what is done here is done at once. Resolves when it is closed.
 * @param {string} token
 * @param {Event} event
 */
export async function peopleDialog(token, event) {
  const path = `/events/${encodeURIComponent(event.event)}/members`;
  let { members } = event;
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'members-error' } });
  const list = h('ul', { class: 'home-members', data: { testid: 'members' } });
  const count = h('h3', { class: 'label', role: 'status', tabindex: '-1' });
  const who = textInput('member-add', 'identity', '', {
    required: true,
    maxlength: 64,
    autocapitalize: 'none',
    spellcheck: 'false',
    placeholder: 'Login name',
  });
  const role = select('member-add-role', ROLES, 'speaker');
  role.setAttribute('aria-label', 'Role');
  const form = h(
    'form',
    { class: 'field', novalidate: true },
    h('label', { for: 'member-add' }, 'Add somebody'),
    h('div', { class: 'home-add' }, who, role, h('button', { class: 'btn', type: 'submit', data: { testid: 'member-add-confirm' } }, 'Add')),
    h('p', { class: 'hint' }, 'The name with which they sign in on this server.'),
  );

  function draw() {
    count.textContent = members.length ? 'In every session' : 'Nobody has been added yet.';
    list.replaceChildren(...members.map(row));
  }

  /** @param {Member} member */
  function row({ identity, name, role: has }) {
    const called = name || identity;
    const choice = select(`member-${identity}`, ROLES, has);
    choice.setAttribute('aria-label', `Role of ${called}`);
    choice.dataset.testid = 'member-role';
    choice.addEventListener('change', () => void change(() => put(identity, choice.value), identity));
    return h(
      'li',
      { data: { testid: 'member', person: identity } },
      h('strong', { class: 'home-member truncate' }, called),
      choice,
      h(
        'button',
        {
          class: 'btn btn-quiet btn-icon btn-sm',
          type: 'button',
          'aria-label': `Take ${called} out of the event`,
          title: `Take ${called} out of the event`,
          data: { testid: 'member-remove' },
          on: { click: () => void change(() => api('DELETE', `${path}/${encodeURIComponent(identity)}`, { token }), identity) },
        },
        icon('user-minus'),
      ),
    );
  }

  /** @param {string} identity @param {string} given */
  const put = (identity, given) => api('PUT', `${path}/${encodeURIComponent(identity)}`, { token, body: { role: given } });

  /** Does it and shows what is so afterwards, done or refused. @param {() => Promise<Event>} work @param {string} identity */
  async function change(work, identity) {
    problem.textContent = '';
    try {
      ({ members } = await work());
    } catch (error) {
      problem.textContent = refusalText(error);
    }
    draw();
    const choice = document.getElementById(`member-${identity}`);
    (choice ?? count).focus();
  }

  form.addEventListener('submit', async (submitted) => {
    submitted.preventDefault();
    problem.textContent = missing(form) ?? '';
    if (problem.textContent) return;
    try {
      ({ members } = await put(who.value.trim(), role.value));
      who.value = '';
      who.focus();
      draw();
    } catch (error) {
      problem.textContent = refusal(form, error);
    }
  });
  draw();
  await openDialog({
    title: `People of ${event.title}`,
    testid: 'members-dialog',
    body: h('div', { class: 'stack' }, form, problem, count, list),
    actions: [{ label: 'Done', kind: 'primary', value: true, testid: 'members-done' }],
  });
}

/** @param {string} id @param {string} name @param {boolean} required */
const moment = (id, name, required) => h('input', { class: 'input', id, name, type: 'datetime-local', required, data: { testid: id } });

/** What is typed is the time where the reader is. @param {HTMLInputElement} input @returns {number} ms since 1970 */
const msOf = (input) => new Date(input.value).getTime();
