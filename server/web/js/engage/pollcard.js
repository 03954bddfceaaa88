/**
 * A poll as a card, on the stage and in the list alike: its options to choose from while one may answer, the results as
 * far as they are shown to one, and what one may do about it.
 */

import { command } from '../ui/actions.js';
import { ask } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { plural } from '../ui/words.js';
import { commandButton, mayAbout } from './pieces.js';

/** @typedef {import('../types.js').Poll} Poll */
/** @typedef {import('../podium.js').Podium} Podium */

/** What somebody has ticked and not sent: cards are drawn anew while others answer. @type {Map<string, Set<number>>} */
const ticked = new Map();
let made = 0;

/**
 * @param {Podium} podium
 * @param {Poll} poll
 * @param {Set<string>} rights
 * @param {(Node | null)[]} [more] further tools
 */
export function pollCard(podium, poll, rights, more = []) {
  const { state = 'prepared', answered = false } = poll;
  const mine = poll.person === podium.room?.you;
  const answers = state === 'open' && !answered && mayAbout(rights, 'poll.answer', mine);
  const tools = [...pollTools(podium, poll, rights, mine), ...more];
  return h('article', { class: 'poll', data: { testid: 'poll', number: poll.number, state }, aria: { label: `Poll: ${poll.question}` } },
    h('div', { class: 'entry-head' }, icon('poll'), h('span', { class: 'badge', data: { testid: 'poll-state' } }, { prepared: 'Prepared', open: 'Open', closed: 'Closed' }[state]),
      poll.anonymous ? h('span', { class: 'badge', title: 'Nobody is shown who chose what' }, icon('lock'), 'Anonymous') : null,
      h('span', { class: 'grow' }), h('span', { class: 'hint num', data: { testid: 'poll-answers' } }, poll.counts?.length ? plural(poll.answers ?? 0, 'answer') : '')),
    h('p', { class: 'entry-text poll-question' }, poll.question),
    answers ? form(podium, poll) : results(poll),
    tools.some(Boolean) ? h('div', { class: 'entry-tools-row' }, tools) : null);
}

/** @param {Podium} podium @param {Poll} poll */
function form(podium, poll) {
  made += 1;
  const name = `poll-${made}`;
  const key = `${podium.room?.conference}/${poll.number}`;
  const chosen = ticked.get(key) ?? new Set();
  ticked.set(key, chosen);
  const send = h('button', { class: 'btn btn-sm btn-primary', type: 'submit', disabled: chosen.size === 0, data: { testid: 'poll-answer' } }, 'Answer');
  /** @param {number} index @param {boolean} yes */
  const choose = (index, yes) => {
    if (!poll.multiple) chosen.clear();
    if (yes) chosen.add(index);
    else chosen.delete(index);
    send.disabled = chosen.size === 0;
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    send.disabled = true;
    if (await command(podium, 'poll.answer', { poll: poll.number, chosen: [...chosen] })) ticked.delete(key);
    else send.disabled = false;
  };
  return h('form', { class: 'poll-form', on: { submit: (/** @type {Event} */ event) => void submit(event) } },
    h('fieldset', { class: 'poll-options' }, h('legend', { class: 'sr-only' }, poll.question),
      poll.options.map((option, index) => h('label', { class: 'poll-option' },
        h('input', {
          type: poll.multiple ? 'checkbox' : 'radio', name, checked: chosen.has(index), data: { testid: `poll-option-${index}` },
          on: { change: (/** @type {any} */ event) => choose(index, event.target.checked) },
        }), h('span', { class: 'grow' }, option), poll.counts?.length ? h('span', { class: 'num poll-share' }, poll.counts[index]) : null))),
    h('div', { class: 'entry-tools-row' }, send, h('span', { class: 'hint' }, [poll.multiple ? 'Choose one or more.' : '', poll.live === false ? 'Results are shown at the end.' : ''].join(' ').trim())));
}

/** @param {Poll} poll */
function results(poll) {
  const { counts = [], answers = 0, chosen = [] } = poll;
  const note = poll.state === 'open' && poll.answered ? 'You have answered.' : '';
  return h('div', { class: 'poll-results', data: { testid: 'poll-results' } },
    h('ul', {}, poll.options.map((option, index) => {
      const share = counts.length && answers ? Math.round((100 * counts[index]) / answers) : 0;
      const bar = h('span', { class: 'poll-bar', aria: { hidden: true } });
      bar.style.width = `${share}%`;
      return h('li', { class: 'poll-result', data: { testid: `poll-result-${index}`, chosen: chosen.includes(index) } }, bar,
        h('span', { class: 'grow' }, option, chosen.includes(index) ? h('span', { class: 'sr-only' }, ' (your choice)') : null),
        chosen.includes(index) ? icon('check', 'icon-sm') : null,
        counts.length ? h('span', { class: 'num poll-share' }, `${counts[index]} · ${share} %`) : null);
    })),
    note ? h('p', { class: 'hint', data: { testid: 'poll-note' } }, `${note}${counts.length ? '' : ' Results are shown at the end.'}`) : null);
}

/** @param {Podium} podium @param {Poll} poll @param {Set<string>} rights @param {boolean} mine @returns {(Node | null)[]} */
function pollTools(podium, poll, rights, mine) {
  const fields = { poll: poll.number };
  const about = poll.question;
  const remove = async () => {
    if (await ask({ title: 'Remove the poll?', text: `“${poll.question}” goes with everything that was answered.`, confirm: 'Remove', danger: true })) await command(podium, 'poll.remove', fields);
  };
  return [
    poll.state !== 'open' && poll.state !== 'closed' && mayAbout(rights, 'poll.launch', mine) ? commandButton(podium, 'poll.launch', fields, 'Launch', 'play', { kind: 'btn-primary', about }) : null,
    poll.state === 'open' && mayAbout(rights, 'poll.close', mine) ? commandButton(podium, 'poll.close', fields, 'Close the poll', 'end', { about }) : null,
    mayAbout(rights, 'poll.remove', mine) ? h('button', {
      class: 'btn btn-sm btn-quiet btn-icon', type: 'button', title: 'Remove', aria: { label: `Remove: ${about}` }, data: { testid: 'poll.remove' }, on: { click: () => void remove() },
    }, icon('trash', 'icon-sm')) : null,
  ];
}
