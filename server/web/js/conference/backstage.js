/** A line over the stage while the conference is held back: who is here is among themselves, and somebody may begin. */

import { command } from '../ui/actions.js';
import { clear, h, icon } from '../ui/dom.js';
import { plural } from '../ui/words.js';

export class Backstage {
  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.root = clear(root);
    this.view = view;
    this.text = h('span', { class: 'grow' });
    this.button = h('button', {
      class: 'btn btn-sm btn-primary', type: 'button', data: { testid: 'start' },
      on: { click: () => void command(view.podium, 'conference.start') },
    }, icon('play', 'icon-sm'), 'Start the conference');
    root.append(h('div', { class: 'banner banner-info', data: { testid: 'backstage' } }, icon('clock'), this.text, this.button));
    root.hidden = true;
  }

  update() {
    const room = this.view.podium.room;
    if (!room) return;
    this.root.hidden = !room.heldBack;
    this.button.hidden = !this.view.rights.has('conference.start');
    const waiting = [...room.lobby.values()].filter(({ reason }) => reason === 'backstage').length;
    const sentence = `Backstage: you are among yourselves. ${waiting ? `${plural(waiting, 'viewer')} wait${waiting === 1 ? 's' : ''}` : 'Viewers wait'} until the conference begins.`;
    if (this.text.textContent !== sentence) this.text.textContent = sentence;
  }

  close() {
    clear(this.root);
    this.root.hidden = true;
  }
}
