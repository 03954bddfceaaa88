// Who asks for the stage, in order: let on, refuse, move; and who is invited and has not answered.

import { byId } from '../ui/byid.js';
import { h, icon } from '../ui/dom.js';
import { give } from './commands.js';
import { showLine } from './line.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export function showQueue(podium, permissions) {
  const people = () =>
    (podium.room?.queue ?? []).map((id) => ({
      id,
      name: podium.room?.name(id) ?? id,
      away: podium.room?.person(id)?.away,
    }));
  const drawLine = showLine({
    list: byId('queue-list', HTMLOListElement),
    podium,
    permissions,
    testid: 'queue-item',
    people,
    nobody,
    numbered: true,
    tools: ({ id, name }, index, count) => {
      /** @param {number} to */
      const move = (to) =>
        void give(podium, 'stage.reorder', { target: id, position: to }, `${name} is number ${to + 1} in the queue.`);
      /** @param {string} type @param {string} done */
      const answer = (type, done) => () => void give(podium, type, { target: id }, done);
      return [
        {
          key: 'up',
          needs: 'stage.reorder',
          icon: 'arrow-up',
          label: `Move ${name} up`,
          testid: 'queue-up',
          disabled: index === 0,
          run: () => move(index - 1),
        },
        {
          key: 'down',
          needs: 'stage.reorder',
          icon: 'arrow-down',
          label: `Move ${name} down`,
          testid: 'queue-down',
          disabled: index === count - 1,
          run: () => move(index + 1),
        },
        {
          key: 'refuse',
          needs: 'stage.refuse',
          icon: 'x',
          label: `Refuse ${name}`,
          testid: 'queue-refuse',
          run: answer('stage.refuse', `The request of ${name} is refused.`),
        },
        {
          key: 'grant',
          needs: 'stage.grant',
          text: 'Let on',
          primary: index === 0,
          label: `Let ${name} on the stage`,
          testid: 'queue-grant',
          run: answer('stage.grant', `${name} has a place on the stage.`),
        },
      ];
    },
  });

  const draw = () => {
    const room = podium.room;
    if (!room) return;
    drawCounts(room.queue.length, room.stage.length >= room.stagePlaces);
    drawLine();
    drawInvited();
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

/** @param {number} count @param {boolean} full */
function drawCounts(count, full) {
  byId('stage-full', HTMLElement).hidden = !full;
  const badge = byId('queue-count', HTMLElement);
  badge.hidden = count === 0;
  if (badge.textContent !== String(count)) badge.textContent = String(count);
}

const nobody = () =>
  h(
    'li',
    { class: 'empty' },
    icon('hand'),
    h('p', {}, 'Nobody asks at the moment. Whoever raises a hand appears here.'),
  );
