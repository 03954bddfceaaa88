// The record of what happened, in sentences from nobody's side: who did what to whom.

import { modeWord, plural, roleWord, settingsWords, sourceWord } from '../ui/words.js';

/** @typedef {import('../lib/room.js').Room} Room */
/** @typedef {import('../lib/shapes.js').RoomEvent} RoomEvent */
/** @typedef {{text: string, icon: string, kind: 'info' | 'ok' | 'warn' | 'danger'}} Entry */
/** @typedef {{event: RoomEvent, room: Room, who: string, by: string, own: boolean, before: import('../lib/shapes.js').Person | null}} Told */

/**
 * @param {string} text
 * @param {string} icon
 * @param {Entry['kind']} [kind]
 * @returns {Entry}
 */
const say = (text, icon, kind = 'info') => ({ text, icon, kind });

/** @param {string} reason @param {string} by */
function stopped(reason, by) {
  if (reason === 'too_large') return 'The recording ended: it has reached its largest size';
  if (reason === 'disk_full') return 'The recording ended: the disk of the server is nearly full';
  if (reason === 'too_slow') return 'The recording ended: the disk of the server is too slow for it';
  if (reason === 'failed') return 'The recording ended: it could not be written';
  return `${by} stopped the recording`;
}

/** @type {Record<string, (told: Told) => Entry | null>} */
const SENTENCES = {
  'conference.settings_changed': ({ room, by }) => say(`${by} changed the settings${settingsWords(room)}`, 'settings'),
  'conference.mode_changed': ({ event, by }) => say(`${by} changed the mode: ${modeWord(event.mode)}`, 'settings'),
  'conference.owner_changed': ({ event, room }) => say(`${room.name(event.owner)} owns the conference now`, 'settings'),
  'conference.started': ({ by }) => say(`${by} began the conference`, 'play', 'ok'),
  'recording.started': ({ by }) => say(`${by} began to record`, 'record', 'warn'),
  'recording.stopped': ({ by, event }) => say(stopped(event.reason ?? 'stopped', by), 'record'),
  'conference.pin_changed': ({ by, event }) => say(event.pin ? `${by} set a PIN` : `${by} took the PIN away`, 'key'),
  'conference.layout_changed': ({ by }) => say(`${by} laid the stage out`, 'expand'),
  'lobby.entered': ({ event }) =>
    event.who?.reason === 'lobby' ? say(`${event.who.name} waits at the door`, 'clock', 'warn') : null,
  'lobby.left': ({ who, by, event }) =>
    event.refused
      ? say(`${by} sent ${who} away${event.note ? `: “${event.note}”` : ''}`, 'x')
      : say(`${who} does not wait any more`, 'log-out'),
  'remark.requested': ({ who }) => say(`${who} asks for a turn to speak`, 'mic', 'warn'),
  'remark.withdrawn': ({ who }) => say(`${who} does not ask to speak any more`, 'mic-off'),
  'remark.refused': ({ who, by }) => say(`${by} gave ${who} no turn to speak`, 'x'),
  'remark.granted': ({ who, by }) => say(`${by} gave ${who} a turn to speak`, 'mic', 'ok'),
  'remark.ended': ({ who, by, own, event }) => {
    if (event.reason === 'time' || own) return say(`The turn of ${who} is over`, 'mic-off');
    return say(`${by} ended the turn of ${who}`, 'mic-off');
  },
  'devices.selected': ({ who, by, own }) => (own ? null : say(`${by} switched a device of ${who}`, 'settings')),
  'conference.ended': ({ by }) => say(`${by} ended the conference`, 'end', 'danger'),
  'conference.reopened': ({ by }) => say(`${by} opened the conference again`, 'play', 'ok'),
  'participant.joined': ({ who, event }) =>
    say(`${who} joined as ${roleWord(event.role ?? '').toLowerCase()}`, 'user-plus'),
  'participant.away': ({ who }) => say(`${who} lost the connection`, 'wifi-off', 'warn'),
  'participant.returned': ({ who }) => say(`${who} is back`, 'refresh', 'ok'),
  'participant.left': ({ who, by, event }) => {
    // The block has an entry of its own.
    if (event.reason === 'blocked') return null;
    if (event.reason === 'no_access') return say(`${who} has no access any more and is out`, 'log-out', 'warn');
    if (event.reason !== 'removed')
      return say(event.reason === 'expired' ? `${who} did not come back` : `${who} left`, 'log-out');
    return say(`${by} removed ${who}${event.note ? `: “${event.note}”` : ''}`, 'user-minus', 'danger');
  },
  'participant.blocked': ({ by, event }) =>
    say(`${by} blocked ${event.name}${event.note ? `: “${event.note}”` : ''}`, 'lock', 'danger'),
  'participant.unblocked': ({ who, by }) => say(`${by} unblocked ${who}`, 'unlock', 'ok'),
  'role.assigned': ({ who, by, own, event }) => {
    const role = roleWord(event.role ?? '').toLowerCase();
    return say(own ? `${who} is ${role} now` : `${by} made ${who} ${role}`, 'shield', 'ok');
  },
  'stage.requested': ({ who }) => say(`${who} asks for the stage`, 'hand', 'warn'),
  'stage.withdrawn': ({ who }) => say(`${who} does not ask any more`, 'hand'),
  'stage.refused': ({ who, by }) => say(`${by} refused the request of ${who}`, 'x'),
  'stage.reordered': ({ by }) => say(`${by} changed the order of the queue`, 'arrow-up'),
  'stage.invited': ({ who, by }) => say(`${by} invited ${who} to the stage`, 'podium'),
  'stage.declined': ({ who, own, event }) => {
    if (event.expired) return say(`${who} did not answer the invitation`, 'clock');
    return say(own ? `${who} declined the invitation` : `The invitation of ${who} is void`, 'x');
  },
  'stage.taken': ({ who, by, own }) =>
    say(own ? `${who} is on the stage` : `${by} brought ${who} to the stage`, 'podium', 'ok'),
  'stage.left': ({ who, by, event }) => {
    if (event.reason === 'taken_down') return say(`${by} took ${who} down from the stage`, 'arrow-down');
    if (event.reason === 'mode') return say(`${who} is not on the stage in this mode`, 'arrow-down');
    // Whoever left, was removed or ended the conference has an entry of that already.
    return event.reason === 'left' ? say(`${who} left the stage`, 'arrow-down') : null;
  },
  'media.muted': ({ who, by, own, event }) => {
    const what = sourceWord(event.source);
    const verb = event.locked ? 'locked' : 'muted';
    return say(
      own ? `${who} ${verb} their own ${what}` : `${by} ${verb} the ${what} of ${who}`,
      event.locked
        ? 'lock'
        : event.source === 'video'
          ? 'camera-off'
          : event.source === 'screen'
            ? 'screen-off'
            : 'mic-off',
    );
  },
  'media.unmuted': ({ who, by, own, event, before }) => {
    const what = sourceWord(event.source);
    const verb = event.source && before?.locked.includes(event.source) ? 'unlocked' : 'unmuted';
    return say(
      own ? `${who} ${verb} their own ${what}` : `${by} ${verb} the ${what} of ${who}`,
      event.source === 'video' ? 'camera' : event.source === 'screen' ? 'screen' : 'mic',
    );
  },
  'media.unmute_asked': ({ who, by, event }) => {
    const what = sourceWord(event.source);
    const did = event.forced ? `switched on the ${what} of ${who}` : `asked ${who} to switch the ${what} on`;
    return say(`${by} ${did}`, event.source === 'video' ? 'camera' : event.source === 'screen' ? 'screen' : 'mic');
  },
  'chat.closed': ({ by }) => say(`${by} closed the chat`, 'chat', 'warn'),
  'chat.opened': ({ by }) => say(`${by} opened the chat`, 'chat', 'ok'),
  'chat.deleted': ({ who, by, own }) =>
    say(own ? `${who} deleted a message of their own` : `${by} deleted a message of ${who}`, 'trash'),
  'question.approved': ({ by, event }) => say(`${by} approved a question: “${event.question.text}”`, 'question', 'ok'),
  'question.answered': ({ by, event }) => say(`${by} answered question ${event.question}`, 'question'),
  'question.displayed': ({ by, event }) =>
    say(
      event.question
        ? `${by} put a question on the stage: “${event.question.text}”`
        : `${by} took the question down from the stage`,
      'question',
    ),
  'question.dismissed': ({ by, event }) => say(`${by} took question ${event.question} away`, 'question'),
  'poll.launched': ({ by, event }) => say(`${by} opened a poll: “${event.poll.question}”`, 'poll', 'ok'),
  'poll.closed': ({ by, event }) =>
    say(`${by} closed poll ${event.poll} after ${plural(event.answers ?? 0, 'answer')}`, 'poll'),
  'poll.removed': ({ by, event }) => say(`${by} removed poll ${event.poll}`, 'poll'),
  'link.published': ({ by, event }) => say(`${by} published a link: “${event.link.title}”`, 'link'),
  'link.promoted': ({ by, event }) =>
    say(
      event.link ? `${by} put a link on the stage: “${event.link.title}”` : `${by} took the link down from the stage`,
      'link',
    ),
  'link.removed': ({ by, event }) => say(`${by} removed link ${event.link}`, 'link'),
  'file.added': ({ by, event }) =>
    say(`${by} added ${event.file.kind === 'slides' ? 'slides' : 'a handout'}: “${event.file.label}”`, 'list'),
  'file.removed': ({ by, event }) => say(`${by} removed file ${event.file}`, 'trash'),
  'slides.opened': ({ by, event }) => say(`${by} shows slides: “${event.slides?.file.label}”`, 'image', 'ok'),
  'slides.closed': ({ by }) => say(`${by} took the slides down`, 'image'),
  'track.published': ({ who, event }) =>
    event.source === 'screen' ? say(`${who} shares the screen`, 'screen', 'ok') : null,
  'track.unpublished': ({ who, by, own, event }) => {
    if (event.source !== 'screen') return null;
    return say(own ? `${who} stopped sharing the screen` : `${by} stopped the screen share of ${who}`, 'screen-off');
  },
};

/**
 * The entry for an event; null for what the table shows and nobody would look up.
 * @param {Room} room after the event
 * @param {RoomEvent} event
 * @param {import('../lib/shapes.js').Person | null} before
 * @returns {Entry | null}
 */
export function entryOf(room, event, before) {
  const own = event.by === undefined || event.by === event.person;
  const by = event.by ? (event.by === room.you ? `${room.name(event.by)} (you)` : room.name(event.by)) : 'The server';
  return SENTENCES[event.type]?.({ event, room, who: room.name(event.person), by, own, before }) ?? null;
}
