/** The panel of polls: preparing, launching, answering, results, and who chose what. */

import { openDialog } from '../ui/dialog.js';
import { h, icon, setText } from '../ui/dom.js';
import { field, textInput, toggle } from '../ui/fields.js';
import { formDialog } from '../ui/formdialog.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';
import { nothing, redraw } from './pieces.js';
import { pollCard } from './pollcard.js';

/** @typedef {import('../types.js').Poll} Poll */

const MOST_OPTIONS = 10;
// Who chose what is read in pages of this length, and so many of them: the rest is in the report.
const PAGE = 200;
const MOST_PAGES = 10;

export class Polls {
  key = 'polls';
  label = 'Polls';
  icon = 'poll';
  #visible = false;

  /** @param {import('./pieces.js').Setting} setting */
  constructor(setting) {
    this.setting = setting;
    this.list = h('ol', { class: 'entries scroll', aria: { label: 'Polls' }, data: { testid: 'polls' } });
    this.create = h('button', { class: 'btn btn-primary grow', type: 'button', data: { testid: 'poll-create' }, on: { click: () => this.#prepare() } }, icon('plus'), 'Prepare a poll');
    this.foot = h('div', { class: 'entry-form entry-line' }, this.create);
    this.node = h('section', { class: 'side-body' }, this.list, this.foot);
    setting.lists.addEventListener('change', (event) => {
      if (/** @type {CustomEvent} */ (event).detail === 'poll') this.draw();
    });
    this.update();
  }

  /** Open ones that wait for one's answer. */
  get unread() {
    const { rights, podium } = this.setting;
    if (!rights().has('poll.answer')) return 0;
    return [...(podium.room?.entries.polls.values() ?? [])].filter(({ answered }) => !answered).length;
  }

  /** @param {any} event */
  happened(event) {
    if (event.type.startsWith('poll.')) this.setting.changed();
  }

  /** @param {boolean} yes */
  shown(yes) {
    this.#visible = yes;
    if (!yes) return;
    this.setting.lists.want('poll');
    this.draw();
  }

  update() {
    this.foot.hidden = !this.setting.rights().has('poll.create');
    this.draw();
  }

  draw() {
    if (!this.#visible) return;
    const polls = [...this.setting.lists.polls.values()].reverse();
    redraw(this.list, polls.length ? polls.map((poll) => this.#entry(poll)) : [h('li', {}, nothing('poll', 'No polls yet.'))]);
  }

  /** @param {Poll} poll */
  #entry(poll) {
    const { podium, rights } = this.setting;
    const { room } = podium;
    const { state = 'prepared' } = poll;
    // As the server tells it: to who made the poll and to moderators, and of an anonymous one to nobody.
    const tells = state !== 'prepared' && !poll.anonymous && (room?.moderates || poll.person === room?.you);
    const who = h('button', { class: 'btn btn-sm btn-soft', type: 'button', aria: { label: `Who chose what: ${poll.question}` }, data: { testid: 'poll.answers' }, on: { click: () => void this.#answers(poll) } }, icon('people', 'icon-sm'), 'Who chose what');
    return h('li', { class: 'entry', data: { number: poll.number } }, pollCard(podium, poll, rights(), [tells ? who : null]));
  }

  /** @param {Poll} poll */
  async #answers(poll) {
    try {
      const choices = [];
      let more = true;
      for (let page = 0; more && page < MOST_PAGES; page += 1) {
        const { result } = await this.setting.podium.send('poll.answers', { poll: poll.number, limit: PAGE, ...(choices.length ? { after: choices[choices.length - 1].person } : {}) });
        choices.push(...(result?.choices ?? []));
        more = result?.more ?? false;
      }
      await openDialog({
        title: poll.question,
        testid: 'poll-choices',
        body: choices.length
          ? h('ul', { class: 'poll-choices' }, choices.map(({ name, chosen }) => h('li', { data: { testid: 'poll-choice' } }, h('strong', {}, name), h('span', { class: 'dim' }, chosen.map((/** @type {number} */ one) => poll.options[one]).join(', ')))))
          : h('p', { class: 'dim' }, 'Nobody has answered yet.'),
      });
    } catch (error) {
      toast(refusalText(error), { kind: 'danger' });
    }
  }

  #prepare() {
    const { podium, rights } = this.setting;
    const question = textInput('poll-question', 'question', '', { required: true, maxlength: 500 });
    const options = h('div', { class: 'stack poll-new-options' });
    const add = () => {
      const number = options.childElementCount + 1;
      const input = textInput(`poll-new-option-${number}`, 'options', '', { maxlength: 200, required: number <= 2 });
      options.append(field(input, `Option ${number}`));
      more.hidden = number >= MOST_OPTIONS;
      return input;
    };
    const more = h('button', { class: 'btn btn-sm btn-soft', type: 'button', data: { testid: 'poll-more-options' }, on: { click: () => add().focus() } }, icon('plus', 'icon-sm'), 'One more option');
    add();
    add();
    const multiple = toggle('poll-multiple', 'Several options may be chosen', false);
    const anonymous = toggle('poll-anonymous', 'Anonymous: nobody is shown who chose what', false);
    const live = toggle('poll-live', 'Results are seen while the poll is open', true);
    const launches = rights().has('poll.launch:own');
    const launch = toggle('poll-launch-now', 'Launch it at once', launches);
    const word = () => (launches && launch.input.checked ? 'Launch' : 'Prepare');
    const dialog = formDialog({
      title: 'Prepare a poll',
      testid: 'poll-dialog',
      confirm: word(),
      body: [field(question, 'Question'), options, more, multiple.label, anonymous.label, live.label, ...(launches ? [launch.label] : [])],
      run: async () => {
        const inputs = [...options.querySelectorAll('input')];
        const texts = inputs.map(({ value }) => value.trim()).filter(Boolean);
        const again = inputs.filter((input, at) => input.value.trim() && inputs.findIndex(({ value }) => value.trim() === input.value.trim()) < at);
        for (const input of again) input.setAttribute('aria-invalid', 'true');
        again[0]?.focus();
        if (again.length) return 'This option is there already.';
        await podium.send('poll.create', {
          question: question.value.trim(), options: texts, multiple: multiple.input.checked, anonymous: anonymous.input.checked, live: live.input.checked,
        });
        if (!launches || !launch.input.checked) return;
        const created = this.#newest();
        if (created !== undefined) await podium.send('poll.launch', { poll: created });
      },
    });
    // The button says what it does: what is launched is in front of everybody at once.
    const button = dialog.querySelector('[type=submit]');
    launch.input.addEventListener('change', () => button && setText(button, word()));
  }

  /** The number of the poll that one has just made: its event came before the answer. @returns {number | undefined} */
  #newest() {
    const { podium, lists } = this.setting;
    return [...lists.polls.values()].filter(({ person, state = 'prepared' }) => person === podium.room?.you && state === 'prepared').at(-1)?.number;
  }
}
