/** Naming people in the chat: who fits what is typed behind the sign for it, and how a message shows whom it names. */

import { clear, h } from '../ui/dom.js';
import { safeLink } from './pieces.js';

/** @typedef {import('../lib/shapes.js').Person} Person */
/** @typedef {import('../lib/shapes.js').ChatMessage} ChatMessage */

const MOST_OFFERED = 6;
// The protocol's bound.
const MOST_NAMED = 10;
const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;

export class MentionList {
  /** @type {Person[]} */ #offered = [];
  #chosen = 0;
  /** @type {Map<string, string>} who was chosen, by the name as it stands in the text */ #named = new Map();

  /** @param {HTMLTextAreaElement} text @param {() => Person[]} people who may be named */
  constructor(text, people) {
    this.text = text;
    this.people = people;
    this.node = h('ul', { class: 'chat-mentions', role: 'listbox', hidden: true, id: 'chat-mentions', aria: { label: 'Whom to name' }, data: { testid: 'chat-mentions' } });
    text.setAttribute('aria-controls', 'chat-mentions');
    text.setAttribute('aria-autocomplete', 'list');
    text.addEventListener('blur', () => window.setTimeout(() => this.#offer([]), 150));
  }

  /** Something was typed. */
  look() {
    const typed = /(?:^|\s)@([^@\n]{0,40})$/.exec(this.text.value.slice(0, this.text.selectionStart))?.[1].toLowerCase();
    const fits = typed === undefined ? [] : this.people().filter(({ name }) => name.toLowerCase().split(/\s+/).some((word) => word.startsWith(typed)) || name.toLowerCase().startsWith(typed));
    this.#offer(fits.slice(0, MOST_OFFERED));
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was meant for this list */
  key(event) {
    if (this.#offered.length === 0) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#draw((this.#chosen + step + this.#offered.length) % this.#offered.length);
    else if (event.key === 'Enter' || event.key === 'Tab') this.#choose(this.#offered[this.#chosen]);
    else if (event.key === 'Escape') this.#offer([]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** Those who are named in a text that is sent. @param {string} text @returns {string[]} */
  take(text) {
    const found = [...this.#named].filter(([name]) => text.includes(`@${name}`)).map(([, id]) => id);
    this.#named.clear();
    this.#offer([]);
    return [...new Set(found)].slice(0, MOST_NAMED);
  }

  /** @param {Person[]} people */
  #offer(people) {
    this.#offered = people;
    this.node.hidden = people.length === 0;
    this.#draw(0);
  }

  /** @param {number} chosen */
  #draw(chosen) {
    this.#chosen = chosen;
    clear(this.node).append(...this.#offered.map((person, index) => h('li', {
      role: 'option', id: `chat-mention-${index}`, aria: { selected: index === chosen }, data: { testid: 'chat-mention' },
      on: { mousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.#choose(person); } },
    }, person.name)));
    if (this.#offered.length) this.text.setAttribute('aria-activedescendant', `chat-mention-${chosen}`);
    else this.text.removeAttribute('aria-activedescendant');
  }

  /** @param {Person} person */
  #choose(person) {
    const end = this.text.selectionStart;
    const start = this.text.value.slice(0, end).lastIndexOf('@');
    this.text.setRangeText(`@${person.name} `, start, end, 'end');
    this.#named.set(person.name, person.id);
    this.#offer([]);
    this.text.focus();
  }
}

/**
 * A message's text with its links, and with the names of those it names.
 * @param {ChatMessage} message
 * @param {import('../lib/room.js').Room | null} room
 * @returns {(string | Node)[]}
 */
export function marked(message, room) {
  const names = (message.mentions ?? []).map((id) => [`@${room?.name(id)}`, id === room?.you]);
  return withLinks(message.text).flatMap((part) => {
    if (typeof part !== 'string') return [part];
    /** @type {(string | Node)[]} */
    let parts = [part];
    for (const [name, mine] of names) {
      parts = parts.flatMap((/** @type {string | Node} */ piece) => /** @type {(string | Node)[]} */ (typeof piece !== 'string' ? [piece]
        : piece.split(String(name)).flatMap((words, index) => (index ? [h('mark', { class: 'chat-name', data: { mine } }, String(name)), words] : [words]))));
    }
    return parts;
  });
}

/** @param {string} text @returns {(string | Node)[]} */
function withLinks(text) {
  /** @type {(string | Node)[]} */
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(text.slice(at, match.index), safeLink(match[0], match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}
