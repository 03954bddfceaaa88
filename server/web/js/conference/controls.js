/** The bar at the foot: one's own devices, the hand, reactions, the panels, and the way out. */

import { command, endConference } from '../ui/actions.js';
import { clear, h, icon, setIcon, setText } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';
import { canShareScreen } from '../lib/devices.js';
import { openConnection } from './connectiondialog.js';
import { openLayoutMenu } from './layoutmenu.js';
import { reactionPicker } from './reactions.js';
import { openSettings } from './settings.js';
import { showKeys } from './shortcuts.js';
import { consolePath, invite } from './topbar.js';

/** @typedef {{button: HTMLButtonElement, picture: SVGSVGElement, mark: HTMLElement}} Control */

export class Controls {
  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.view = view;
    this.mic = this.#control('mic', 'mic', () => void view.toggleDevice('audio'), 'm');
    this.camera = this.#control('camera', 'camera', () => void view.toggleDevice('video'), 'v');
    this.screen = this.#control('screen', 'screen', () => void view.toggleScreen(), 's');
    this.screen.button.classList.add('wide');
    this.handLabel = h('span');
    this.hand = h('button', { class: 'btn btn-pill', type: 'button', data: { testid: 'hand' }, aria: { keyshortcuts: 'h' }, on: { click: () => view.toggleHand() } }, icon('hand'), this.handLabel);
    this.turnLabel = h('span');
    this.turn = h('button', { class: 'btn btn-pill', type: 'button', data: { testid: 'turn-ask' }, aria: { keyshortcuts: 't' }, on: { click: () => view.toggleTurn() } }, icon('mic'), this.turnLabel);
    this.react = this.#control('react', 'smile', () => this.reactions.toggle());
    this.react.button.setAttribute('aria-label', 'React');
    this.react.button.dataset.tip = 'React';
    this.reactions = reactionPicker(view.podium, this.react.button);
    this.people = this.#control('toggle-people', 'people', () => view.side.toggle('people'), 'p');
    this.chat = this.#control('toggle-chat', 'chat', () => view.side.toggle('chat'), 'c');
    this.engage = this.#control('toggle-engage', 'question', () => this.toggleEngage(), 'q');
    this.engageCount = h('span', { class: 'count', hidden: true, data: { testid: 'engage-unread' } });
    this.engage.button.append(this.engageCount);
    this.peopleCount = h('span', { class: 'count', hidden: true });
    this.chatCount = h('span', { class: 'count', hidden: true, data: { testid: 'chat-unread' } });
    this.people.button.append(this.peopleCount);
    this.chat.button.append(this.chatCount);
    this.more = this.#control('more', 'more', () => this.#openMore());
    this.more.button.setAttribute('aria-label', 'More');
    this.leave = h('button', { class: 'btn btn-danger btn-leave', type: 'button', aria: { label: 'Leave' }, data: { testid: 'leave' }, on: { click: () => this.#openLeave() } },
      icon('leave'), h('span', { class: 'wide' }, 'Leave'));
    this.hint = h('span', { class: 'hint truncate', data: { testid: 'control-hint' } });
    clear(root).append(
      h('div', { class: 'controls-group controls-start' }, this.hint),
      h('div', { class: 'controls-group controls-line' }, this.mic.button, this.camera.button, this.screen.button, this.hand, this.turn, this.react.button,
        h('span', { class: 'controls-gap' }), this.people.button, this.chat.button, this.engage.button, this.more.button, this.leave));
    root.append(h('div', { class: 'controls-group controls-end controls-start' }));
    this.size = new ResizeObserver(() => document.documentElement.style.setProperty('--controls-height', `${root.offsetHeight}px`));
    this.size.observe(root);
  }

  /** @param {string} testid @param {string} picture @param {() => void} run @param {string} [key] @returns {Control} */
  #control(testid, picture, run, key) {
    const svg = icon(picture);
    const mark = h('span', { class: 'mark', hidden: true }, icon('lock'));
    const button = h('button', { class: 'btn btn-round', type: 'button', data: { testid }, aria: { keyshortcuts: key }, on: { click: run } }, svg, mark);
    return { button, picture: svg, mark };
  }

  update() {
    const room = this.view.podium.room;
    const me = room?.me;
    if (!room || !me) return;
    this.#device(this.mic, 'audio', 'microphone', ['mic', 'mic-off'], 'm');
    this.#device(this.camera, 'video', 'camera', ['camera', 'camera-off'], 'v');
    this.#screen();
    const { rights } = this.view;
    this.mic.button.hidden = !rights.has('media.publish:audio');
    this.camera.button.hidden = !rights.has('media.publish:video');
    this.screen.button.hidden = !rights.has('media.publish:screen') || !canShareScreen();
    this.react.button.hidden = !rights.has('reaction.send');
    this.#hand();
    this.#turn();
    this.#panel(this.people, 'people', 'People');
    this.#panel(this.chat, 'chat', 'Chat');
    this.#engage();
    const { asking } = this.view;
    this.peopleCount.hidden = asking === 0;
    setText(this.peopleCount, String(asking));
    const { unread } = this.view.engage.chat;
    this.chatCount.hidden = unread === 0;
    setText(this.chatCount, unread > 99 ? '99+' : String(unread));
  }

  /** @param {Control} control @param {'audio' | 'video'} source @param {string} word @param {[string, string]} icons @param {string} key */
  #device({ button, picture, mark }, source, word, icons, key) {
    const { media, room } = this.view.podium;
    const state = media.state(source);
    const by = room?.mutedBy.get(`${room.you}/${source}`);
    const moderator = by && by !== room?.you ? room?.name(by) : null;
    const label = state === 'on' ? `Switch the ${word} off`
      : state === 'barred' ? `Guests do not use their ${word} here`
      : state === 'locked' ? `Your ${word} is locked${moderator ? ` by ${moderator}` : ''}`
      : state === 'muted' ? `Switch the ${word} on${moderator ? ` (muted by ${moderator})` : ''}`
      : `Switch the ${word} on`;
    const locked = state === 'locked' || state === 'barred';
    button.dataset.state = state === 'on' ? '' : locked ? 'locked' : 'off';
    button.dataset.media = state;
    // A locked control stays reachable, so that a screen reader can say why it does nothing.
    button.setAttribute('aria-disabled', String(locked));
    button.setAttribute('aria-pressed', String(state === 'on'));
    mark.hidden = !locked;
    setIcon(picture, icons[state === 'on' ? 0 : 1]);
    name(button, label, key);
  }

  #screen() {
    const { button, picture, mark } = this.screen;
    const state = this.view.podium.media.state('screen');
    const sharing = this.view.podium.media.local.has('screen');
    const locked = state === 'locked' || state === 'barred';
    button.dataset.state = locked ? 'locked' : sharing ? 'on' : '';
    button.disabled = locked;
    button.setAttribute('aria-pressed', String(sharing));
    mark.hidden = !locked;
    setIcon(picture, sharing ? 'screen-off' : 'screen');
    name(button, state === 'barred' ? 'Guests share no screen here' : state === 'locked' ? 'Screen sharing is locked by a moderator' : sharing ? 'Stop sharing the screen' : 'Share a screen', 's');
  }

  #hand() {
    const { room } = this.view.podium;
    const place = room?.queuePosition(room.you) ?? 0;
    // Whoever may take a place takes it; the others ask for it, and the word says which it is.
    const goes = this.view.rights.has('stage.request:go');
    this.hand.hidden = !(place || this.view.rights.has('stage.request'));
    this.hand.dataset.state = place ? 'on' : '';
    this.hand.classList.toggle('btn-primary', !place);
    this.hand.setAttribute('aria-pressed', String(place > 0));
    setText(this.handLabel, place ? `Hand up · ${place}. in line` : goes ? 'Go on the stage' : 'Raise hand');
    this.hand.setAttribute('aria-label', place ? `Take your hand down; you are number ${place} in line` : goes ? 'Go on the stage' : 'Raise your hand to ask for the stage');
    setIcon(/** @type {Element} */ (this.hand.firstElementChild), goes && !place ? 'podium' : 'hand');
  }

  #turn() {
    const { room } = this.view.podium;
    if (!room) return;
    const speaks = room.remarks.has(room.you);
    const waits = room.asking.includes(room.you);
    // A turn without a microphone is none.
    this.turn.hidden = !(speaks || waits || (this.view.rights.has('remark.request') && !room.barred('audio')));
    this.turn.dataset.state = speaks || waits ? 'on' : '';
    this.turn.setAttribute('aria-pressed', String(speaks || waits));
    setText(this.turnLabel, speaks ? 'Stop speaking' : waits ? 'Waiting to speak' : 'Ask to speak');
    this.turn.setAttribute('aria-label', speaks ? 'Stop speaking: end your turn' : waits ? 'You wait for your turn to speak; take your request back' : 'Ask for a short turn to speak, with your microphone alone');
    setIcon(/** @type {Element} */ (this.turn.firstElementChild), speaks ? 'mic-off' : waits ? 'clock' : 'mic');
  }

  #engage() {
    const { engage, side } = this.view;
    this.engage.button.setAttribute('aria-pressed', String(engage.parts.some(({ key }) => key === side.shown)));
    name(this.engage.button, 'Questions, polls and links', 'q');
    this.engageCount.hidden = engage.unread === 0;
    setText(this.engageCount, engage.unread > 99 ? '99+' : String(engage.unread));
  }

  /** The part where something waits, else the questions. */
  toggleEngage() {
    const { engage, side } = this.view;
    if (engage.parts.some(({ key }) => key === side.shown)) side.hide();
    else side.show((engage.parts.find(({ unread }) => unread > 0) ?? engage.questions).key);
  }

  /** @param {Control} control @param {string} key @param {string} label */
  #panel({ button }, key, label) {
    button.setAttribute('aria-pressed', String(this.view.side.shown === key));
    name(button, label, key[0]);
  }

  close() {
    this.reactions.picker.remove();
    this.size.disconnect();
    document.documentElement.style.removeProperty('--controls-height');
  }

  #openMore() {
    const { view } = this;
    const { room } = view.podium;
    /** @type {import('../ui/menu.js').Entry[]} */
    const entries = [
      { label: 'Settings', icon: 'settings', testid: 'open-settings', run: () => void openSettings(view) },
      { label: 'Your connection', icon: 'signal', testid: 'open-connection', run: () => void openConnection(view) },
      { label: 'Keyboard shortcuts', icon: 'keyboard', hint: '?', testid: 'open-keys', run: () => void showKeys() },
      { label: document.fullscreenElement ? 'Leave full screen' : 'Full screen', icon: 'expand', run: () => void fullScreen() },
    ];
    entries.push({ label: 'Files', icon: 'list', hint: 'F', testid: 'open-files', run: () => view.side.toggle('files') });
    if (view.rights.has('stage.leave')) entries.push('-', { label: 'Leave the stage', icon: 'arrow-down', testid: 'stage-leave', run: () => void command(view.podium, 'stage.leave') });
    if (view.rights.has('conference.layout')) entries.push('-', { label: 'Layout for everybody', icon: 'layout', testid: 'more-layout', run: () => openLayoutMenu(view, this.more.button) });
    if (room?.moderates) {
      entries.push('-',
        { label: 'Invite people', icon: 'link', testid: 'more-invite', run: () => invite(view) },
        { label: 'Open the console', icon: 'console', run: () => void window.open(consolePath(view), '_blank', 'noopener') });
    }
    openMenu(this.more.button, entries, { label: 'More' });
  }

  #openLeave() {
    const { view } = this;
    if (!view.rights.has('conference.end')) {
      void view.quit();
      return;
    }
    openMenu(this.leave, [
      { label: 'Leave', icon: 'leave', hint: 'others go on', testid: 'leave-only', run: () => void view.quit() },
      { label: 'End for everybody', icon: 'end', danger: true, testid: 'end', run: () => void endConference(view.podium) },
    ], { label: 'Leave' });
  }
}

/** @param {HTMLButtonElement} button @param {string} label @param {string} key */
function name(button, label, key) {
  if (button.getAttribute('aria-label') === label) return;
  button.setAttribute('aria-label', label);
  button.dataset.tip = `${label} (${key.toUpperCase()})`;
}

async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen().catch(() => undefined);
}
