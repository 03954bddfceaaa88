/**
 * The students of a lecture: those who lead it see them beside the stage, a student sees oneself there and is told who
 * else does. Whose tracks one is told of is the server's decision; without any there is no strip.
 */

import { clear, h, setText } from '../ui/dom.js';
import { plural } from '../ui/words.js';
import { Tile } from './tile.js';

export class Students {
  /** @param {HTMLElement} root @param {import('./view.js').ConferenceView} view */
  constructor(root, view) {
    this.view = view;
    this.root = root;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    this.title = h('h2', { class: 'label' });
    this.note = h('p', { class: 'hint', data: { testid: 'students-note' } });
    this.list = h('div', { class: 'students-list scroll', tabindex: 0, role: 'group', aria: { label: 'Students' } });
    clear(root).append(h('div', { class: 'students-head' }, this.title, this.note), this.list);
    root.hidden = true;
  }

  update() {
    const room = this.view.podium.room;
    if (!room) return;
    const { students } = room;
    const shown = new Set(students.map(({ id }) => id));
    for (const [id, tile] of this.tiles) {
      if (shown.has(id)) continue;
      tile.close();
      this.tiles.delete(id);
    }
    for (const person of students) {
      const tile = this.tiles.get(person.id) ?? new Tile(person, this.view);
      if (!this.tiles.has(person.id)) this.list.append(tile.node);
      this.tiles.set(person.id, tile);
      tile.update(person);
    }
    const student = room.footing === 'lecture';
    this.root.hidden = !student && students.length === 0;
    this.root.dataset.mine = String(student);
    setText(this.title, student ? 'You in this lecture' : plural(students.length, 'student'));
    setText(this.note, student
      ? `Only the teacher and the moderators see and hear you${students.length ? '.' : ', once you switch your camera or microphone on.'}`
      : 'Only those who lead the lecture see and hear them.');
  }

  speakers() {
    for (const tile of this.tiles.values()) tile.speaking();
  }

  quality() {
    for (const tile of this.tiles.values()) tile.grade();
  }

  close() {
    for (const tile of this.tiles.values()) tile.close();
    this.tiles.clear();
    clear(this.root);
    this.root.hidden = true;
  }
}
