// What concerns the conference as a whole: its settings, its end.

import { h } from '../ui/dom.js';
import { formDialog } from '../ui/formdialog.js';
import { field, group, numberInput, select, toggle, within } from '../ui/fields.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/room.js').Room} Room */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */

// The design's cap of the stage: a setting may lower it, nothing raises it.
const STAGE_PLACES = 36;
// The protocol's bounds.
const MOST_PEOPLE = 100_000;
const LONGEST_REMARK_S = 600;
const PIN = /^[A-Za-z0-9]{0,16}$/;
// What a setting is that the wire leaves out, because it stands at its default.
const DEFAULTS = {
  members: 'default',
  outsiders: 'default',
  public: true,
  guests_may: { messages: true, audio: true, video: true },
  capacity: 0,
  list_hidden: false,
  force_unmute: false,
  remark_s: 60,
  lobby: 'off',
  backstage: false,
  speakers_moderate_chat: false,
  speakers_see_private_questions: false,
  questions_approved: false,
  private_chat: 'everyone',
  slow_mode_s: 0,
};

/** @type {[string, string][]} */
const ACCESS = [
  ['moderator', 'Moderator'],
  ['speaker', 'Speaker'],
  ['viewer', 'Viewer'],
  ['no_access', 'No access'],
];

/** @type {[string, string][]} */
const LOBBY = [
  ['off', 'Nobody'],
  ['guests', 'Guests'],
  ['everyone', 'Everybody without a role of their own here'],
];

/** @type {[string, string][]} */
const PRIVATE_CHAT = [
  ['everyone', 'Everybody'],
  ['moderators', 'Only to and from those who moderate the chat'],
  ['off', 'Nobody'],
];
const LONGEST_SLOW_S = 3600;

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
  const now = { ...DEFAULTS, ...room.settings };
  const title = h('input', {
    class: 'input',
    id: 'settings-title',
    maxlength: '120',
    value: room.title,
    autocomplete: 'off',
    data: { testid: 'settings-title' },
  });
  const places = numberInput('settings-places', room.stagePlaces, 1, STAGE_PLACES);
  const capacity = numberInput('settings-capacity', now.capacity, 0, MOST_PEOPLE);
  const remark = numberInput('settings-remark', now.remark_s, 1, LONGEST_REMARK_S);
  const members = select('settings-members', [['default', 'Speaker, as nothing is chosen'], ...ACCESS], now.members);
  const outsiders = select('settings-outsiders', [['default', 'What their link says'], ...ACCESS.filter(([role]) => role !== 'moderator')], now.outsiders);
  const lobby = select('settings-lobby', LOBBY, now.lobby);
  const pin = permissions.allows(null, 'conference.set_pin') ? pinInput(room.pin) : null;
  const guests = { ...DEFAULTS.guests_may, ...now.guests_may };
  const open = toggle('settings-public', 'Guests may come in', now.public);
  const messages = toggle('settings-guest-messages', 'Guests may write messages', guests.messages);
  const audio = toggle('settings-guest-audio', 'Guests may speak', guests.audio);
  const video = toggle('settings-guest-video', 'Guests may show camera and screen', guests.video);
  const hidden = toggle('settings-hidden', 'Only moderators see who is present', now.list_hidden);
  const force = toggle('settings-force', 'Asking to unmute switches the device on', now.force_unmute);
  const backstage = toggle('settings-backstage', 'Viewers wait until the conference is begun', now.backstage);
  const chat = toggle('settings-speakers-chat', 'Speakers moderate the chat', now.speakers_moderate_chat);
  const questions = toggle('settings-speakers-questions', 'Speakers see private questions', now.speakers_see_private_questions);
  const approved = toggle('settings-questions-approved', 'Questions are seen by others when they are approved', now.questions_approved);
  const alone = select('settings-private-chat', PRIVATE_CHAT, now.private_chat);
  const slow = numberInput('settings-slow', now.slow_mode_s, 0, LONGEST_SLOW_S);
  const held = modeFields(room, permissions);
  formDialog({
    title: 'Settings',
    testid: 'settings-dialog',
    confirm: 'Save',
    body: [
      h('div', { class: 'field' }, h('label', { for: 'settings-title' }, 'Title'), title),
      ...(held ? held.body : []),
      group('The door', [
        field(members, 'Members of this server are'),
        field(outsiders, 'Guests are'),
        field(lobby, 'Who waits to be let in'),
        pin && field(pin, 'PIN', 'Letters and digits; empty for none. Whoever has a role of their own here needs none.'),
        field(capacity, 'People at most', '0 for no limit. A smaller number sends nobody out.'),
        open.label,
        backstage.label,
      ]),
      group('The stage', [
        field(
          places,
          'Places on the stage',
          `1 to ${STAGE_PLACES}. ${room.stage.length} taken now; lowering it takes nobody down.`,
        ),
        field(remark, 'Seconds of a turn to speak', `1 to ${LONGEST_REMARK_S}.`),
        force.label,
      ]),
      group('People', [messages, audio, video, hidden].map((one) => one.label)),
      group('Chat and questions', [
        field(alone, 'Who writes to one person alone'),
        field(slow, 'Slow mode: seconds between messages of one person', '0 for none. Who moderates the chat does not wait.'),
        ...[approved, chat, questions].map((one) => one.label),
      ]),
    ],
    run: async () => {
      const wanted = title.value.trim();
      if (!wanted) return 'The conference needs a title.';
      if (!within(places, 1, STAGE_PLACES)) return `The stage has 1 to ${STAGE_PLACES} places.`;
      if (!within(capacity, 0, MOST_PEOPLE)) return `People at most: 0 to ${MOST_PEOPLE}.`;
      if (!within(remark, 1, LONGEST_REMARK_S)) return `A turn to speak has 1 to ${LONGEST_REMARK_S} seconds.`;
      if (!within(slow, 0, LONGEST_SLOW_S)) return `Slow mode: 0 to ${LONGEST_SLOW_S} seconds.`;
      if (pin && !PIN.test(pin.value)) return 'A PIN has at most 16 letters and digits.';
      const changed = changes(room, {
        title: wanted,
        stage_places: Number(places.value),
        capacity: Number(capacity.value),
        remark_s: Number(remark.value),
        public: open.input.checked,
        list_hidden: hidden.input.checked,
        force_unmute: force.input.checked,
        backstage: backstage.input.checked,
        speakers_moderate_chat: chat.input.checked,
        speakers_see_private_questions: questions.input.checked,
        questions_approved: approved.input.checked,
        private_chat: alone.value,
        slow_mode_s: Number(slow.value),
        guests_may: { messages: messages.input.checked, audio: audio.input.checked, video: video.input.checked },
        lobby: lobby.value,
        members: members.value,
        outsiders: outsiders.value,
      });
      if (Object.keys(changed).length) await podium.send('conference.settings', changed);
      if (pin && pin.value !== room.pin) await podium.send('conference.set_pin', { pin: pin.value });
      const mode = held?.chosen();
      if (mode) await podium.send('conference.set_mode', mode);
      return undefined;
    },
  });
}

/** @param {string} value */
const pinInput = (value) =>
  h('input', {
    class: 'input num',
    id: 'settings-pin',
    maxlength: '16',
    value,
    autocomplete: 'off',
    inputmode: 'numeric',
    data: { testid: 'settings-pin' },
  });

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
  const mode = select('settings-mode', modes.map((one) => [one, MODE_WORDS[one]]), room.mode);
  const now = room.teacher || room.owner;
  const teacher = select('settings-teacher', teachers(room, now), now);
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
