/** What happened, as sentences people read: who did what to whom. */

import { PodiumError } from '../lib/errors.js';

/** @typedef {import('../lib/room.js').Room} Room */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../lib/shapes.js').RoomEvent} RoomEvent */
/** @typedef {{text: string, kind: 'ok' | 'warn' | 'danger' | 'info'}} Sentence */

const ROLES = /** @type {Record<string, string>} */ ({
  organizer: 'Organizer', moderator: 'Moderator', guest_speaker: 'Guest speaker', speaker: 'Speaker', viewer: 'Viewer',
});

const SERVER_ROLES = /** @type {Record<string, string>} */ ({
  owner: 'Owner', admin: 'Admin', security_admin: 'Security admin', member: 'Member',
});

const SOURCES = /** @type {Record<string, string>} */ ({
  audio: 'microphone', video: 'camera', screen: 'screen share', screen_audio: 'screen sound',
});

const MODES = /** @type {Record<string, string>} */ ({
  role_based: 'roles and stage', all_on_screen: 'everybody on screen', video_lecture: 'lecture',
});

// The settings as their dialog in the console calls them.
const SETTINGS = /** @type {Record<string, string>} */ ({
  members: 'what members are', outsiders: 'what guests are', public: 'whether guests come in',
  lobby: 'who waits to be let in', backstage: 'whether viewers wait for the beginning', guests_may: 'what guests may do', capacity: 'people at most',
  list_hidden: 'who sees who is present', force_unmute: 'what asking to unmute does', remark_s: 'the length of a turn to speak',
  speakers_moderate_chat: 'who moderates the chat', speakers_see_private_questions: 'who sees private questions',
  questions_approved: 'who sees questions', private_chat: 'who writes to one person alone', slow_mode_s: 'slow mode',
});
const MOST_SETTINGS = 3;

/** What was changed in the settings, to follow that they were: nothing where that would be a long list. @param {Room} room */
export function settingsWords(room) {
  const words = room.lastChanged.map((name) => (name === 'title' ? `title “${room.title}”` : name === 'stage_places' ? plural(room.stagePlaces, 'place on the stage', 'places on the stage') : SETTINGS[name] ?? ''));
  return words.length && words.length <= MOST_SETTINGS && words.every(Boolean) ? `: ${words.join(', ')}` : '';
}

/** The layouts that everybody may be given, in the order of their menus. @type {[import('../types.js').LayoutKind, string][]} */
export const LAYOUTS = [
  ['grid', 'Grid'],
  ['speaker', 'Speaker large'],
  ['sidebar', 'Speaker, others beside'],
  ['screen_first', 'Shared screen large'],
  ['picture_in_picture', 'Picture in picture'],
];

/** @param {string | undefined} mode */
export const modeWord = (mode) => MODES[mode ?? ''] ?? mode ?? '';

/** @param {string} role */
export const roleWord = (role) => ROLES[role] ?? role;

/** @param {string} role of an account on this server */
export const serverRoleWord = (role) => SERVER_ROLES[role] ?? role;

/** @param {string | undefined} source */
export const sourceWord = (source) => SOURCES[source ?? ''] ?? source ?? '';

/** @param {number} count @param {string} one @param {string} [many] */
export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** @param {unknown} error @returns {string} why something was not done */
export function refusalText(error) {
  if (error instanceof PodiumError) return error.message;
  return 'That did not work; please try again.';
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** @param {number} time ms since 1970 */
export const timeWord = (time) => clock.format(time);

const soon = new Intl.DateTimeFormat(undefined, { weekday: 'long', hour: '2-digit', minute: '2-digit' });
const far = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
// A weekday alone is clear for what is less than a week away.
const WEEKDAY_MS = 6 * 86_400_000;

/**
 * @param {number} time ms since 1970
 * @param {number} [now]
 */
export const momentWord = (time, now = Date.now()) => (Math.abs(time - now) < WEEKDAY_MS ? soon : far).format(time);

/**
 * The sentence for an event, from the reader's side; null for what is better seen than told.
 * @param {Room} room after the event
 * @param {RoomEvent} event
 * @param {Person | null} [before] the person it concerns, as they were
 * @returns {Sentence | null}
 */
export function sentenceOf(room, event, before = null) {
  const told = sentences[event.type];
  if (!told) return null;
  const mine = event.person === room.you;
  const byMe = event.by === room.you;
  const own = event.by === undefined || event.by === event.person;
  return told({ room, event, before, mine, byMe, own, who: room.name(event.person), by: event.by ? room.name(event.by) : 'The server' });
}

/**
 * @typedef {object} Telling
 * @property {Room} room
 * @property {RoomEvent} event
 * @property {Person | null} before
 * @property {boolean} mine it concerns the reader
 * @property {boolean} byMe the reader did it
 * @property {boolean} own the person it concerns did it themselves
 * @property {string} who the person it concerns
 * @property {string} by whose command it was
 */

/** @param {string} text @param {Sentence['kind']} [kind] @returns {Sentence} */
const say = (text, kind = 'info') => ({ text, kind });

/** @type {Record<string, (telling: Telling) => Sentence | null>} */
const sentences = {
  'participant.joined': ({ mine, who }) => (mine ? null : say(`${who} joined.`)),
  'participant.away': ({ mine, who }) => (mine ? null : say(`${who} lost the connection.`, 'warn')),
  'participant.returned': ({ mine, who }) => (mine ? null : say(`${who} is back.`)),
  'participant.left': ({ mine, who, by, byMe, event }) => {
    if (event.reason === 'removed') {
      const note = event.note ? `: ${event.note}` : '.';
      if (mine) return say(`${by} removed you from the conference${note}`, 'danger');
      return byMe ? say(`You removed ${who}.`, 'ok') : say(`${by} removed ${who}${note}`, 'warn');
    }
    if (event.reason === 'blocked') {
      const note = event.note ? `: ${event.note}` : '.';
      if (mine) return say(`${by} blocked you from the conference${note}`, 'danger');
      return byMe ? say(`You blocked ${who}.`, 'ok') : say(`${by} blocked ${who}${note}`, 'warn');
    }
    if (event.reason === 'no_access') {
      return mine ? say('You have no access to the conference any more.', 'danger') : say(`${who} has no access any more.`);
    }
    if (event.reason === 'waiting') return mine ? null : say(`${who} waits outside until the conference begins.`);
    if (event.reason === 'expired') return mine ? null : say(`${who} did not come back.`);
    return mine || event.reason === 'ended' ? null : say(`${who} left.`);
  },
  'lobby.left': ({ who, by, byMe, event }) => {
    if (!event.refused) return null;
    return say(byMe ? `You sent ${who} away.` : `${by} sent ${who} away.`, byMe ? 'ok' : 'info');
  },
  'participant.unblocked': ({ who, by, byMe }) => (byMe ? say(`You unblocked ${who}.`, 'ok') : say(`${by} unblocked ${who}.`)),
  'role.assigned': ({ mine, who, by, byMe, event }) => {
    const role = roleWord(event.role ?? '').toLowerCase();
    const article = /^[aeiou]/.test(role) ? 'an' : 'a';
    if (mine) return say(byMe ? `You are now ${article} ${role}.` : `${by} made you ${article} ${role}.`, 'ok');
    return say(byMe ? `You made ${who} ${article} ${role}.` : `${by} made ${who} ${article} ${role}.`, byMe ? 'ok' : 'info');
  },
  'stage.requested': ({ room, mine, who }) => (!mine && room.moderates ? say(`${who} asks for the stage.`) : null),
  'stage.refused': ({ mine, who, by, byMe }) => {
    if (mine) return say(`${by} refused your request for the stage.`, 'warn');
    return byMe ? say(`You refused ${who}'s request.`, 'ok') : null;
  },
  'stage.invited': ({ mine, who, byMe }) => (!mine && byMe ? say(`You invited ${who} to the stage.`, 'ok') : null),
  'stage.declined': ({ room, mine, who, own, event }) => {
    if (event.expired) {
      if (mine) return say('The invitation to the stage has expired.', 'warn');
      return room.moderates ? say(`${who} did not answer the invitation to the stage.`, 'warn') : null;
    }
    return !mine && own && room.moderates ? say(`${who} declined the invitation to the stage.`, 'warn') : null;
  },
  'stage.taken': ({ mine, who, by, own }) => {
    if (mine) return say(own ? 'You are on the stage.' : `${by} brought you to the stage.`, 'ok');
    return say(`${who} is on the stage.`);
  },
  'stage.left': ({ mine, who, by, byMe, event }) => {
    if (event.reason === 'taken_down') {
      if (mine) return say(`${by} took you down from the stage. Your camera and microphone are off.`, 'warn');
      return say(byMe ? `You took ${who} down from the stage.` : `${by} took ${who} down from the stage.`, byMe ? 'ok' : 'info');
    }
    if (event.reason === 'mode') {
      return mine ? say('You are not on the stage any more: the conference is held in another mode now.', 'warn') : null;
    }
    if (event.reason !== 'left') return null;
    return mine ? say('You left the stage.') : say(`${who} left the stage.`);
  },
  'remark.requested': ({ room, mine, who }) => (!mine && room.moderates ? say(`${who} asks to speak.`) : null),
  'remark.refused': ({ mine, who, by, byMe }) => {
    if (mine) return say(`${by} refused your request to speak.`, 'warn');
    return byMe ? say(`You refused ${who}'s request to speak.`, 'ok') : null;
  },
  'remark.granted': ({ mine, who, by, own, event }) => {
    const seconds = plural(Math.round(((event.until ?? 0) - (event.time ?? 0)) / 1000), 'second');
    if (mine) return say(`${own ? 'You' : by} gave you the word: everybody hears you for ${seconds}.`, 'ok');
    return say(`${who} speaks for ${seconds}.`);
  },
  'remark.ended': ({ mine, own, who, by, byMe, event }) => {
    if (!mine) return byMe ? say(`You ended the turn of ${who}.`, 'ok') : null;
    const off = 'Your microphone is off.';
    if (event.reason === 'time') return say(`Your time to speak is over. ${off}`, 'warn');
    if (event.reason === 'mode') return say(`The conference is held in another mode now. ${off}`, 'warn');
    return own ? say(`You have finished speaking. ${off}`, 'ok') : say(`${by} ended your turn to speak. ${off}`, 'warn');
  },
  'media.muted': ({ room, mine, own, who, by, byMe, event }) => {
    if (own) return null;
    const what = sourceWord(event.source);
    const verb = event.locked ? 'locked' : event.source === 'audio' ? 'muted' : 'switched off';
    if (mine) {
      // A lock does not bind an organizer.
      const undo = event.locked && room.me?.role !== 'organizer' ? ' Only a moderator can switch it on again.' : ' You can switch it on again.';
      return say(`${by} ${verb} your ${what}.${undo}`, 'warn');
    }
    return byMe ? say(`You ${verb} ${who}'s ${what}.`, 'ok') : null;
  },
  'media.unmuted': ({ mine, own, who, by, byMe, event, before }) => {
    if (own) return null;
    const what = sourceWord(event.source);
    const verb = event.source && before?.locked.includes(event.source) ? 'unlocked' : 'switched on';
    if (mine) return say(`${by} ${verb} your ${what}.`, 'ok');
    return byMe ? say(`You ${verb} ${who}'s ${what}.`, 'ok') : null;
  },
  'media.unmute_asked': ({ mine, who, byMe, event }) =>
    (!mine && byMe ? say(`You asked ${who} to switch their ${sourceWord(event.source)} on.`, 'ok') : null),
  'track.published': ({ mine, who, event }) => {
    if (event.source !== 'screen') return null;
    return say(mine ? 'You are sharing your screen.' : `${who} shares a screen.`, mine ? 'ok' : 'info');
  },
  'track.unpublished': ({ mine, own, who, by, byMe, event }) => {
    if (event.source !== 'screen') return null;
    if (!own && mine) return say(`${by} stopped your screen share.`, 'warn');
    if (!own) return say(byMe ? `You stopped ${who}'s screen share.` : `${by} stopped ${who}'s screen share.`, byMe ? 'ok' : 'info');
    return say(mine ? 'You stopped sharing your screen.' : `${who} stopped sharing the screen.`);
  },
  'conference.mode_changed': ({ by, byMe, event }) =>
    say(`${byMe ? 'You' : by} changed the mode of the conference: ${modeWord(event.mode)}.`),
  'conference.started': ({ by, byMe }) => say(`${byMe ? 'You' : by} started the conference. Viewers are let in.`, 'ok'),
  'conference.settings_changed': ({ by, byMe, room }) =>
    say(`${byMe ? 'You' : by} changed the settings${settingsWords(room)}.`),
};
