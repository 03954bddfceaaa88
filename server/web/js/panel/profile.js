// The workspace's profile: name, description, time zone; and its logo.

import { h, icon } from '../ui/dom.js';
import { field, textArea, textInput } from '../ui/fields.js';
import { card, pageForm } from './form.js';
import { logoCard } from './logo.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Profile} Profile */

/** @param {Panel} panel @returns {Promise<HTMLElement>} */
export async function profileSection(panel) {
  /** @type {Profile} */
  const profile = await panel.call('GET', '');
  return h(
    'div',
    { class: 'stack' },
    panel.may('workspace.logo.edit') ? logoCard(panel, profile) : null,
    panel.may('workspace.profile.edit') ? nameCard(panel, profile) : shownCard(profile),
    h(
      'p',
      { class: 'hint' },
      'All of this stands on the ',
      h('a', { href: '/company', data: { testid: 'company-page' } }, 'company page'),
      ', which everybody can open.',
    ),
  );
}

/** @param {Panel} panel @param {Profile} profile */
function nameCard(panel, profile) {
  const name = textInput('profile-name', 'name', profile.name, { required: true, maxlength: 64 });
  const description = textArea('profile-description', 'description', profile.description, { maxlength: 1000, rows: 4 });
  const zone = textInput('profile-zone', 'time_zone', profile.time_zone, { required: true, list: 'time-zones' });
  const form = pageForm({
    testid: 'profile',
    save: 'Save the profile',
    done: 'The profile is saved.',
    body: [
      field(name, 'Name'),
      field(description, 'Description', 'A few sentences for the company page.'),
      field(zone, 'Time zone', 'Such as Europe/Vienna.'),
      h('datalist', { id: 'time-zones' }, ['UTC', ...Intl.supportedValuesOf('timeZone')].map((value) => h('option', { value }))),
    ],
    run: async () => {
      await panel.call('PUT', '', { name: name.value, description: description.value, time_zone: zone.value.trim() });
    },
  });
  return card('Name and description', [form]);
}

/** @param {Profile} profile */
function shownCard(profile) {
  return h(
    'section',
    { class: 'card panel-card panel-shown', data: { testid: 'profile-shown' } },
    profile.logo
      ? h('img', { class: 'panel-logo', src: profile.logo, alt: `Logo of ${profile.name}` })
      : h('span', { class: 'panel-logo panel-logo-none' }, icon('building', 'icon-lg')),
    h(
      'div',
      { class: 'stack stack-s' },
      h('h2', { class: 'subtitle' }, profile.name),
      profile.description ? h('p', { class: 'panel-text' }, profile.description) : null,
      h('p', { class: 'hint' }, `Time zone: ${profile.time_zone}`),
    ),
  );
}
