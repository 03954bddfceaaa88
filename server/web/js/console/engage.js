// Beside the record of what happened: chat, questions, polls and links, as tabs of one panel.

import { Engage } from '../engage/engage.js';
import { byId } from '../ui/byid.js';
import { SidePanel } from '../ui/sidepanel.js';

/**
 * @param {import('../podium.js').Podium} podium
 * @param {import('../ui/permissions.js').Permissions} permissions
 * @param {string} token
 */
export function showEngage(podium, permissions, token) {
  const count = byId('tab-log-count', HTMLElement);
  const badges = () => {
    for (const { key, unread } of parts) side.badge(key, unread);
    const unread = engage.unread + engage.chat.unread;
    count.hidden = unread === 0;
    count.textContent = unread > 99 ? '99+' : String(unread);
  };
  const engage = new Engage({
    podium,
    rights: () => permissions.of(null),
    token: () => token,
    changed: badges,
    open: (key) => {
      // On a narrow screen another part may be in front.
      byId('tab-log', HTMLButtonElement).click();
      side.show(key);
    },
  });
  const parts = [engage.chat, ...engage.parts];
  const activity = { key: 'activity', label: 'Activity', icon: 'list', node: byId('activity', HTMLElement), shown: () => undefined };
  const side = new SidePanel(byId('log', HTMLElement), [activity, ...parts], badges, { closable: false });
  side.show('activity');
  const update = () => {
    permissions.want([null]);
    engage.update();
    badges();
  };
  podium.addEventListener('change', update);
  permissions.addEventListener('change', update);
  update();
}
