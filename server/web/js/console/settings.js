// What concerns the conference as a whole: its settings, its end.

import { h } from '../ui/dom.js';
import { formDialog } from './formdialog.js';

/** @typedef {import('../podium.js').Podium} Podium */

// The design's cap of the stage: a setting may lower it, nothing raises it.
const STAGE_PLACES = 36;
// The protocol's bounds.
const MOST_PEOPLE = 100_000;
// What a setting is that the wire leaves out, because it stands at its default.
const DEFAULTS = {
  public: true,
  guests_may: { messages: true, audio: true, video: true },
  capacity: 0,
  list_hidden: false,
  force_unmute: false,
};

/** @typedef {import('../lib/room.js').Room} Room */
/** @typedef {import('./permissions.js').Permissions} Permissions */

/** @type {Record<string, string>} */
const ACCESS = {
  moderator: 'Moderator',
  speaker: 'Speaker',
  viewer: 'Viewer',
  no_access: 'No access',
};

/** @type {Record<string, string>} */
const MODE_WORDS = {
  role_based: 'By roles: speakers go on the stage, others ask',
  all_on_screen: 'Everybody on screen',
  video_lecture: 'Lecture: a teacher and the moderators on the stage',
};

// Who teaches now, the owner and those who moderate are offered first; a list of thousands helps nobody.
const TEACHERS = 200;

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export function settingsDialog(podium, permissions) {
  const room = podium.room;
  if (!room) return;
  const title = h('input', {
    class: 'input',
    id: 'settings-title',
    maxlength: '120',
    value: room.title,
    autocomplete: 'off',
    data: { testid: 'settings-title' },
  });
  const places = numberInput('places', room.stagePlaces, 1, STAGE_PLACES);
  const capacity = numberInput('capacity', room.settings.capacity ?? 0, 0, MOST_PEOPLE);
  const members = accessSelect('members', room.settings.members, 'Speaker, as long as nothing is chosen');
  const outsiders = accessSelect('outsiders', room.settings.outsiders, 'What their link says');
  const open = toggle('public', 'Guests may come in', room.settings.public ?? true);
  const messages = toggle('guest-messages', 'Guests may write messages', room.settings.guests_may?.messages ?? true);
  const audio = toggle('guest-audio', 'Guests may speak', room.settings.guests_may?.audio ?? true);
  const video = toggle('guest-video', 'Guests may show camera and screen', room.settings.guests_may?.video ?? true);
  const hidden = toggle('hidden', 'Only moderators see who is present', room.settings.list_hidden ?? false);
  const force = toggle('force', 'Asking to unmute switches the device on', room.settings.force_unmute ?? false);
  const held = modeFields(room, permissions);
  formDialog({
    title: 'Settings',
    testid: 'settings-dialog',
    confirm: 'Save',
    body: [
      h('div', { class: 'field' }, h('label', { for: 'settings-title' }, 'Title'), title),
      ...(held ? held.body : []),
      field(
        places,
        'Places on the stage',
        `1 to ${STAGE_PLACES}. ${room.stage.length} taken now; lowering it takes nobody down.`,
      ),
      field(capacity, 'People at most', '0 for no limit. A smaller number sends nobody out.'),
      field(members, 'Members of this server are'),
      field(outsiders, 'Guests are'),
      ...[open, messages, audio, video, hidden, force].map((one) => one.label),
    ],
    run: async () => {
      const wanted = title.value.trim();
      if (!wanted) return 'The conference needs a title.';
      if (!within(places, 1, STAGE_PLACES)) return `The stage has 1 to ${STAGE_PLACES} places.`;
      if (!within(capacity, 0, MOST_PEOPLE)) return `People at most: 0 to ${MOST_PEOPLE}.`;
      const changed = changes(room, {
        title: wanted,
        stage_places: Number(places.value),
        capacity: Number(capacity.value),
        public: open.input.checked,
        list_hidden: hidden.input.checked,
        force_unmute: force.input.checked,
        guests_may: { messages: messages.input.checked, audio: audio.input.checked, video: video.input.checked },
        ...(members.value ? { members: members.value } : {}),
        ...(outsiders.value ? { outsiders: outsiders.value } : {}),
      });
      if (Object.keys(changed).length) await podium.send('conference.settings', changed);
      const mode = held?.chosen();
      if (mode) await podium.send('conference.set_mode', mode);
      return undefined;
    },
  });
}

/**
 * What is other than now: somebody else may be changing another setting at the same time.
 * @param {Room} room
 * @param {Record<string, any>} wanted
 */
function changes(room, wanted) {
  /** @type {Record<string, any>} */
  const now = { title: room.title, stage_places: room.stagePlaces, ...DEFAULTS, ...room.settings };
  now.guests_may = { ...DEFAULTS.guests_may, ...room.settings.guests_may };
  const same = (/** @type {any} */ one, /** @type {any} */ other) => JSON.stringify(one) === JSON.stringify(other);
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => !same(value, now[name])));
}

/**
 * The mode and its teacher; null when one may not choose.
 * @param {Room} room
 * @param {Permissions} permissions
 */
function modeFields(room, permissions) {
  const modes = Object.keys(MODE_WORDS).filter(
    (one) => one === room.mode || permissions.allows(null, `conference.set_mode:${one}`),
  );
  if (!modes.some((one) => permissions.allows(null, `conference.set_mode:${one}`))) return null;
  const mode = select('mode', modes.map((one) => [one, MODE_WORDS[one]]), room.mode);
  const now = room.teacher || room.owner;
  const teacher = select('teacher', teachers(room, now), now);
  const who = field(teacher, 'Teacher');
  const show = () => {
    who.hidden = mode.value !== 'video_lecture';
  };
  mode.addEventListener('change', show);
  show();
  return {
    body: [field(mode, 'Mode', 'A change decides everybody’s place on the stage anew.'), who],
    chosen: () => {
      const lecture = mode.value === 'video_lecture';
      const named = lecture && teacher.value !== (room.teacher || room.owner);
      if (mode.value === room.mode && !named) return null;
      return { mode: mode.value, ...(named ? { teacher: teacher.value } : {}) };
    },
  };
}

/** @param {Room} room @param {string} now @returns {[string, string][]} */
function teachers(room, now) {
  const first = [...new Set([now, room.owner])].map((id) => /** @type {[string, string]} */ ([
    id,
    id === room.owner ? `${room.names.get(id) ?? 'The owner'} (owner)` : (room.names.get(id) ?? id),
  ]));
  const rank = ['organizer', 'moderator'];
  const others = [...room.people.values()]
    .filter(({ id }) => id !== now && id !== room.owner)
    .sort(
      (one, other) =>
        Number(rank.includes(other.role)) - Number(rank.includes(one.role)) || one.name.localeCompare(other.name),
    )
    .slice(0, TEACHERS);
  return [...first, ...others.map(({ id, name }) => /** @type {[string, string]} */ ([id, name]))];
}

/** @param {HTMLElement} control @param {string} label @param {string} [hint] */
function field(control, label, hint) {
  const id = `${control.id}-hint`;
  if (hint) control.setAttribute('aria-describedby', id);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: control.id }, label),
    control,
    hint ? h('p', { class: 'hint', id }, hint) : null,
  );
}

/** @param {string} name @param {number} value @param {number} min @param {number} max */
const numberInput = (name, value, min, max) =>
  h('input', {
    class: 'input num',
    id: `settings-${name}`,
    type: 'number',
    min: String(min),
    max: String(max),
    value: String(value),
    data: { testid: `settings-${name}` },
  });

/** @param {HTMLInputElement} input @param {number} min @param {number} max */
function within(input, min, max) {
  const number = Number(input.value);
  return input.value.trim() !== '' && Number.isInteger(number) && number >= min && number <= max;
}

/** @param {string} name @param {string[][]} options @param {string} value */
function select(name, options, value) {
  const node = h(
    'select',
    { class: 'select', id: `settings-${name}`, data: { testid: `settings-${name}` } },
    options.map(([key, word]) => h('option', { value: key }, word)),
  );
  node.value = value;
  return node;
}

/**
 * @param {string} name
 * @param {string | undefined} value
 * @param {string} unchosen offered until something is chosen, which cannot be taken back
 */
const accessSelect = (name, value, unchosen) =>
  select(name, [...(value ? [] : [['', unchosen]]), ...Object.entries(ACCESS)], value ?? '');

/** @param {string} name @param {string} label @param {boolean} checked */
function toggle(name, label, checked) {
  const input = h('input', { type: 'checkbox', checked, data: { testid: `settings-${name}` } });
  return { input, label: h('label', { class: 'switch' }, input, h('span', {}, label)) };
}

/** @param {Podium} podium */
export function endDialog(podium) {
  const count = podium.room?.count ?? 0;
  formDialog({
    title: 'End the conference for everybody?',
    testid: 'end-dialog',
    confirm: 'End for everybody',
    danger: true,
    body: [
      h(
        'p',
        { class: 'dim' },
        `${count === 1 ? 'One person is' : `${count} people are`} in it. Everybody is told and disconnected, at once.`,
      ),
      h('p', { class: 'hint' }, 'Roles are kept. The conference opens again when an organizer comes back.'),
    ],
    run: async () => void (await podium.send('conference.end')),
  });
}
