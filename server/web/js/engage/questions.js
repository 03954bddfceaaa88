/** The panel of questions: asking, voting, and for those who may approving, answering, showing, dismissing. */

import { ask, askText } from '../ui/dialog.js';
import { command } from '../ui/actions.js';
import { avatar } from '../ui/avatar.js';
import { h, icon } from '../ui/dom.js';
import { download, mayExport } from '../ui/download.js';
import { toast } from '../ui/toast.js';
import { plural, refusalText, timeWord } from '../ui/words.js';
import { commandButton, mayAbout, nothing, redraw } from './pieces.js';

/** @typedef {import('../types.js').Question} Question */

/** @type {[string, string, (question: Question) => boolean][]} */
const FILTERS = [
  ['all', 'All', () => true],
  ['open', 'Open', ({ answer }) => !answer],
  ['answered', 'Answered', ({ answer }) => Boolean(answer)],
];

export class Questions {
  key = 'questions';
  label = 'Questions';
  icon = 'question';
  unread = 0;
  #visible = false;
  #filter = FILTERS[0];

  /** @param {import('./pieces.js').Setting} setting */
  constructor(setting) {
    this.setting = setting;
    this.list = h('ol', { class: 'entries scroll', aria: { label: 'Questions' }, data: { testid: 'questions' } });
    this.order = h('select', { class: 'select', aria: { label: 'Order of the questions' }, data: { testid: 'questions-order' }, on: { change: () => this.draw() } },
      h('option', { value: 'votes' }, 'Most votes'), h('option', { value: 'newest' }, 'Newest'), h('option', { value: 'oldest' }, 'Oldest'));
    const filters = h('fieldset', { class: 'seg' }, h('legend', { class: 'sr-only' }, 'Which questions'), FILTERS.map((filter) =>
      h('label', {}, h('input', { type: 'radio', name: 'questions-filter', value: filter[0], checked: filter === this.#filter, data: { testid: `questions-${filter[0]}` }, on: { change: () => this.#choose(filter) } }),
        h('span', {}, filter[1]))));
    this.export = h('button', {
      class: 'btn btn-icon btn-quiet btn-sm', type: 'button', hidden: true, title: 'Download the questions', aria: { label: 'Download the questions as a table' }, data: { testid: 'questions-export' },
      on: { click: () => void download(setting.podium.room?.conference ?? '', 'reports/questions?format=csv', setting.token() ?? '') },
    }, icon('download', 'icon-sm'));
    this.text = h('textarea', {
      class: 'textarea', rows: 1, maxlength: 500, placeholder: 'Ask a question', aria: { label: 'Your question' }, data: { testid: 'question-text' },
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
    });
    this.private = h('input', { type: 'checkbox', data: { testid: 'question-private' } });
    this.form = h('form', { class: 'entry-form', on: { submit: (/** @type {Event} */ event) => void this.#ask(event) } },
      h('div', { class: 'entry-line' }, this.text, h('button', { class: 'btn btn-primary btn-icon', type: 'submit', aria: { label: 'Ask' }, data: { testid: 'question-send' } }, icon('send'))),
      h('label', { class: 'switch entry-switch' }, this.private, h('span', {}, 'Ask privately')));
    this.node = h('section', { class: 'side-body' }, h('div', { class: 'entry-tools' }, filters, this.order, this.export), this.list, this.form);
    setting.lists.addEventListener('change', (event) => {
      if (/** @type {CustomEvent} */ (event).detail === 'question') this.draw();
    });
    this.update();
  }

  /** Something happened that may be news. @param {any} event */
  happened(event) {
    const me = this.setting.podium.room?.you;
    const news = event.type === 'question.asked' ? event.question.person !== me : event.type === 'question.approved' && event.question.person !== me && !this.setting.lists.questions.has(event.question.number);
    if (!news || this.#visible) return;
    this.unread += 1;
    this.setting.changed();
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    this.unread = 0;
    this.setting.lists.want('question');
    void mayExport(this.setting.podium).then((may) => { this.export.hidden = !may || !this.setting.token(); });
    this.draw();
  }

  /** What one may do is another thing now. */
  update() {
    this.form.hidden = !this.setting.rights().has('question.ask');
    this.draw();
  }

  /** @param {typeof FILTERS[number]} filter */
  #choose(filter) {
    this.#filter = filter;
    this.draw();
  }

  draw() {
    if (!this.#visible) return;
    const all = [...this.setting.lists.questions.values()];
    const chosen = all.filter(this.#filter[2]);
    if (this.order.value !== 'oldest') chosen.reverse();
    if (this.order.value === 'votes') chosen.sort((one, other) => (other.votes ?? 0) - (one.votes ?? 0));
    const empty = all.length ? 'None of the questions is like that.' : 'No questions yet.';
    redraw(this.list, chosen.length ? chosen.map((question) => this.#entry(question)) : [h('li', {}, nothing('question', empty))]);
  }

  /** @param {Question} question */
  #entry(question) {
    const { podium } = this.setting;
    const { room } = podium;
    const mine = question.person === room?.you;
    const displayed = room?.entries.displayed?.number === question.number;
    const badges = [
      question.private ? h('span', { class: 'badge', data: { testid: 'question-is-private' } }, icon('lock'), 'Private') : null,
      question.approved === false ? h('span', { class: 'badge badge-warn', data: { testid: 'question-waits' } }, 'Waits for approval') : null,
      displayed ? h('span', { class: 'badge badge-accent', data: { testid: 'question-displayed' } }, icon('podium'), 'On the stage') : null,
    ];
    return h('li', { class: 'entry', data: { testid: 'question', number: question.number } },
      h('div', { class: 'entry-head' }, avatar({ id: question.person, name: question.name }, 'avatar-sm'),
        h('strong', { class: 'truncate' }, mine ? 'You' : question.name), h('time', { class: 'hint num' }, timeWord(question.time)), h('span', { class: 'grow' }), ...badges),
      h('p', { class: 'entry-text' }, question.text),
      question.answer ? h('div', { class: 'entry-answer', data: { testid: 'question-answer-text' } }, h('strong', {}, question.answer.name), h('p', {}, question.answer.text)) : null,
      h('div', { class: 'entry-tools-row' }, this.#tools(question, mine, displayed)));
  }

  /** @param {Question} question @param {boolean} mine @param {boolean} displayed @returns {(Node | null)[]} */
  #tools(question, mine, displayed) {
    const { podium } = this.setting;
    const rights = this.setting.rights();
    const { number, voted = false, votes = 0, text: about } = question;
    /** @param {string} name */
    const may = (name) => mayAbout(rights, name, mine);
    const everybodySees = question.approved !== false && !question.private;
    const vote = h('button', {
      class: 'btn btn-sm btn-soft entry-vote', type: 'button', data: { testid: 'question-vote' }, disabled: voted || !may('question.upvote'),
      aria: { pressed: voted, label: `${plural(votes, 'vote')}${voted ? ', yours among them' : ''}: ${about}` },
      on: { click: () => void command(podium, 'question.upvote', { question: number }) },
    }, icon('arrow-up', 'icon-sm'), h('span', { class: 'num', data: { testid: 'question-votes' } }, String(votes)));
    return [
      vote,
      question.approved === false && may('question.approve') ? commandButton(podium, 'question.approve', { question: number }, 'Approve', 'check', { kind: 'btn-primary', about }) : null,
      may('question.answer') ? h('button', {
        class: 'btn btn-sm btn-soft', type: 'button', aria: { label: `Answer in writing: ${about}` }, data: { testid: 'question.answer' }, on: { click: () => void this.#answer(question) },
      }, icon('edit', 'icon-sm'), question.answer ? 'Answer anew' : 'Answer') : null,
      displayed && rights.has('question.display') ? commandButton(podium, 'question.display', {}, 'Take down', 'arrow-down', { about, testid: 'question.take_down' }) : null,
      !displayed && everybodySees && may('question.display') ? commandButton(podium, 'question.display', { question: number }, 'Show', 'podium', { about }) : null,
      h('span', { class: 'grow' }),
      may('question.dismiss') ? h('button', {
        class: 'btn btn-sm btn-quiet btn-icon', type: 'button', title: mine ? 'Take back' : 'Dismiss', aria: { label: `${mine ? 'Take back' : 'Dismiss'}: ${about}` }, data: { testid: 'question.dismiss' },
        on: { click: () => void this.#dismiss(question, mine) },
      }, icon('trash', 'icon-sm')) : null,
    ];
  }

  /** @param {Question} question */
  async #answer(question) {
    const text = await askText({ title: 'Answer in writing', label: question.text, value: question.answer?.text, confirm: 'Answer', maxlength: 2000, lines: 4,
      hint: question.private ? 'Who asked will read it, and those who see private questions.' : 'Everybody who sees the question reads the answer.' });
    if (text) await command(this.setting.podium, 'question.answer', { question: question.number, text });
  }

  /** @param {Question} question @param {boolean} mine */
  async #dismiss(question, mine) {
    const sure = await ask({ title: mine ? 'Take your question back?' : `Dismiss the question of ${question.name}?`, text: question.text, confirm: mine ? 'Take back' : 'Dismiss', danger: true });
    if (sure) await command(this.setting.podium, 'question.dismiss', { question: question.number });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** @param {Event} event */
  async #ask(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    this.text.value = '';
    try {
      await this.setting.podium.send('question.ask', { text, private: this.private.checked });
      const held = this.setting.podium.room?.settings.questions_approved && !this.private.checked && !this.setting.rights().has('question.approve');
      if (held) toast('Your question is seen by others when a moderator has approved it.');
    } catch (error) {
      // Nothing a person wrote is lost: it stands in the line again.
      this.text.value = this.text.value || text;
      toast(refusalText(error), { kind: 'danger' });
    }
  }
}
