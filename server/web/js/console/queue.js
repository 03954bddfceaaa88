// Who asks for the stage, in order: let on, refuse, move; and who is invited and has not answered.

import { avatar } from '../ui/avatar.js';
import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { give } from './commands.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('./permissions.js').Permissions} Permissions */

// Below this many the whole queue is asked about; nobody works through more at once.
const SHOWN = 50;

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export function showQueue(podium, permissions) {
  const list = byId('queue-list', HTMLOListElement);
  let drawn = '';

  const draw = () => {
    const room = podium.room;
    if (!room) return;
    const queue = room.queue.slice(0, SHOWN);
    permissions.want(queue);
    const full = room.stage.length >= room.stagePlaces;
    drawCounts(room.queue.length, full);
    const state = JSON.stringify([
      queue.map((id) => [
        id,
        room.name(id),
        room.person(id)?.away,
        ...['stage.grant', 'stage.refuse', 'stage.reorder'].map((command) => permissions.allows(id, command)),
      ]),
      room.queue.length,
      full,
    ]);
    if (state !== drawn) {
      drawn = state;
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
      list.replaceChildren(
        ...queue.map((id, index) => item(id, index)),
        ...rest(room.queue.length),
        ...(queue.length ? [] : [nobody()]),
      );
      if (focused) refocus(focused);
    }
    drawInvited();
  };

  /** @param {string} id @param {number} index */
  const item = (id, index) => {
    const room = podium.room;
    const name = room?.name(id) ?? '';
    const away = room?.person(id)?.away;
    const last = (room?.queue.length ?? 0) - 1;
    const may = (/** @type {string} */ command) => permissions.allows(id, command);
    /** @param {number} to */
    const move = (to) =>
      void give(podium, 'stage.reorder', { target: id, position: to }, `${name} is number ${to + 1} in the queue.`);
    return h(
      'li',
      { class: 'console-asking', data: { testid: 'queue-item', person: id } },
      h('span', { class: 'console-number num', 'aria-hidden': 'true' }, String(index + 1)),
      avatar({ id, name }, 'avatar-sm'),
      away &&
        h(
          'span',
          { class: 'console-gone', title: 'Away' },
          icon('wifi-off', 'icon-sm'),
          h('span', { class: 'sr-only' }, 'Away: '),
        ),
      h('span', { class: 'grow truncate' }, name),
      h(
        'span',
        { class: 'row console-asking-tools' },
        ...(may('stage.reorder')
          ? [
              tool(`up ${id}`, 'arrow-up', `Move ${name} up`, 'queue-up', index === 0, () => move(index - 1)),
              tool(`down ${id}`, 'arrow-down', `Move ${name} down`, 'queue-down', index === last, () =>
                move(index + 1),
              ),
            ]
          : []),
        ...(may('stage.refuse')
          ? [
              tool(
                `refuse ${id}`,
                'x',
                `Refuse ${name}`,
                'queue-refuse',
                false,
                () => void give(podium, 'stage.refuse', { target: id }, `The request of ${name} is refused.`),
              ),
            ]
          : []),
        ...(may('stage.grant')
          ? [
              h(
                'button',
                {
                  class: `btn btn-sm console-let-on ${index === 0 ? 'btn-primary' : 'console-soft'}`,
                  type: 'button',
                  'aria-label': `Let ${name} on the stage`,
                  data: { testid: 'queue-grant', key: `grant ${id}` },
                  on: {
                    click: () => void give(podium, 'stage.grant', { target: id }, `${name} has a place on the stage.`),
                  },
                },
                'Let on',
              ),
            ]
          : []),
      ),
    );
  };

  /** The button of the same purpose, or else the first that is left. @param {string} key */
  const refocus = (key) => {
    const buttons = /** @type {HTMLButtonElement[]} */ ([...list.querySelectorAll('button')]);
    (
      buttons.find((button) => button.dataset.key === key && !button.disabled) ??
      buttons.find((button) => !button.disabled)
    )?.focus();
  };

  const drawInvited = () => {
    const box = byId('invited', HTMLElement);
    const invited = [...(podium.room?.people.values() ?? [])].filter((person) => person.invited && !person.on_stage);
    const text = invited.length ? `Invited, no answer yet: ${invited.map((person) => person.name).join(', ')}` : '';
    box.hidden = !text;
    if (box.textContent !== text) box.textContent = text;
  };

  for (const source of [podium, permissions]) source.addEventListener('change', draw);
  podium.addEventListener('resync', draw);
  draw();
}

/**
 * @param {string} key
 * @param {string} name
 * @param {string} label
 * @param {string} testid
 * @param {boolean} disabled
 * @param {() => void} run
 */
function tool(key, name, label, testid, disabled, run) {
  return h(
    'button',
    {
      class: 'btn btn-quiet btn-icon btn-sm',
      type: 'button',
      'aria-label': label,
      disabled,
      data: { testid, key },
      on: { click: run },
    },
    icon(name, 'icon-sm'),
  );
}

/** @param {number} count @param {boolean} full */
function drawCounts(count, full) {
  byId('stage-full', HTMLElement).hidden = !full;
  for (const id of ['queue-count', 'tab-queue-count']) {
    const badge = byId(id, HTMLElement);
    badge.hidden = count === 0;
    if (badge.textContent !== String(count)) badge.textContent = String(count);
  }
}

/** @param {number} count @returns {HTMLElement[]} */
function rest(count) {
  return count > SHOWN ? [h('li', { class: 'hint console-rest' }, `and ${count - SHOWN} more`)] : [];
}

const nobody = () =>
  h(
    'li',
    { class: 'empty' },
    icon('hand'),
    h('p', {}, 'Nobody asks at the moment. Whoever raises a hand appears here.'),
  );
