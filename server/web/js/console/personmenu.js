// Everything one may do to one person, as a menu: exactly what the server says one can.

import { h } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';
import { refusalText, roleWord } from '../ui/words.js';
import { toast } from '../ui/toast.js';
import { SOURCES, give, toggle } from './commands.js';
import { devicesDialog, hasDevices } from './devices.js';
import { explainDialog } from './explain.js';
import { statisticsDialog } from './statistics.js';
import { formDialog } from '../ui/formdialog.js';
import { permits } from '../ui/permissions.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */
/** @typedef {import('../ui/menu.js').Entry} Entry */

// An order to show the roles in, nothing else: which of them may be given is the server's answer.
const ROLES = ['organizer', 'moderator', 'speaker', 'guest_speaker', 'viewer'];

/**
 * Opens the menu of one person.
 * @param {HTMLElement} anchor
 * @param {Podium} podium
 * @param {Permissions} permissions
 * @param {Person} person
 */
export async function personMenu(anchor, podium, permissions, person) {
  try {
    const can = await permissions.fresh(person.id);
    const groups = [
      mediaItems(podium, person, can),
      stageItems(podium, person, can),
      roleItems(podium, person, can),
      otherItems(podium, person, can),
      removeItems(podium, person, can),
    ];
    // Whoever may do nothing to somebody has no business with their rights either; with one's own always.
    if (person.id === podium.room?.you || groups.some((group) => group.length)) groups.push([...statisticsItems(podium, person, can), explainItem(podium, person)]);
    const items = groups.filter((group) => group.length).flatMap((group, index) => (index ? ['-', ...group] : group));
    if (items.length === 0) items.push({ head: 'There is nothing you may do here.' });
    openMenu(anchor, /** @type {Entry[]} */ ([{ head: person.name }, ...items]));
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}

/**
 * Only the roles, for the button that shows the role.
 * @param {HTMLElement} anchor
 * @param {Podium} podium
 * @param {Permissions} permissions
 * @param {Person} person
 */
export async function roleMenu(anchor, podium, permissions, person) {
  try {
    const items = roleItems(podium, person, await permissions.fresh(person.id));
    openMenu(
      anchor,
      items.length ? items : [{ head: `${person.name} is ${roleWord(person.role)}; you cannot change that.` }],
    );
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
  }
}

/** @param {Podium} podium @param {Person} person @param {Set<string>} can @returns {Entry[]} */
function mediaItems(podium, person, can) {
  /** @type {Entry[]} */
  const items = [];
  for (const { source, word, on, off, mute, unmute } of SOURCES) {
    const muted = person.muted.includes(source);
    const locked = person.locked.includes(source);
    if (permits(can, `media.${muted ? 'unmute' : 'mute'}:${source}`)) {
      items.push({
        label: locked ? `Unlock ${word}` : muted ? unmute : mute,
        icon: locked ? 'unlock' : muted ? on : off,
        testid: `menu-${muted ? 'unmute' : 'mute'}-${source}`,
        run: () => void toggle(podium, person, source),
      });
    }
    if (!locked && permits(can, `media.lock:${source}`)) {
      items.push({
        label: `Lock ${word} off`,
        icon: 'lock',
        testid: `menu-lock-${source}`,
        run: () => void give(podium, 'media.lock', { source, target: person.id }, `${person.name}: ${word} locked.`),
      });
    }
    // Nobody is asked for what they do already, and a screen is for its owner to choose.
    const silent = muted || !person.tracks.includes(source);
    if (source !== 'screen' && silent && permits(can, `media.ask_unmute:${source}`)) {
      items.push({
        label: source === 'audio' ? 'Ask to unmute' : 'Ask to switch the camera on',
        icon: on,
        testid: `menu-ask-${source}`,
        run: () =>
          void give(podium, 'media.ask_unmute', { source, target: person.id }, `${person.name}: asked for the ${word}.`),
      });
    }
  }
  if (permits(can, 'share.stop')) {
    items.push({
      label: 'Stop sharing',
      icon: 'screen-off',
      testid: 'menu-share.stop',
      run: () =>
        void give(podium, 'share.stop', { target: person.id }, `${person.name}: the screen share is stopped.`),
    });
  }
  return items;
}

/** @param {Podium} podium @param {Person} person @param {Set<string>} can @returns {Entry[]} */
function stageItems(podium, person, can) {
  const target = person.id;
  const waiting = podium.room?.queuePosition(target) ?? 0;
  /** @type {[string, string, string, string, Record<string, any>?][]} */
  const all = [
    ['stage.grant', 'Grant a place on the stage', 'check', `${person.name} has a place on the stage.`],
    ['stage.refuse', 'Refuse the request', 'x', `The request of ${person.name} is refused.`],
    ...(waiting > 1
      ? [
          /** @type {any} */ ([
            'stage.reorder',
            'Move to the front of the queue',
            'arrow-up',
            `${person.name} is first in the queue.`,
            { position: 0 },
          ]),
        ]
      : []),
    ['stage.invite', 'Invite to the stage', 'podium', `${person.name} is invited to the stage.`],
    ['stage.take_down', 'Take down from the stage', 'arrow-down', `${person.name} is taken down from the stage.`],
  ];
  return all
    .filter(([type]) => permits(can, type))
    .map(([type, label, icon, done, more]) => ({
      label,
      icon,
      testid: `menu-${type}`,
      run: () => void give(podium, type, { target, ...more }, done),
    }));
}

/** @param {Podium} podium @param {Person} person @param {Set<string>} can @returns {Entry[]} */
function roleItems(podium, person, can) {
  const given = ROLES.filter((role) => role === person.role || permits(can, `role.assign:${role}`));
  const cleared = permits(can, 'role.clear');
  if (!cleared && !given.some((role) => role !== person.role)) return [];
  return [
    { head: 'Role' },
    ...given.map((role) => ({
      label: roleWord(role),
      icon: role === 'organizer' ? 'crown' : role === 'moderator' ? 'shield' : role === 'viewer' ? 'eye' : 'mic',
      checked: role === person.role,
      testid: `menu-role-${role}`,
      run: () => {
        if (role === person.role) return;
        void give(podium, 'role.assign', { target: person.id, role }, `${person.name} is now ${roleWord(role)}.`);
      },
    })),
    ...(cleared
      ? [
          {
            label: 'As everybody else',
            icon: 'refresh',
            hint: 'the general role',
            testid: 'menu-role-clear',
            run: () =>
              void give(podium, 'role.clear', { target: person.id }, `${person.name} has the general role again.`),
          },
        ]
      : []),
  ];
}

/** @param {Podium} podium @param {Person} person @param {Set<string>} can @returns {Entry[]} */
function otherItems(podium, person, can) {
  /** @type {Entry[]} */
  const items = [];
  if (person.on_stage && permits(can, 'conference.layout')) {
    items.push({
      label: 'Large for everybody',
      icon: 'expand',
      testid: 'menu-spotlight',
      run: () =>
        void give(
          podium,
          'conference.layout',
          { kind: 'speaker', spotlight: person.id },
          `${person.name} is large on everybody’s screen.`,
        ),
    });
  }
  if (hasDevices(podium, person.id) && permits(can, 'devices.select')) {
    items.push({
      label: 'Devices …',
      icon: 'settings',
      testid: 'menu-devices',
      run: () => devicesDialog(podium, person),
    });
  }
  return items;
}

/** @param {Podium} podium @param {Person} person @param {Set<string>} can @returns {Entry[]} */
const statisticsItems = (podium, person, can) =>
  permits(can, 'media.stats')
    ? [
        {
          label: 'Connection …',
          icon: 'signal',
          testid: 'menu-statistics',
          run: () => void statisticsDialog(podium, person),
        },
      ]
    : [];

/** @param {Podium} podium @param {Person} person @returns {Entry} */
const explainItem = (podium, person) => ({
  label: person.id === podium.room?.you ? 'What may I do? …' : 'What may they do? …',
  icon: 'info',
  testid: 'menu-explain',
  run: () => void explainDialog(podium, person),
});

/** @param {Podium} podium @param {Person} person @param {Set<string>} can @returns {Entry[]} */
function removeItems(podium, person, can) {
  /** @type {Entry[]} */
  const items = [];
  if (permits(can, 'participant.remove')) {
    items.push({
      label: 'Remove …',
      icon: 'user-minus',
      danger: true,
      testid: 'menu-remove',
      run: () => removeDialog(podium, [person]),
    });
  }
  if (permits(can, 'participant.unblock')) {
    items.push({
      label: 'Unblock',
      icon: 'unlock',
      testid: 'menu-unblock',
      run: () =>
        void give(podium, 'participant.unblock', { target: person.id }, `${person.name} is unblocked.`),
    });
  } else if (permits(can, 'participant.block')) {
    items.push({
      label: 'Block …',
      icon: 'lock',
      danger: true,
      testid: 'menu-block',
      run: () => blockDialog(podium, person),
    });
  }
  return items;
}

// As long as the protocol lets a reason be.
const LONGEST_REASON = 200;

/**
 * Asks for the reason, then removes: one person or several.
 * @param {Podium} podium
 * @param {Person[]} persons
 */
export function removeDialog(podium, persons) {
  const who = persons.length === 1 ? persons[0].name : `${persons.length} people`;
  reasonDialog({
    title: `Remove ${who}?`,
    text: 'Picture, sound and connection end at once. With the link they may come back.',
    confirm: 'Remove',
    name: 'remove',
    run: async (reason) => {
      for (const { id } of persons) await podium.send('participant.remove', { target: id, reason });
    },
  });
}

/**
 * Asks for the reason, then removes somebody and keeps them out.
 * @param {Podium} podium
 * @param {Person} person
 */
export function blockDialog(podium, person) {
  reasonDialog({
    title: `Block ${person.name}?`,
    text: 'Picture, sound and connection end at once, and they cannot come back until unblocked. A guest who begins anew by a guest link is somebody new to the server.',
    confirm: 'Block',
    name: 'block',
    run: async (reason) => void (await podium.send('participant.block', { target: person.id, reason })),
  });
}

/**
 * @param {{title: string, text: string, confirm: string, name: string, run: (reason: string) => Promise<void>}} options
 */
function reasonDialog({ title, text, confirm, name, run }) {
  const reason = h('textarea', {
    class: 'textarea',
    id: `${name}-reason`,
    maxlength: String(LONGEST_REASON),
    rows: '3',
    'aria-describedby': `${name}-hint`,
    data: { testid: `${name}-reason` },
  });
  formDialog({
    title,
    body: [
      h('p', { class: 'dim' }, text),
      h(
        'div',
        { class: 'field' },
        h('label', { for: `${name}-reason` }, 'Reason (optional)'),
        reason,
        h('p', { class: 'hint', id: `${name}-hint` }, 'Whoever it is about reads it.'),
      ),
    ],
    confirm,
    danger: true,
    testid: `${name}-dialog`,
    run: () => run(reason.value.trim()),
  });
}
