/** Emoji that rise over the stage and are gone; in a crowd a handful stands for many. */

import { command } from '../ui/actions.js';
import { h } from '../ui/dom.js';

export const EMOJIS = ['👏', '❤️', '😂', '🎉', '👍', '👎', '😮', '🤔'];
const MOST_AT_ONCE = 10;
const LIFE_MS = 3_600;

export class Reactions {
  /** @param {HTMLElement} stage @param {import('../podium.js').Podium} podium */
  constructor(stage, podium) {
    this.podium = podium;
    this.node = h('div', { class: 'reactions', aria: { hidden: true }, data: { testid: 'reactions' } });
    stage.append(this.node);
  }

  /** @param {import('../lib/shapes.js').Message} signal */
  show({ counts, person }) {
    for (const [emoji, count] of Object.entries(counts ?? {})) {
      const shown = Math.min(Number(count), MOST_AT_ONCE);
      for (let index = 0; index < shown; index += 1) this.#rise(emoji, person, index * 90);
    }
  }

  /** @param {string} emoji @param {string | undefined} person @param {number} delay */
  #rise(emoji, person, delay) {
    const mine = person === this.podium.room?.you;
    const node = h('span', { data: { testid: 'reaction' } }, emoji, person ? h('small', {}, mine ? 'You' : this.podium.room?.name(person)) : null);
    node.style.left = `${8 + Math.random() * 76}%`;
    node.style.animationDelay = `${delay}ms`;
    this.node.append(node);
    window.setTimeout(() => node.remove(), LIFE_MS + delay);
  }

  close() {
    this.node.remove();
  }
}

/** @param {import('../podium.js').Podium} podium @param {HTMLElement} anchor the button whose popover this fills */
export function reactionPicker(podium, anchor) {
  const picker = h('div', { class: 'menu emojis', popover: 'auto', role: 'group', aria: { label: 'Reactions' }, data: { testid: 'reaction-picker' } },
    EMOJIS.map((emoji, index) => h('button', {
      type: 'button', aria: { label: `React with ${emoji}` }, data: { testid: `emoji-${index}` },
      on: { click: () => void command(podium, 'reaction.send', { emoji }) },
    }, emoji)));
  document.body.append(picker);
  const toggle = () => {
    picker.togglePopover();
    const at = anchor.getBoundingClientRect();
    const { width, height } = picker.getBoundingClientRect();
    picker.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, at.left + at.width / 2 - width / 2))}px`;
    picker.style.top = `${at.top - height - 10}px`;
  };
  picker.addEventListener('toggle', (event) => anchor.setAttribute('aria-expanded', String(/** @type {ToggleEvent} */ (event).newState === 'open')));
  return { picker, toggle };
}
