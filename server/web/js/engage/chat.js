/**
 * The chat: to everybody, in the moderators' channel, and with one person alone, each a history of its own. Messages are
 * numbered within their channel, so none is shown twice; what was written is text and never markup.
 */

import { command } from '../ui/actions.js';
import * as storage from '../lib/storage.js';
import { ask } from '../ui/dialog.js';
import { avatar } from '../ui/avatar.js';
import { clear, debounce, h, icon } from '../ui/dom.js';
import { openMenu } from '../ui/menu.js';
import { toast } from '../ui/toast.js';
import { plural, refusalText, timeWord } from '../ui/words.js';
import { MentionList, marked } from './mentions.js';
import { mayAbout, nothing } from './pieces.js';

/** @typedef {import('../lib/shapes.js').ChatMessage} ChatMessage */
/** @typedef {'everyone' | 'moderators' | 'private'} Channel */

// Messages of one person within this time stand under one name.
const TOGETHER_MS = 4 * 60_000;
const MOST_KEPT = 500;
// People offered to write to; whoever is not among them is found in the list of people.
const MOST_PEOPLE = 200;

/** With whom one talks: a channel, and in the private one a person. @typedef {{channel: Channel, to: string}} Place */

/** @param {Place} place */
const keyOf = ({ channel, to }) => (channel === 'private' ? `private/${to}` : channel);

export class Chat {
  key = 'chat';
  label = 'Chat';
  icon = 'chat';
  /** @type {Record<Channel, Map<number, ChatMessage>>} */ #messages = { everyone: new Map(), moderators: new Map(), private: new Map() };
  /** @type {Set<Channel>} channels of which there is more than was fetched */ #more = new Set();
  /** @type {Set<Channel>} those whose history was fetched */ #fetched = new Set();
  /** @type {Map<string, number>} what was not looked at, by place */ #unread = new Map();
  /** @type {Map<string, string>} what was begun and not sent, by place */ #drafts = new Map();
  /** @type {Place} */ #place = { channel: 'everyone', to: '' };
  /** @type {ChatMessage | null} */ #replyTo = null;
  /** @type {ChatMessage | null} */ #editing = null;
  /** @type {ChatMessage[] | null} what was found, in place of the history */ #found = null;
  #visible = false;
  #drawnPlaces = '';

  /** @param {import('./pieces.js').Setting} setting */
  constructor(setting) {
    this.setting = setting;
    this.podium = setting.podium;
    this.places = h('select', { class: 'select', aria: { label: 'Write to' }, data: { testid: 'chat-place' }, on: { change: () => this.#go(this.places.value) } });
    this.elsewhere = h('button', { class: 'btn btn-sm btn-soft', type: 'button', hidden: true, data: { testid: 'chat-elsewhere' }, on: { click: () => this.#goElsewhere() } });
    this.sought = h('input', { class: 'input', type: 'search', hidden: true, placeholder: 'Search the chat', aria: { label: 'Search the chat' }, data: { testid: 'chat-search' }, on: { input: debounce(() => void this.#search(), 350) } });
    const searching = h('button', { class: 'btn btn-icon btn-quiet btn-sm', type: 'button', title: 'Search', aria: { label: 'Search the chat', pressed: false }, data: { testid: 'chat-search-open' },
      on: { click: () => {
        this.sought.hidden = !this.sought.hidden;
        searching.setAttribute('aria-pressed', String(!this.sought.hidden));
        if (!this.sought.hidden) this.sought.focus();
        else this.#stopSearching();
      } } }, icon('search', 'icon-sm'));
    this.gate = h('button', { class: 'btn btn-icon btn-quiet btn-sm', type: 'button', hidden: true, data: { testid: 'chat-gate' }, on: { click: () => void command(this.podium, this.#closed ? 'chat.open' : 'chat.close') } });
    this.log = h('div', { class: 'chat-log scroll', role: 'log', tabindex: 0, aria: { label: 'Messages' }, data: { testid: 'chat-log' } });
    this.text = h('textarea', {
      class: 'textarea', rows: 1, maxlength: 2000, aria: { label: 'Message' }, data: { testid: 'chat-text' },
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event), input: () => this.mentions.look() },
    });
    this.mentions = new MentionList(this.text, () => this.#readers());
    this.about = h('div', { class: 'chat-about', hidden: true, data: { testid: 'chat-about' } });
    this.button = h('button', { class: 'btn btn-primary btn-icon', type: 'submit', aria: { label: 'Send' }, data: { testid: 'chat-send' } }, icon('send'));
    this.form = h('form', { class: 'chat-form', on: { submit: (/** @type {Event} */ event) => void this.#send(event) } }, this.mentions.node, this.about, this.text, this.button);
    this.shut = h('p', { class: 'hint chat-shut', hidden: true, data: { testid: 'chat-shut' } });
    this.node = h('section', { class: 'side-body' }, h('div', { class: 'entry-tools chat-tools' }, this.places, this.elsewhere, searching, this.gate, this.sought), this.log, this.form, this.shut);
    this.update();
    this.#draw();
    void this.#fetch('everyone');
    // What was written to one alone while one was away waits in no place that one looks at.
    void this.#fetch('private');
  }

  get unread() {
    return [...this.#unread.values()].reduce((sum, count) => sum + count, 0);
  }

  get #closed() {
    return this.podium.room?.entries.chatClosed ?? false;
  }

  /** @param {any} event */
  happened(event) {
    if (event.type === 'chat.deleted' && this.#messages[/** @type {Channel} */ (event.channel ?? 'everyone')].delete(event.number)) this.#draw();
    if (event.type === 'chat.closed' || event.type === 'chat.opened' || event.type === 'conference.settings_changed') this.update();
    if (event.type.startsWith('participant.')) this.#drawPlaces();
  }

  /** @param {any} signal */
  heard(signal) {
    if (signal.type === 'chat.message') this.#receive(signal.message);
    else if (signal.type === 'chat.changed') this.#change(signal.message);
  }

  /** What was written so far, and after a break what was missed. */
  refresh() {
    for (const channel of this.#fetched) void this.#fetch(channel);
  }

  /** Talk to one person. @param {string} person */
  writeTo(person) {
    this.#go(`private/${person}`);
    this.text.focus();
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    this.#drawPlaces();
    this.#seen();
    this.log.scrollTop = this.log.scrollHeight;
    this.text.focus();
  }

  /** What one may do is another thing now. */
  update() {
    const rights = this.setting.rights();
    const { channel } = this.#place;
    if (channel === 'moderators' && rights.size && !rights.has('chat.send:moderators')) {
      // One is no speaker any more: what was read there is not shown either.
      this.#messages.moderators.clear();
      this.#fetched.delete('moderators');
      this.#unread.delete('moderators');
      this.#go('everyone');
    }
    const name = { everyone: 'chat.send', moderators: 'chat.send:moderators', private: 'chat.send:private' }[this.#place.channel];
    // Nothing is said of it before the first answer.
    const may = rights.size === 0 || rights.has(name);
    this.form.hidden = !may;
    this.shut.hidden = may;
    this.shut.textContent = this.#closed ? 'The chat is closed for the moment.' : 'You cannot write here.';
    const gate = this.#closed ? 'chat.open' : 'chat.close';
    this.gate.hidden = !rights.has(gate);
    const word = this.#closed ? 'Open the chat again' : 'Close the chat';
    this.gate.title = word;
    this.gate.setAttribute('aria-label', word);
    clear(this.gate).append(icon(this.#closed ? 'unlock' : 'lock', 'icon-sm'));
    const slow = this.podium.room?.settings.slow_mode_s ?? 0;
    const waits = slow > 0 && this.#place.channel === 'everyone' && !rights.has('chat.close') && !rights.has('chat.open');
    this.text.placeholder = waits ? `Write to everybody, every ${plural(slow, 'second')}` : { everyone: 'Write to everybody', moderators: 'Write to moderators and speakers', private: `Write to ${this.podium.room?.name(this.#place.to)} alone` }[this.#place.channel];
    this.#drawPlaces();
    this.draw();
  }

  draw() {
    if (this.#visible) this.#draw();
  }

  // --- places ------------------------------------------------------------------------------------

  /** @param {string} key */
  #go(key) {
    const [channel, to = ''] = key.split('/');
    // What is begun for one is not sent to another.
    if (this.#editing) this.text.value = '';
    this.#drafts.set(keyOf(this.#place), this.text.value);
    this.text.value = this.#drafts.get(key) ?? '';
    this.#place = { channel: /** @type {Channel} */ (channel), to };
    this.#replyTo = this.#editing = null;
    this.#stopSearching();
    if (!this.#fetched.has(this.#place.channel)) void this.#fetch(this.#place.channel);
    this.#seen();
    this.#drawAbout();
    this.update();
    this.#draw();
    this.log.scrollTop = this.log.scrollHeight;
  }

  #drawPlaces() {
    const { room } = this.podium;
    if (!room) return;
    const rights = this.setting.rights();
    const partners = new Map([...this.#messages.private.values()].map((message) => [this.#partner(message), '']));
    if (this.#place.to) partners.set(this.#place.to, '');
    // Whoever has left is called as they were when they wrote.
    for (const { person, name } of this.#messages.private.values()) if (partners.has(person)) partners.set(person, name);
    const may = rights.has('chat.send:private');
    const people = may ? [...room.people.values()].filter(({ id }) => id !== room.you && !partners.has(id)).slice(0, MOST_PEOPLE) : [];
    /** @type {[string, string][]} */
    const alone = [...[...partners].map(([id, name]) => /** @type {[string, string]} */ ([id, room.people.get(id)?.name ?? (name || room.name(id))])), ...people.map(({ id, name }) => /** @type {[string, string]} */ ([id, name]))];
    /** @param {string} key @param {string} word */
    const option = (key, word) => {
      const count = this.#unread.get(key) ?? 0;
      return /** @type {[string, string]} */ ([key, count ? `${word} (${count} new)` : word]);
    };
    const channels = [option('everyone', 'Everybody'), ...(rights.has('chat.send:moderators') || this.#place.channel === 'moderators' ? [option('moderators', 'Moderators and speakers')] : [])];
    const privately = alone.map(([id, name]) => option(`private/${id}`, name));
    const elsewhere = this.unread - (this.#unread.get(keyOf(this.#place)) ?? 0);
    this.elsewhere.hidden = elsewhere === 0;
    this.elsewhere.textContent = `${elsewhere} new`;
    this.elsewhere.setAttribute('aria-label', `${elsewhere} new in another conversation: go there`);
    this.elsewhere.title = 'In another conversation: go there';
    const drawn = JSON.stringify([channels, privately, keyOf(this.#place)]);
    if (drawn === this.#drawnPlaces || document.activeElement === this.places) return;
    this.#drawnPlaces = drawn;
    /** @param {[string, string]} one */
    const made = ([value, word]) => h('option', { value }, word);
    clear(this.places).append(...channels.map(made), ...(privately.length ? [h('optgroup', { label: 'One person alone' }, privately.map(made))] : []));
    this.places.value = keyOf(this.#place);
  }

  /** @param {ChatMessage} message */
  #partner(message) {
    return message.person === this.podium.room?.you ? message.to ?? '' : message.person;
  }

  /** @param {ChatMessage} message @returns {Place} */
  #placeOf(message) {
    const channel = message.channel ?? 'everyone';
    return { channel, to: channel === 'private' ? this.#partner(message) : '' };
  }

  #goElsewhere() {
    const here = keyOf(this.#place);
    const next = [...this.#unread.keys()].find((key) => key !== here);
    if (!next) return;
    this.#go(next);
    this.text.focus();
  }

  #seen() {
    if (this.#visible && this.#place.to) this.#readAlone();
    if (!this.#visible || !this.#unread.delete(keyOf(this.#place))) return;
    this.#drawPlaces();
    this.setting.changed();
  }

  /** What the person of this place wrote is read; a reload does not forget that. */
  #readAlone() {
    const { room } = this.podium;
    const { to } = this.#place;
    const last = Math.max(0, ...[...this.#messages.private.values()].filter(({ person }) => person === to).map(({ number }) => number));
    if (!room || !last) return;
    const read = storage.readAlone(room.conference, room.you);
    if ((read[to] ?? 0) < last) storage.setReadAlone(room.conference, room.you, { ...read, [to]: last });
  }

  /** How much of what was written to one alone was not looked at: also before this page was opened. */
  #countAlone() {
    const { room } = this.podium;
    if (!room) return;
    const read = storage.readAlone(room.conference, room.you);
    const messages = [...this.#messages.private.values()];
    for (const partner of new Set(messages.map((message) => this.#partner(message)))) {
      const those = messages.filter((message) => this.#partner(message) === partner);
      // Whoever has answered has read what was written before.
      const answered = Math.max(0, ...those.filter(({ person }) => person === room.you).map(({ number }) => number));
      const count = those.filter(({ person, number }) => person === partner && number > Math.max(answered, read[partner] ?? 0)).length;
      if (count) this.#unread.set(`private/${partner}`, count);
      else this.#unread.delete(`private/${partner}`);
    }
    this.#seen();
    this.setting.changed();
  }

  /** Who may be named here. @returns {import('../lib/shapes.js').Person[]} */
  #readers() {
    const { room } = this.podium;
    if (!room) return [];
    const { channel, to } = this.#place;
    const others = [...room.people.values()].filter(({ id }) => id !== room.you);
    if (channel === 'private') return others.filter(({ id }) => id === to);
    return channel === 'moderators' ? others.filter(({ role }) => role !== 'viewer') : others;
  }

  // --- messages ----------------------------------------------------------------------------------

  /** @param {Channel} channel */
  async #fetch(channel) {
    const messages = this.#messages[channel];
    const known = [...messages.keys()];
    const page = await this.podium.chatHistory(undefined, 50, channel).catch(() => null);
    if (!page) return;
    if (!this.#fetched.has(channel)) {
      this.#fetched.add(channel);
      if (page.more) this.#more.add(channel);
    }
    // What was known and is not there any more was deleted meanwhile.
    const first = page.messages[0]?.number ?? 0;
    for (const number of known) if (number >= first) messages.delete(number);
    for (const message of page.messages) messages.set(message.number, message);
    if (channel === 'private') this.#countAlone();
    this.#drawPlaces();
    this.#draw();
  }

  /** @param {ChatMessage} message */
  #receive(message) {
    const { room } = this.podium;
    const place = this.#placeOf(message);
    const messages = this.#messages[place.channel];
    if (messages.has(message.number)) return;
    messages.set(message.number, message);
    const first = messages.keys().next().value;
    if (messages.size > MOST_KEPT && first !== undefined) messages.delete(first);
    const looked = this.#visible && keyOf(place) === keyOf(this.#place);
    if (!looked && message.person !== room?.you) {
      if (!place.to) this.#unread.set(keyOf(place), (this.#unread.get(keyOf(place)) ?? 0) + 1);
      const what = place.to ? 'wrote to you alone' : message.mentions?.includes(room?.you ?? '') ? 'mentioned you in the chat' : null;
      if (what) toast(`${message.name} ${what}.`, { action: { label: 'Read', run: () => this.#read(place) }, signal: this.setting.signal });
      this.setting.changed();
    }
    if (place.to) this.#countAlone();
    this.#drawPlaces();
    if (keyOf(place) === keyOf(this.#place)) this.#draw();
  }

  /** @param {Place} place */
  #read(place) {
    this.#go(keyOf(place));
    this.setting.open(this.key);
  }

  /** @param {ChatMessage} message */
  #change(message) {
    const messages = this.#messages[message.channel ?? 'everyone'];
    if (!messages.has(message.number)) return;
    if (message.text) messages.set(message.number, message);
    else messages.delete(message.number);
    if (message.channel === 'private') this.#countAlone();
    this.#draw();
  }

  #draw() {
    const place = keyOf(this.#place);
    const all = this.#messages[this.#place.channel];
    const messages = this.#found ?? [...all.values()].filter((message) => keyOf(this.#placeOf(message)) === place).sort((one, other) => one.number - other.number);
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    clear(this.log);
    if (messages.length === 0) this.log.append(nothing(this.#found ? 'search' : 'chat', this.#found ? 'Nothing like that was written.' : 'Nothing was written yet. Say hello.'));
    if (!this.#found && this.#more.has(this.#place.channel)) this.log.prepend(h('button', { class: 'btn btn-sm btn-quiet', type: 'button', on: { click: () => void this.#earlier() } }, 'Earlier messages'));
    messages.forEach((message, index) => this.log.append(this.#entry(message, messages[index - 1])));
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  /** @param {ChatMessage} message @param {ChatMessage | undefined} former */
  #entry(message, former) {
    const { room } = this.podium;
    const follows = former?.person === message.person && message.time - former.time < TOGETHER_MS && !message.reply_to;
    const mine = message.person === room?.you;
    const more = h('button', { class: 'btn btn-icon btn-quiet btn-sm chat-more', type: 'button', aria: { label: `What to do with the message: ${message.text.slice(0, 60)}`, haspopup: 'menu', expanded: false }, data: { testid: 'chat-more' }, on: { click: () => this.#menu(message, more) } }, icon('more', 'icon-sm'));
    const entries = this.#actions(message);
    const named = message.mentions?.includes(room?.you ?? '') ?? false;
    return h('div', { class: 'chat-entry', data: { follows, testid: 'chat-message', person: message.person, number: message.number, named } },
      avatar({ id: message.person, name: message.name }, 'avatar-sm'),
      h('div', { class: 'chat-who' }, h('span', { class: 'truncate' }, mine ? 'You' : message.name), h('time', { class: 'num' }, timeWord(message.time))),
      h('div', { class: 'chat-text' }, message.reply_to ? this.#quote(message) : null, h('span', { data: { testid: 'chat-words' } }, marked(message, room)), message.edited ? h('span', { class: 'hint', data: { testid: 'chat-edited' } }, ' edited') : null),
      entries.length ? more : null);
  }

  /** @param {ChatMessage} message */
  #quote(message) {
    const former = this.#messages[message.channel ?? 'everyone'].get(message.reply_to ?? 0);
    const text = former ? `${former.name}: ${former.text}` : 'an earlier message';
    return h('div', { class: 'chat-quote truncate', data: { testid: 'chat-quote' } }, text.slice(0, 160));
  }

  /** @param {ChatMessage} message @returns {import('../ui/menu.js').Entry[]} */
  #actions(message) {
    const rights = this.setting.rights();
    const channel = message.channel ?? 'everyone';
    const mine = message.person === this.podium.room?.you;
    /** @type {import('../ui/menu.js').Entry[]} */
    const entries = [];
    if (!this.form.hidden) entries.push({ label: 'Reply', icon: 'reply', testid: 'chat-reply', run: () => this.#about(message, null) });
    if (mine && !this.form.hidden && rights.has('chat.edit:own')) entries.push({ label: 'Change', icon: 'edit', testid: 'chat-edit', run: () => this.#about(null, message) });
    if (channel === 'private' ? mine && rights.has('chat.delete:own') : mayAbout(rights, 'chat.delete', mine)) {
      entries.push({ label: 'Delete', icon: 'trash', danger: true, testid: 'chat-delete', run: () => void this.#delete(message) });
    }
    return entries;
  }

  /** @param {ChatMessage} message @param {HTMLButtonElement} button */
  #menu(message, button) {
    openMenu(button, this.#actions(message), { label: 'The message' });
  }

  /** @param {ChatMessage} message */
  async #delete(message) {
    const { number, channel = 'everyone' } = message;
    if (await ask({ title: 'Delete the message?', text: message.text.slice(0, 200), confirm: 'Delete', danger: true })) await command(this.podium, 'chat.delete', { number, channel });
  }

  async #earlier() {
    const { channel } = this.#place;
    const first = Math.min(...this.#messages[channel].keys());
    try {
      const page = await this.podium.chatHistory(first, 50, channel);
      if (!page.more) this.#more.delete(channel);
      for (const message of page.messages) this.#messages[channel].set(message.number, message);
      const height = this.log.scrollHeight;
      this.#draw();
      this.log.scrollTop = this.log.scrollHeight - height;
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
  }

  // --- searching ---------------------------------------------------------------------------------

  async #search() {
    const text = this.sought.value.trim();
    if (text.length < 2) {
      this.#found = null;
      this.#draw();
      return;
    }
    const place = this.#place;
    try {
      const { result } = await this.podium.send('chat.search', { text, channel: place.channel, limit: 50 });
      if (place !== this.#place || this.sought.value.trim() !== text) return;
      this.#found = (result?.messages ?? []).filter((/** @type {ChatMessage} */ message) => keyOf(this.#placeOf(message)) === keyOf(place));
      this.#draw();
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
  }

  #stopSearching() {
    this.sought.value = '';
    if (!this.#found) return;
    this.#found = null;
    this.#draw();
  }

  // --- writing -----------------------------------------------------------------------------------

  /** What the line is about: a reply, or another text for a message. @param {ChatMessage | null} replyTo @param {ChatMessage | null} editing */
  #about(replyTo, editing) {
    this.#replyTo = replyTo;
    if (editing) this.text.value = editing.text;
    else if (this.#editing) this.text.value = '';
    this.#editing = editing;
    this.#drawAbout();
    this.text.focus();
  }

  #drawAbout() {
    const about = this.#editing ?? this.#replyTo;
    this.about.hidden = !about;
    clear(this.about);
    if (!about) return;
    const word = this.#editing ? 'Your message' : `Reply to ${about.name}`;
    this.about.append(icon(this.#editing ? 'edit' : 'reply', 'icon-sm'), h('span', { class: 'grow truncate' }, `${word}: ${about.text}`),
      h('button', { class: 'btn btn-icon btn-quiet btn-sm', type: 'button', aria: { label: 'Never mind' }, data: { testid: 'chat-about-close' }, on: { click: () => this.#about(null, null) } }, icon('x', 'icon-sm')));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || this.mentions.key(event)) return;
    if (event.key === 'Escape' && (this.#replyTo || this.#editing)) {
      event.stopPropagation();
      this.#about(null, null);
      return;
    }
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    const place = this.#place;
    const { channel, to } = place;
    const [replyTo, editing] = [this.#replyTo, this.#editing];
    const mentions = this.mentions.take(text);
    this.text.value = '';
    this.#replyTo = this.#editing = null;
    this.#drawAbout();
    this.log.scrollTop = this.log.scrollHeight;
    try {
      if (editing) await this.podium.send('chat.edit', { number: editing.number, channel, text });
      else await this.podium.send('chat.send', { text, ...(to ? { to } : { channel }), ...(replyTo ? { reply_to: replyTo.number } : {}), ...(mentions.length ? { mentions } : {}) });
    } catch (error) {
      // Nothing a person wrote is lost: it stands in the line again, about what it was about.
      if (keyOf(place) !== keyOf(this.#place)) {
        if (!editing && !this.#drafts.get(keyOf(place))) this.#drafts.set(keyOf(place), text);
      } else if (!this.text.value) {
        this.text.value = text;
        [this.#replyTo, this.#editing] = [replyTo, editing];
        this.#drawAbout();
      }
      const wait = Number(/** @type {any} */ (error).details?.after_ms ?? 0);
      const slow = this.podium.room?.settings.slow_mode_s && wait > 1000;
      toast(slow ? `Slow mode: wait ${plural(Math.ceil(wait / 1000), 'second')}.` : refusalText(error), { kind: slow ? 'warn' : 'danger' });
    }
  }
}
