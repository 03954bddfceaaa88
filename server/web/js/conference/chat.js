/** The chat: what was written, oldest first, and a line to write. Messages are numbered, so none is shown twice. */

import { avatar } from '../ui/avatar.js';
import { clear, h, icon } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { refusalText, timeWord } from '../ui/words.js';

/** @typedef {import('../lib/shapes.js').ChatMessage} ChatMessage */

// Messages of one person within this time stand under one name.
const TOGETHER_MS = 4 * 60_000;
const MOST_KEPT = 500;
const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;

export class Chat {
  key = 'chat';
  label = 'Chat';
  icon = 'chat';
  /** @type {Map<number, ChatMessage>} */ #messages = new Map();
  #more = false;
  #visible = false;

  /** @param {import('../podium.js').Podium} podium */
  constructor(podium) {
    this.podium = podium;
    this.unread = 0;
    this.log = h('div', { class: 'chat-log scroll', role: 'log', tabindex: 0, aria: { label: 'Messages' }, data: { testid: 'chat-log' } });
    this.text = h('textarea', {
      class: 'textarea', rows: 1, maxlength: 2000, placeholder: 'Write to everybody', aria: { label: 'Message' }, data: { testid: 'chat-text' },
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
    });
    this.button = h('button', { class: 'btn btn-primary btn-icon', type: 'submit', aria: { label: 'Send' }, data: { testid: 'chat-send' } }, icon('send'));
    this.form = h('form', { class: 'chat-form', on: { submit: (/** @type {Event} */ event) => void this.#send(event) } }, this.text, this.button);
    this.node = h('section', { class: 'side-body' }, this.log, this.form);
    this.#draw();
    void this.refresh();
  }

  /** What was written so far, and after a break what was missed. */
  async refresh() {
    const page = await this.podium.chatHistory().catch(() => null);
    if (!page) return;
    const known = this.#messages.size > 0;
    if (!known) this.#more = page.more;
    for (const message of page.messages) this.#messages.set(message.number, message);
    this.#draw();
  }

  /** @param {ChatMessage} message */
  receive(message) {
    if (this.#messages.has(message.number)) return;
    this.#messages.set(message.number, message);
    const first = this.#messages.keys().next().value;
    if (this.#messages.size > MOST_KEPT && first !== undefined) this.#messages.delete(first);
    if (!this.#visible && message.person !== this.podium.room?.you) this.unread += 1;
    this.#draw();
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    this.unread = 0;
    this.log.scrollTop = this.log.scrollHeight;
    this.text.focus();
  }

  #draw() {
    const messages = [...this.#messages.values()].sort((one, other) => one.number - other.number);
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    clear(this.log);
    if (messages.length === 0) {
      this.log.append(h('div', { class: 'empty' }, icon('chat'), h('p', {}, 'Nothing was written yet. Say hello.')));
      return;
    }
    if (this.#more) this.log.append(h('button', { class: 'btn btn-sm btn-quiet', type: 'button', on: { click: () => void this.#earlier() } }, 'Earlier messages'));
    messages.forEach((message, index) => this.log.append(this.#entry(message, messages[index - 1])));
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  /** @param {ChatMessage} message @param {ChatMessage | undefined} former */
  #entry(message, former) {
    const follows = former?.person === message.person && message.time - former.time < TOGETHER_MS;
    const mine = message.person === this.podium.room?.you;
    return h('div', { class: 'chat-entry', data: { follows, testid: 'chat-message', person: message.person } },
      avatar({ id: message.person, name: message.name }, 'avatar-sm'),
      h('div', { class: 'chat-who' }, h('span', { class: 'truncate' }, mine ? 'You' : message.name), h('time', { class: 'num' }, timeWord(message.time))),
      h('div', { class: 'chat-text' }, withLinks(message.text)));
  }

  async #earlier() {
    const [first] = [...this.#messages.keys()].sort((one, other) => one - other);
    try {
      const page = await this.podium.chatHistory(first);
      this.#more = page.more;
      for (const message of page.messages) this.#messages.set(message.number, message);
      const height = this.log.scrollHeight;
      this.#draw();
      this.log.scrollTop = this.log.scrollHeight - height;
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** @param {Event} event */
  async #send(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    this.text.value = '';
    this.log.scrollTop = this.log.scrollHeight;
    try {
      await this.podium.send('chat.send', { text });
    } catch (error) {
      // Nothing a person wrote is lost: it stands in the line again.
      this.text.value = this.text.value || text;
      toast(refusalText(error), { kind: 'danger' });
    }
  }
}

/** @param {string} text @returns {(string | Node)[]} */
function withLinks(text) {
  /** @type {(string | Node)[]} */
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(text.slice(at, match.index), h('a', { href: match[0], target: '_blank', rel: 'noopener noreferrer nofollow' }, match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}
