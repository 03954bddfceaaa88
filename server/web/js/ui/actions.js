/** What one may do about a person, as menu entries: exactly what the server's `can` permits, and nothing it would refuse. */

import { ask, askText } from './dialog.js';
import { toast } from './toast.js';
import { refusalText, roleWord, sourceWord } from './words.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../lib/shapes.js').MuteSource} MuteSource */
/** @typedef {import('./menu.js').Entry} Entry */

/** The roles a menu offers; organizers are made by the server's rules. */
const ROLES = /** @type {const} */ (['moderator', 'speaker', 'guest_speaker', 'viewer']);

/**
 * Gives a command and says what came of a refusal.
 * @param {Podium} podium
 * @param {string} type
 * @param {Record<string, any>} [fields]
 * @returns {Promise<boolean>} whether it was accepted
 */
export async function command(podium, type, fields = {}) {
  try {
    await podium.send(type, fields);
    return true;
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
    return false;
  }
}

/**
 * @param {Podium} podium
 * @param {Person} person
 * @param {import('../lib/shapes.js').Permissions} can the answer about this person
 * @returns {Entry[]} empty when nothing is permitted
 */
export function personActions(podium, person, can) {
  const groups = [stageEntries(podium, person, can), mediaEntries(podium, person, can), roleEntries(podium, person, can), removalEntries(podium, person, can)];
  return groups.filter((group) => group.length > 0).flatMap((group, index) => (index ? [/** @type {Entry} */ ('-'), ...group] : group));
}

/** @typedef {import('../lib/shapes.js').Permissions} Permissions */

/** @param {Podium} podium @param {Person} person @param {Permissions} can @returns {Entry[]} */
function stageEntries(podium, person, { commands }) {
  const target = person.id;
  const waiting = podium.room?.queuePosition(target);
  /** @type {Entry[]} */
  const entries = [];
  /** @param {string} type @param {string} label @param {string} icon @param {boolean} [danger] */
  const add = (type, label, icon, danger = false) => {
    if (!commands.has(type)) return;
    entries.push({ label, icon, danger, testid: `do-${type}`, run: () => void command(podium, type, { target }) });
  };
  if (waiting) {
    add('stage.grant', 'Let on the stage', 'check');
    add('stage.refuse', 'Refuse the request', 'x');
  } else if (!person.on_stage && !person.invited) {
    add('stage.invite', 'Invite to the stage', 'user-plus');
  }
  if (person.on_stage) add('stage.take_down', 'Take down from the stage', 'arrow-down', true);
  return entries;
}

/** @param {Podium} podium @param {Person} person @param {Permissions} can @returns {Entry[]} */
function mediaEntries(podium, person, { commands }) {
  const target = person.id;
  if (target === podium.room?.you) return [];
  /** @type {Entry[]} */
  const entries = [];
  for (const source of /** @type {MuteSource[]} */ (['audio', 'video', 'screen'])) {
    const what = sourceWord(source);
    const [on, off] = { audio: ['mic', 'mic-off'], video: ['camera', 'camera-off'], screen: ['screen', 'screen-off'] }[source];
    const muted = person.muted.includes(source);
    const locked = person.locked.includes(source);
    if (!muted && !person.tracks.includes(source)) continue;
    if (!muted && commands.has(`media.mute:${source}`)) {
      const label = source === 'audio' ? 'Mute the microphone' : source === 'screen' ? 'Hide the screen' : 'Switch the camera off';
      entries.push({ label, icon: off, testid: `do-media.mute-${source}`, run: () => void command(podium, 'media.mute', { target, source }) });
    }
    if (muted && commands.has(`media.unmute:${source}`)) {
      const label = locked ? `Unlock the ${what}` : source === 'audio' ? 'Unmute the microphone' : `Switch the ${what} on`;
      entries.push({ label, icon: locked ? 'unlock' : on, testid: `do-media.unmute-${source}`, run: () => void command(podium, 'media.unmute', { target, source }) });
    }
    if (!locked && commands.has(`media.lock:${source}`)) {
      entries.push({ label: `Lock the ${what}`, icon: 'lock', testid: `do-media.lock-${source}`, run: () => void command(podium, 'media.lock', { target, source }) });
    }
  }
  // Nobody is asked for what they do already, and a screen is for its owner to choose.
  for (const [source, label, icon] of /** @type {[MuteSource, string, string][]} */ ([['audio', 'Ask to unmute', 'mic'], ['video', 'Ask to switch the camera on', 'camera']])) {
    const silent = person.muted.includes(source) || !person.tracks.includes(source);
    if (!silent || !commands.has(`media.ask_unmute:${source}`)) continue;
    entries.push({ label, icon, testid: `do-media.ask_unmute-${source}`, run: () => void command(podium, 'media.ask_unmute', { target, source }) });
  }
  if (commands.has('share.stop')) {
    entries.push({ label: 'Stop sharing', icon: 'screen-off', testid: 'do-share.stop', run: () => void command(podium, 'share.stop', { target }) });
  }
  return entries;
}

/** @param {Podium} podium @param {Person} person @param {Permissions} can @returns {Entry[]} */
function roleEntries(podium, person, { commands }) {
  const permitted = ROLES.filter((role) => commands.has(`role.assign:${role}`));
  if (permitted.every((role) => role === person.role)) return [];
  const icons = { moderator: 'shield', speaker: 'mic', guest_speaker: 'user-plus', viewer: 'eye' };
  return [
    { head: 'Role' },
    ...ROLES.filter((role) => role === person.role || permitted.includes(role)).map((role) => ({
      label: roleWord(role),
      icon: icons[role],
      checked: person.role === role,
      testid: `do-role-${role}`,
      run: () => {
        if (person.role !== role) void command(podium, 'role.assign', { target: person.id, role });
      },
    })),
  ];
}

/** @param {Podium} podium @param {Person} person @param {Permissions} can @returns {Entry[]} */
function removalEntries(podium, person, { commands }) {
  /** @type {Entry[]} */
  const entries = [];
  if (person.id === podium.room?.you) return entries;
  if (commands.has('participant.remove')) {
    entries.push({ label: 'Remove from the conference', icon: 'user-minus', danger: true, testid: 'do-participant.remove', run: () => void remove(podium, person) });
  }
  if (commands.has('participant.unblock')) {
    entries.push({ label: 'Unblock', icon: 'unlock', testid: 'do-participant.unblock', run: () => void command(podium, 'participant.unblock', { target: person.id }) });
  } else if (commands.has('participant.block')) {
    entries.push({ label: 'Block from the conference', icon: 'lock', danger: true, testid: 'do-participant.block', run: () => void block(podium, person) });
  }
  return entries;
}

/** @param {Podium} podium @param {Person} person */
export async function remove(podium, person) {
  const reason = await askText({
    title: `Remove ${person.name}?`,
    label: 'Reason (they will read it)',
    hint: 'Media and connection are closed at once. The person may come back by the link.',
    confirm: 'Remove',
    danger: true,
  });
  if (reason !== null) await command(podium, 'participant.remove', { target: person.id, reason });
}

/** @param {Podium} podium @param {Person} person */
export async function block(podium, person) {
  const reason = await askText({
    title: `Block ${person.name}?`,
    label: 'Reason (they will read it)',
    hint: 'Media and connection are closed at once, and the person cannot come back until unblocked in the console. A guest who begins anew by a guest link is somebody new to the server.',
    confirm: 'Block',
    danger: true,
  });
  if (reason !== null) await command(podium, 'participant.block', { target: person.id, reason });
}

/** @param {Podium} podium @returns {Promise<boolean>} whether it was ended */
export async function endConference(podium) {
  const sure = await ask({
    title: 'End the conference for everybody?',
    text: 'Everybody is told and disconnected. You can start it again by coming back.',
    confirm: 'End for everybody',
    danger: true,
  });
  return sure && command(podium, 'conference.end');
}
