/**
 * Turns to speak: who speaks from off the stage, and for how long yet. A turn is a line over the stage with a
 * countdown; one's own is larger, with a way to end it. The microphone is switched on when a turn begins; that it goes
 * off is the room's doing (lib/media.js).
 */

import { command } from '../ui/actions.js';
import { avatar } from '../ui/avatar.js';
import { clear, h, icon, setText } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';

// The seconds shown change within this time of the clock.
const TICK_MS = 250;
// From here on the end is near, and the line says so by its colour; a short turn is not near its end all the time.
const NEARLY_OVER_MS = 10_000;
const NEARLY_OVER_PART = 0.3;

/** @typedef {{node: HTMLElement, text: HTMLElement, seconds: HTMLElement, end: HTMLButtonElement}} Line */

export class Turns {
  /** @type {Map<string, Line>} */ #lines = new Map();
  #timer = 0;

  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.root = clear(root);
    this.view = view;
  }

  update() {
    const room = this.view.podium.room;
    if (!room) return;
    for (const [id, { node }] of this.#lines) {
      if (room.remarks.has(id)) continue;
      node.remove();
      this.#lines.delete(id);
    }
    for (const id of room.remarks.keys()) {
      if (!this.#lines.has(id)) this.#begin(id);
    }
    this.#tick();
    const runs = this.#lines.size > 0;
    if (runs && !this.#timer) this.#timer = window.setInterval(() => this.#tick(), TICK_MS);
    if (!runs) this.#stop();
  }

  /** @param {string} id */
  #begin(id) {
    const { podium } = this.view;
    const mine = id === podium.room?.you;
    const name = podium.room?.name(id) ?? '';
    const text = h('span', { class: 'truncate', data: { testid: 'turn-text' } });
    // However long a name is, the clock is seen.
    const seconds = h('span', { class: 'turn-seconds num', role: 'timer', aria: { live: 'off' } });
    const end = h('button', {
      class: 'btn btn-sm', type: 'button', hidden: true, data: { testid: 'turn-end' }, aria: { label: mine ? 'Stop speaking' : `End the turn of ${name}` },
      on: { click: () => void command(podium, 'remark.end', mine ? {} : { target: id }) },
    }, mine ? 'Stop' : 'End');
    const node = h('div', { class: 'turn', data: { testid: 'turn', person: id, mine } }, mine ? icon('mic') : avatar({ id, name }, 'avatar-sm'), text, seconds, end);
    this.#lines.set(id, { node, text, seconds, end });
    this.root.append(node);
  }

  #tick() {
    const { room } = this.view.podium;
    if (!room) return;
    this.view.permissions.want([...this.#lines.keys()].filter((id) => room.moderates && id !== room.you));
    const whole = (room.settings.remark_s ?? 60) * 1000;
    for (const [id, { node, text, seconds, end }] of this.#lines) {
      const left = room.turnLeft(id);
      const mine = id === room.you;
      const heard = !room.me?.muted.includes('audio') && this.view.podium.media.state('audio') === 'on';
      setText(text, mine ? (heard ? 'You are heard' : 'Your microphone is off') : `${room.name(id)} speaks for`);
      setText(seconds, `${Math.ceil(left / 1000)} s`);
      node.dataset.nearly = String(left <= Math.min(NEARLY_OVER_MS, whole * NEARLY_OVER_PART));
      node.dataset.speaking = String((room.levels.get(id) ?? 0) > 0);
      end.hidden = mine ? !this.view.rights.has('remark.end') : !this.view.permissions.of(id).has('remark.end');
    }
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  /**
   * Asking for a turn. The browser asks for the microphone now, while nobody waits for the first word; it is closed
   * again until the turn begins.
   */
  async ask() {
    const { podium } = this.view;
    try {
      await podium.media.tryMicrophone();
      await podium.send('remark.request');
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
  }

  /** One's own turn has begun. */
  async granted() {
    try {
      await this.view.podium.media.unmute('audio');
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
  }

  close() {
    this.#stop();
    clear(this.root);
  }
}
