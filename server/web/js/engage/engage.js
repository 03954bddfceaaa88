/** Chat, questions, polls and links of a conference: their panels, and how much of them waits to be looked at. */

import { Chat } from './chat.js';
import { Links } from './links.js';
import { Lists } from './lists.js';
import { Polls } from './polls.js';
import { Questions } from './questions.js';

export class Engage {
  /** What one may do when the panels were drawn last. */ #drawnFor = '';

  /**
   * @param {object} options
   * @param {import('../podium.js').Podium} options.podium
   * @param {() => Set<string>} options.rights the commands one may give now, as `can` names them
   * @param {() => string | null} options.token with which reports are fetched
   * @param {() => void} options.changed the number of what is unread is another one
   * @param {(key: string) => void} options.open shows the panel of this name
   * @param {AbortSignal} [options.signal]
   */
  constructor({ podium, rights, token, changed, open, signal }) {
    this.podium = podium;
    this.rights = rights;
    const setting = { podium, lists: new Lists(podium, signal), rights, token, changed, open, signal };
    this.chat = new Chat(setting);
    this.questions = new Questions(setting);
    this.polls = new Polls(setting);
    this.links = new Links(setting);
    this.parts = [this.questions, this.polls, this.links];
    podium.addEventListener('event', (message) => {
      const { event } = /** @type {CustomEvent} */ (message).detail;
      for (const part of [this.chat, ...this.parts]) part.happened(event);
    }, { signal });
    podium.addEventListener('signal', (message) => this.chat.heard(/** @type {CustomEvent} */ (message).detail), { signal });
    podium.addEventListener('resync', () => this.chat.refresh(), { signal });
    podium.addEventListener('state', (message) => {
      if (/** @type {CustomEvent} */ (message).detail.state === 'open') this.chat.refresh();
    }, { signal });
  }

  /** How much beside the chat was not looked at. */
  get unread() {
    return this.parts.reduce((sum, { unread }) => sum + unread, 0);
  }

  /** The room or one's rights may be others. */
  update() {
    const rights = [...this.rights()].sort().join(' ');
    if (rights === this.#drawnFor) return;
    this.#drawnFor = rights;
    for (const part of [this.chat, ...this.parts]) part.update();
  }
}
