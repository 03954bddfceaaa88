// Turns to speak: who asks for one, and whose runs and for how long.

import { byId } from '../ui/byid.js';
import { give } from './commands.js';
import { showLine } from './line.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export function showRemarks(podium, permissions) {
  const box = byId('remarks', HTMLElement);
  const name = (/** @type {string} */ id) => podium.room?.name(id) ?? id;
  const drawLine = showLine({
    list: byId('remarks-list', HTMLElement),
    podium,
    permissions,
    testid: 'remark-item',
    people: () => {
      const room = podium.room;
      if (!room) return [];
      const running = [...room.remarks].map(([id, until]) => ({ id, name: name(id), note: left(until) }));
      return [...running, ...room.asking.map((id) => ({ id, name: name(id) }))];
    },
    tools: ({ id, name: who }) => {
      /** @param {string} type @param {string} done */
      const answer = (type, done) => () => void give(podium, type, { target: id }, done);
      return [
        {
          key: 'refuse',
          needs: 'remark.refuse',
          icon: 'x',
          label: `Refuse ${who} a turn to speak`,
          testid: 'remark-refuse',
          run: answer('remark.refuse', `${who} gets no turn to speak.`),
        },
        {
          key: 'grant',
          needs: 'remark.grant',
          text: 'Let speak',
          label: `Let ${who} speak`,
          testid: 'remark-grant',
          run: answer('remark.grant', `${who} may speak.`),
        },
        {
          key: 'end',
          needs: 'remark.end',
          text: 'End',
          label: `End the turn of ${who}`,
          testid: 'remark-end',
          run: answer('remark.end', `The turn of ${who} is over.`),
        },
      ];
    },
  });

  /** @type {number | undefined} */
  let ticking;
  const draw = () => {
    const room = podium.room;
    if (!room) return;
    box.hidden = room.asking.length + room.remarks.size === 0;
    drawLine();
    // The seconds of a turn run down; without one nothing has to be drawn again.
    if (room.remarks.size && ticking === undefined) ticking = window.setInterval(draw, 1000);
    else if (room.remarks.size === 0) {
      window.clearInterval(ticking);
      ticking = undefined;
    }
  };
  for (const source of [podium, permissions]) source.addEventListener('change', draw);
  podium.addEventListener('resync', draw);
  draw();
}

/** @param {number} until ms since 1970 */
const left = (until) => `speaks · ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`;
