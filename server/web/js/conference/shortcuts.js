/** One letter for what is done often; never while somebody types, and never with Ctrl, Alt or Meta. */

import { openDialog } from '../ui/dialog.js';
import { h } from '../ui/dom.js';

/** @typedef {import('./view.js').ConferenceView} View */

/** @type {Record<string, {says: string, run: (view: View) => void}>} */
const KEYS = {
  m: { says: 'Microphone on or off', run: (view) => mayPublish(view, 'audio') && void view.toggleDevice('audio') },
  v: { says: 'Camera on or off', run: (view) => mayPublish(view, 'video') && void view.toggleDevice('video') },
  s: { says: 'Share a screen, or stop', run: (view) => mayPublish(view, 'screen') && void view.toggleScreen() },
  h: { says: 'Raise or lower your hand', run: (view) => view.toggleHand() },
  t: { says: 'Ask for a turn to speak, or end it', run: (view) => view.toggleTurn() },
  p: { says: 'People', run: (view) => view.side.toggle('people') },
  c: { says: 'Chat', run: (view) => view.side.toggle('chat') },
  q: { says: 'Questions, polls and links', run: (view) => view.controls.toggleEngage() },
  f: { says: 'Files', run: (view) => view.side.toggle('files') },
  '?': { says: 'This help', run: () => void showKeys() },
};

/** @param {View} view @param {import('../lib/shapes.js').MuteSource} source */
const mayPublish = (view, source) => view.rights.has(`media.publish:${source}`);

/** @param {View} view @param {AbortSignal} signal */
export function listenForKeys(view, signal) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.defaultPrevented) return;
    const target = /** @type {Element} */ (event.target);
    if (target.closest('input, textarea, select, [contenteditable], dialog, [role="menu"]')) return;
    const key = KEYS[event.key.toLowerCase()];
    if (!key) return;
    event.preventDefault();
    key.run(view);
  }, { signal });
}

export function showKeys() {
  return openDialog({
    title: 'Keyboard shortcuts',
    body: h('div', { class: 'keys' }, Object.entries(KEYS).flatMap(([key, { says }]) => [h('kbd', { class: 'kbd' }, key.toUpperCase()), h('span', {}, says)])),
    testid: 'keys',
  });
}
