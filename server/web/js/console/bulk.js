// Commands for many at once: everybody on the stage, by one command, or those selected in the table, by one for each.

import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';
import { give, giveMany } from './commands.js';
import { removeDialog } from './personmenu.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */
/** @typedef {import('./table.js').PeopleTable} PeopleTable */
/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {{permission: string, fields?: Record<string, any>, label: string, icon: string, done: (who: string) => string, skip?: (person: Person) => boolean}} Bulk */

// One command, which the server decides for everybody at once: nobody slips through who comes while others are muted.
/** @type {{permission: string, fields?: {lock: boolean}, label: string, icon: string, testid: string, done: string}[]} */
const EVERYBODY = [
  {
    permission: 'media.mute_all:audio',
    label: 'Mute all microphones',
    icon: 'mic-off',
    testid: 'stage-mute-audio',
    done: 'Everybody else is muted.',
  },
  {
    permission: 'media.unmute_all:audio',
    label: 'Unmute all microphones',
    icon: 'mic',
    testid: 'stage-unmute-audio',
    done: 'Nobody is muted any more but those who muted themselves.',
  },
  {
    permission: 'media.mute_all:audio',
    fields: { lock: true },
    label: 'Lock all microphones',
    icon: 'lock',
    testid: 'stage-lock-audio',
    done: 'The microphones of everybody else are locked.',
  },
  {
    permission: 'media.mute_all:video',
    label: 'Switch all cameras off',
    icon: 'camera-off',
    testid: 'stage-mute-video',
    done: 'The cameras of everybody else are off.',
  },
  {
    permission: 'media.unmute_all:video',
    label: 'Allow all cameras',
    icon: 'camera',
    testid: 'stage-unmute-video',
    done: 'Cameras are allowed again.',
  },
];

/** @type {Bulk} */
const STOP_SHARES = {
  permission: 'share.stop',
  label: 'Stop all screen shares',
  icon: 'screen-off',
  done: (who) => `Stopped the screen share of ${who}.`,
  skip: (person) => !person.tracks.includes('screen'),
};

/** @type {(Bulk & {testid: string})[]} */
const SELECTED = [
  {
    testid: 'bulk-mute',
    permission: 'media.mute:audio',
    label: 'Mute',
    icon: 'mic-off',
    done: (who) => `Muted ${who}.`,
    skip: (person) => person.muted.includes('audio'),
  },
  {
    testid: 'bulk-unmute',
    permission: 'media.unmute:audio',
    label: 'Unmute',
    icon: 'mic',
    done: (who) => `Unmuted ${who}.`,
    skip: (person) => !person.muted.includes('audio'),
  },
  {
    testid: 'bulk-grant',
    permission: 'stage.grant',
    label: 'Let on',
    icon: 'check',
    done: (who) => `Let ${who} on the stage.`,
  },
  {
    testid: 'bulk-invite',
    permission: 'stage.invite',
    label: 'Invite',
    icon: 'podium',
    done: (who) => `Invited ${who} to the stage.`,
  },
  {
    testid: 'bulk-take-down',
    permission: 'stage.take_down',
    label: 'Take down',
    icon: 'arrow-down',
    done: (who) => `Took ${who} down from the stage.`,
  },
];

/**
 * Gives a command to each of these to whom one may give it now.
 * @param {Podium} podium
 * @param {Permissions} permissions
 * @param {Iterable<string>} targets
 * @param {Bulk} bulk
 */
async function run(podium, permissions, targets, bulk) {
  const [type, variant] = bulk.permission.split(':');
  const orders = [];
  try {
    for (const target of targets) {
      const person = podium.room?.person(target);
      if (!person || target === podium.room?.you || bulk.skip?.(person)) continue;
      if (!(await permissions.mayBe(target, bulk.permission))) continue;
      orders.push({ type, fields: { target, ...(variant ? { source: variant } : {}) } });
    }
  } catch (error) {
    toast(refusalText(error), { kind: 'danger' });
    return;
  }
  await giveMany(podium, orders, bulk.done);
}

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 * @param {PeopleTable} table
 */
export function showBulk(podium, permissions, table) {
  showStageBulk(podium, permissions);
  const bar = byId('selection', HTMLElement);
  const count = h('strong', { class: 'num', data: { testid: 'selection-count' } });
  const buttons = SELECTED.map((bulk) => {
    const button = h(
      'button',
      { class: 'btn btn-sm', type: 'button', data: { testid: bulk.testid } },
      icon(bulk.icon, 'icon-sm'),
      bulk.label,
    );
    button.addEventListener('click', () => void run(podium, permissions, [...table.selected], bulk));
    return button;
  });
  const remove = h(
    'button',
    { class: 'btn btn-sm console-remove', type: 'button', data: { testid: 'bulk-remove' } },
    icon('user-minus', 'icon-sm'),
    'Remove …',
  );
  remove.addEventListener('click', () => {
    const room = podium.room;
    const chosen = [...table.selected].filter((id) => permissions.allows(id, 'participant.remove'));
    const persons = chosen.map((id) => room?.person(id)).filter((person) => person !== null && person !== undefined);
    if (persons.length) removeDialog(podium, persons);
  });
  const clear = h(
    'button',
    {
      class: 'btn btn-sm btn-quiet',
      type: 'button',
      data: { testid: 'selection-clear' },
      on: { click: () => table.clearSelection() },
    },
    'Clear',
  );
  bar.append(count, ...buttons, remove, h('span', { class: 'grow' }), clear);

  table.addEventListener('drawn', () => {
    const { selected } = table;
    bar.hidden = selected.size === 0;
    if (bar.hidden) return;
    permissions.want(selected);
    count.textContent = `${selected.size} selected`;
    SELECTED.forEach((bulk, index) => {
      buttons[index].hidden = ![...selected].some((id) => {
        const person = podium.room?.person(id);
        return person && !bulk.skip?.(person) && permissions.allows(id, bulk.permission);
      });
    });
    remove.hidden = !permissions.allowsAny(selected, 'participant.remove');
  });
}

/**
 * Gives a command that concerns everybody else who may be seen or heard.
 * @param {Podium} podium
 * @param {(typeof EVERYBODY)[number]} order
 */
async function runForAll(podium, { permission, fields, done }) {
  const [type, source] = permission.split(':');
  if (await give(podium, type, { source, ...fields }, done)) toast(done, { kind: 'ok' });
}

/**
 * The button that mutes the stage, and the menu with the other commands for everybody on it.
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
function showStageBulk(podium, permissions) {
  const [muteAll] = EVERYBODY;
  const stage = () => podium.room?.stage ?? [];
  const mute = h(
    'button',
    {
      class: 'btn btn-soft btn-sm',
      type: 'button',
      data: { testid: 'mute-stage' },
      on: { click: () => void runForAll(podium, muteAll) },
    },
    icon('mic-off', 'icon-sm'),
    'Mute everyone on stage',
  );
  const more = h(
    'button',
    {
      class: 'btn btn-soft btn-icon btn-sm',
      type: 'button',
      'aria-label': 'More commands for everyone on stage',
      data: { testid: 'stage-menu' },
    },
    icon('more', 'icon-sm'),
  );
  more.addEventListener('click', () => {
    const offered = EVERYBODY.filter(({ permission }) => permissions.allows(null, permission));
    /** @type {import('../ui/menu.js').Entry[]} */
    const entries = [{ head: 'Everyone on the stage but you' }];
    for (const order of offered) {
      const { label, icon: picture, testid } = order;
      entries.push({ label, icon: picture, testid, run: () => void runForAll(podium, order) });
    }
    if (permissions.allowsAny(stage(), STOP_SHARES.permission)) {
      const { label, icon: picture } = STOP_SHARES;
      entries.push({
        label,
        icon: picture,
        testid: 'stage-share.stop',
        run: () => void run(podium, permissions, stage(), STOP_SHARES),
      });
    }
    openMenu(more, entries);
  });
  const box = byId('stage-bulk', HTMLElement);
  box.append(mute, more);
  const show = () => {
    box.hidden = !stage().some((id) => id !== podium.room?.you) || !permissions.allows(null, muteAll.permission);
  };
  for (const source of [podium, permissions]) source.addEventListener('change', show);
  show();
}
