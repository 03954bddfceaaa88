/** What is put on the stage for everybody to read: the question, the link, the polls that are open, and what came of the last. */

import { clear, h, icon } from '../ui/dom.js';
import { plural } from '../ui/words.js';
import { commandButton, redraw, safeLink } from './pieces.js';
import { pollCard } from './pollcard.js';

export class Board {
  #drawn = '';

  /** @param {HTMLElement} root @param {{podium: import('../podium.js').Podium, rights: Set<string>}} view */
  constructor(root, view) {
    this.root = clear(root);
    this.view = view;
  }

  update() {
    const { podium, rights } = this.view;
    const { room } = podium;
    if (!room) return;
    const { displayed, promoted, polls, result } = room.entries;
    // Drawn anew where something of it is other: whoever chooses an option is not disturbed by somebody's coming.
    const drawn = JSON.stringify([displayed, promoted, [...polls.values()], result, [...rights].filter((name) => /^(question|link|poll)\./.test(name)).sort()]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const cards = [
      displayed ? this.#question(displayed) : null,
      promoted ? this.#link(promoted) : null,
      ...[...polls.values()].map((poll) => pollCard(podium, poll, rights)),
      result && !polls.has(result.number) ? this.#result(result) : null,
    ].filter((card) => card !== null);
    redraw(this.root, cards.map((card) => h('div', { class: 'board-card' }, card)));
    this.root.hidden = cards.length === 0;
  }

  /** @param {import('../types.js').Question} question */
  #question(question) {
    const { podium, rights } = this.view;
    const { votes = 0, answer } = question;
    return h('article', { data: { testid: 'board-question', number: question.number }, aria: { label: 'The question on the stage' } },
      h('div', { class: 'entry-head' }, icon('question'), h('strong', { class: 'truncate' }, question.name), h('span', { class: 'hint' }, votes ? plural(votes, 'vote') : ''), h('span', { class: 'grow' }),
        rights.has('question.display') ? commandButton(podium, 'question.display', {}, 'Take the question down', 'x', { kind: 'btn-quiet', quiet: true, testid: 'board-question-down' }) : null),
      h('p', { class: 'board-text' }, question.text),
      answer ? h('div', { class: 'entry-answer' }, h('strong', {}, answer.name), h('p', {}, answer.text)) : null);
  }

  /** @param {import('../types.js').Link} link */
  #link(link) {
    const { podium, rights } = this.view;
    return h('article', { data: { testid: 'board-link', number: link.number }, aria: { label: 'The link on the stage' } },
      h('div', { class: 'entry-head' }, icon('link'), h('strong', { class: 'truncate' }, link.name), h('span', { class: 'grow' }),
        rights.has('link.promote') ? commandButton(podium, 'link.promote', {}, 'Take the link down', 'x', { kind: 'btn-quiet', quiet: true, testid: 'board-link-down' }) : null),
      h('p', { class: 'board-text' }, safeLink(link.url, link.title, { data: { testid: 'board-link-open' } })),
      h('p', { class: 'hint truncate' }, link.url));
  }

  /** @param {import('../types.js').Poll} poll */
  #result(poll) {
    const { podium, rights } = this.view;
    const hide = () => {
      if (podium.room) podium.room.entries.result = null;
      this.update();
    };
    return pollCard(podium, poll, rights, [h('button', { class: 'btn btn-sm btn-soft', type: 'button', data: { testid: 'board-result-hide' }, on: { click: hide } }, 'Hide')]);
  }

  close() {
    clear(this.root).hidden = true;
  }
}
