// Who waits at the door: let in, send away, let all in; and the conference that is held back, with the way to begin it.

import { byId } from '../ui/byid.js';
import { timeWord } from '../ui/words.js';
import { give } from './commands.js';
import { showLine } from './line.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 */
export function showDoor(podium, permissions) {
  const box = byId('door', HTMLElement);
  const all = byId('door-all', HTMLButtonElement);
  const held = byId('held', HTMLElement);
  const start = byId('console-start', HTMLButtonElement);
  all.addEventListener('click', () => void give(podium, 'lobby.admit_all', {}, 'Everybody at the door is let in.'));
  start.addEventListener('click', () => void give(podium, 'conference.start', {}, 'The conference has begun.'));

  const people = () => [...(podium.room?.lobby.values() ?? [])];
  const drawLine = showLine({
    list: byId('door-list', HTMLElement),
    podium,
    permissions,
    testid: 'door-item',
    // Who waits for the beginning is let in by it, and not one by one.
    people: () =>
      people()
        .filter(({ reason }) => reason === 'lobby')
        .map(({ id, name, since }) => ({ id, name, note: timeWord(since) })),
    tools: ({ id, name }) => {
      /** @param {string} type @param {string} done */
      const answer = (type, done) => () => void give(podium, type, { target: id }, done);
      return [
        {
          key: 'block',
          needs: 'participant.block',
          icon: 'lock',
          label: `Block ${name}`,
          testid: 'door-block',
          run: answer('participant.block', `${name} is blocked.`),
        },
        {
          key: 'refuse',
          needs: 'lobby.refuse',
          icon: 'x',
          label: `Send ${name} away`,
          testid: 'door-refuse',
          run: answer('lobby.refuse', `${name} is sent away.`),
        },
        {
          key: 'admit',
          needs: 'lobby.admit',
          text: 'Let in',
          label: `Let ${name} in`,
          testid: 'door-admit',
          run: answer('lobby.admit', `${name} is let in.`),
        },
      ];
    },
  });

  const draw = () => {
    const room = podium.room;
    if (!room) return;
    const waiting = people();
    const asking = waiting.filter(({ reason }) => reason === 'lobby').length;
    box.hidden = asking === 0;
    all.hidden = asking < 2 || !permissions.allows(null, 'lobby.admit_all');
    drawLine();
    held.hidden = !room.heldBack;
    start.hidden = !permissions.allows(null, 'conference.start');
    const behind = waiting.length - asking;
    const count = behind === 0 ? 'Nobody waits' : behind === 1 ? 'One person waits' : `${behind} people wait`;
    byId('held-text', HTMLElement).textContent = `Not begun: viewers are let in when it begins. ${count} for that.`;
  };
  for (const source of [podium, permissions]) source.addEventListener('change', draw);
  podium.addEventListener('resync', draw);
  draw();
}
