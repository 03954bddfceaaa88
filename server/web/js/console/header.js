// The head of the console: title, connection, the three numbers, and what concerns the conference as a whole.

import { byId } from '../ui/byid.js';
import { h, icon, setText } from '../ui/dom.js';
import { inviteDialog } from '../ui/invite.js';
import { themeButton } from '../ui/theme.js';
import { recordButton, recordingSign } from '../ui/recording.js';
import { arrangingDialog } from './arranging.js';
import { showShortcuts } from './keyboard.js';
import { layoutMenu } from './layout.js';
import { endDialog, settingsDialog } from './settings.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../ui/permissions.js').Permissions} Permissions */

/**
 * @param {Podium} podium
 * @param {Permissions} permissions
 * @param {string} token
 */
export function showHeader(podium, permissions, token) {
  const invite = tool('Invite', 'user-plus', 'console-invite', () => {
    const room = podium.room;
    if (room) inviteDialog({ token, conference: room.conference, title: room.title, you: room.you });
  });
  const record = recordButton(podium);
  const sign = recordingSign();
  byId('title', HTMLElement).after(sign);
  const keys = tool('Keys', 'keyboard', 'console-keys', showShortcuts);
  const place = () => void arrangingDialog(podium, permissions);
  const layout = tool('Layout', 'expand', 'console-layout', () => {
    // Who is on the stage may place the own tile without laying everything out.
    if (permissions.allows(null, 'conference.layout')) layoutMenu(layout, podium, place);
    else place();
  });
  const settings = tool('Settings', 'settings', 'console-settings', () => settingsDialog(podium, permissions));
  const end = h(
    'button',
    {
      class: 'btn btn-danger btn-sm console-end',
      type: 'button',
      data: { testid: 'console-end' },
      on: { click: () => endDialog(podium) },
    },
    icon('end', 'icon-sm'),
    h('span', {}, 'End'),
  );
  const theme = themeButton();
  theme.classList.add('btn-sm');
  byId('tools', HTMLElement).append(record.button, invite, layout, settings, keys, theme, end);

  const draw = () => {
    const room = podium.room;
    if (!room) return;
    permissions.want([null]);
    setText(byId('title', HTMLElement), room.title);
    setText(byId('count-people', HTMLElement), String(room.count));
    setText(byId('count-stage', HTMLElement), String(room.stage.length));
    setText(byId('count-places', HTMLElement), ` / ${room.stagePlaces}`);
    setText(byId('count-asking', HTMLElement), String(room.queue.length));
    byId('count-asking-box', HTMLElement).classList.toggle('console-count-warn', room.queue.length > 0);
    const waiting = room.queue.length + room.asking.length + room.lobby.size;
    const tab = byId('tab-queue-count', HTMLElement);
    tab.hidden = waiting === 0;
    setText(tab, String(waiting));
    byId('count-stage-box', HTMLElement).classList.toggle('console-count-full', room.stage.length >= room.stagePlaces);
    document.title = `${waiting ? `(${waiting}) ` : ''}${room.title} · Console`;
    sign.hidden = !room.recording;
    record.draw(permissions.allows(null, room.recording ? 'recording.stop' : 'recording.start'));
    layout.hidden = !['conference.layout', 'layout.place'].some((command) => permissions.allows(null, command));
    settings.hidden = !permissions.allows(null, 'conference.settings');
    end.hidden = !permissions.allows(null, 'conference.end');
  };
  for (const source of [podium, permissions]) source.addEventListener('change', draw);
  podium.addEventListener('resync', draw);
  showState(podium);
  draw();
}

/** The dot beside the title, and the banner while the connection is away. @param {Podium} podium */
function showState(podium) {
  const line = byId('state', HTMLElement);
  const banner = byId('banner', HTMLElement);
  const show = () => {
    const open = podium.state === 'open';
    line.replaceChildren(h('span', { class: `dot ${open ? 'dot-ok' : 'dot-warn'}` }), open ? 'Live' : 'Reconnecting');
    banner.hidden = open || podium.state === 'closed';
    setText(
      banner,
      banner.hidden
        ? ''
        : 'The connection to the server broke. What you see may be old; the console is back as soon as the server is.',
    );
  };
  podium.addEventListener('state', show);
  show();
}

/**
 * @param {string} label
 * @param {string} name
 * @param {string} testid
 * @param {() => void} run
 */
function tool(label, name, testid, run) {
  return h(
    'button',
    {
      class: 'btn btn-quiet btn-sm console-tool',
      type: 'button',
      'aria-label': label,
      title: label,
      data: { testid },
      on: { click: run },
    },
    icon(name, 'icon-sm'),
    h('span', { 'aria-hidden': 'true' }, label),
  );
}
