// Who is invited to a conference by e-mail or has registered: the page of its organizers.

import { api } from '../ui/api.js';
import { byId } from '../ui/byid.js';
import { conference, openSheet } from '../ui/sheet.js';
import { inviteForm } from './inviteform.js';
import { AttendeeList } from './list.js';
import { planForm } from './plan.js';
import { registrationForm } from './registration.js';

/** @typedef {import('./list.js').Attendees} Attendees */

const REFRESH_MS = 4_000;

/** @param {string} token */
async function show(token) {
  const path = `/conferences/${encodeURIComponent(conference)}`;
  const list = new AttendeeList(token, `${path}/attendees`);
  const [glance, people] = await Promise.all([api('GET', path), list.read()]);
  document.title = `Invitations to ${glance.title} · Podium`;
  byId('title', HTMLElement).textContent = glance.title;
  byId('no-mail', HTMLElement).hidden = people.sends;
  byId('invite', HTMLElement).append(inviteForm(token, `${path}/attendees`, people, () => void list.read()));
  byId('plan', HTMLElement).append(planForm(token, path, glance, people.time_zone));
  byId('registration', HTMLElement).append(registrationForm(token, path, people));
  byId('list', HTMLElement).append(list.root);
  setInterval(() => document.visibilityState === 'visible' && void list.refresh(), REFRESH_MS);
}

void openSheet(show);
