/** The layout that everybody sees, chosen by those who may: the arrangement, and who is large. */

import { command } from '../ui/actions.js';
import { openMenu } from '../ui/menu.js';
import { LAYOUTS } from '../ui/words.js';

/** @param {import('./view.js').ConferenceView} view @param {HTMLElement} anchor */
export function openLayoutMenu({ podium }, anchor) {
  const { room } = podium;
  if (!room) return;
  const { kind: now, spotlight } = room.layout;
  /** @param {import('../types.js').LayoutKind} kind @param {string} large */
  const set = (kind, large) => void command(podium, 'conference.layout', { kind, ...(large ? { spotlight: large } : {}) });
  openMenu(anchor, [
    { head: 'Layout for everybody' },
    ...LAYOUTS.map(([kind, label]) => ({ label, checked: kind === now, testid: `layout-${kind}`, run: () => set(kind, spotlight) })),
    '-',
    { head: 'Who is large' },
    { label: 'Whoever speaks', checked: !spotlight, testid: 'spotlight-none', run: () => set(now, '') },
    ...room.stage.map((id) => ({ label: room.name(id), checked: id === spotlight, testid: `spotlight-${id}`, run: () => set(now, id) })),
  ], { label: 'Layout for everybody' });
}
