/** The head of the page: which conference, how many are here, the ways to invite and to moderate. */

import * as storage from '../lib/storage.js';
import { clear, h, icon, setText } from '../ui/dom.js';
import { inviteDialog } from '../ui/invite.js';
import { themeButton } from '../ui/theme.js';
import { recordingSign } from '../ui/recording.js';
import { plural, roleWord } from '../ui/words.js';
import { openLayoutMenu } from './layoutmenu.js';

export class TopBar {
  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.view = view;
    this.title = h('h1', { class: 'truncate', data: { testid: 'title' } });
    this.count = h('span', { class: 'badge num', data: { testid: 'count' } });
    this.recording = recordingSign();
    this.role = h('span', { class: 'badge badge-accent wide', data: { testid: 'my-role' } });
    this.invite = h('button', { class: 'btn btn-sm wide', type: 'button', hidden: true, data: { testid: 'invite' }, on: { click: () => invite(view) } },
      icon('link', 'icon-sm'), 'Invite');
    this.layout = h('button', { class: 'btn btn-sm wide', type: 'button', hidden: true, data: { testid: 'layout' }, aria: { haspopup: 'menu' }, on: { click: () => openLayoutMenu(view, this.layout) } },
      icon('layout', 'icon-sm'), 'Layout');
    this.console = h('a', {
      class: 'btn btn-sm wide', target: '_blank', rel: 'noopener', hidden: true, href: consolePath(view), data: { testid: 'console' },
    }, icon('console', 'icon-sm'), 'Console');
    clear(root).append(
      h('a', { class: 'brand', href: '/', aria: { label: 'Podium, start page' }, target: '_blank', rel: 'noopener' }, icon('podium')),
      this.title, this.recording, this.count, this.role, h('span', { class: 'grow' }), this.layout, this.invite, this.console, themeButton());
  }

  update() {
    const room = this.view.podium.room;
    if (!room) return;
    setText(this.title, room.title);
    setText(this.count, plural(room.count, 'person', 'people'));
    this.recording.hidden = !room.recording;
    setText(this.role, roleWord(room.me?.role ?? ''));
    this.layout.hidden = !this.view.rights.has('conference.layout');
    this.invite.hidden = !room.moderates;
    this.console.hidden = !room.moderates;
  }
}

/** @param {import('./view.js').ConferenceView} view */
export const consolePath = (view) => `/console/${encodeURIComponent(view.podium.room?.conference ?? '')}`;

/** @param {import('./view.js').ConferenceView} view */
export function invite(view) {
  const { kind, token } = view.door.access;
  const room = view.podium.room;
  const bearer = kind === 'account' ? token : storage.guestToken(room?.conference ?? '');
  if (room && bearer) inviteDialog({ token: bearer, conference: room.conference, title: room.title, you: room.you });
}
