// The layout that everybody sees, who is large in it, and the slides on the stage: a menu in the head of the console.

import { openMenu } from '../ui/menu.js';
import { LAYOUTS } from '../ui/words.js';
import { give } from './commands.js';

/** @typedef {import('../podium.js').Podium} Podium */

/**
 * @param {HTMLElement} anchor
 * @param {Podium} podium
 * @param {() => void} [place] opens the way to place tiles by hand
 */
export function layoutMenu(anchor, podium, place) {
  const { room } = podium;
  if (!room) return;
  const { kind: now, spotlight } = room.layout;
  const { slides } = room.entries;
  /** @param {import('../types.js').LayoutKind} kind @param {string} large @param {string} says */
  const set = (kind, large, says) => void give(podium, 'conference.layout', { kind, ...(large ? { spotlight: large } : {}) }, says);
  openMenu(anchor, [
    { head: 'Layout for everybody' },
    ...LAYOUTS.map(([kind, label]) => ({
      label, checked: kind === now, testid: `layout-${kind}`, run: () => set(kind, spotlight, `Everybody sees: ${label}.`),
    })),
    '-',
    { head: 'Who is large' },
    { label: 'Whoever speaks', checked: !spotlight, testid: 'spotlight-none', run: () => set(now, '', 'Whoever speaks is large.') },
    ...room.stage.map((id) => ({
      label: room.name(id), checked: id === spotlight, testid: `spotlight-${id}`, run: () => set(now, id, `${room.name(id)} is large.`),
    })),
    ...(place ? /** @type {import('../ui/menu.js').Entry[]} */ (['-', {
      label: 'Place the tiles …', icon: 'grip', testid: 'console-arranging', run: place,
    }]) : []),
    ...(slides ? /** @type {import('../ui/menu.js').Entry[]} */ (['-', {
      label: `Take down ${slides.file.label}`, icon: 'x', testid: 'console-slides-close',
      run: () => void give(podium, 'slides.close', { file: slides.file.number }, 'The slides are down.'),
    }]) : []),
  ]);
}
