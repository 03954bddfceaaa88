/** Connection quality as bars and as words: nobody needs to see colours, and screen readers are told the word. */

import { h, setText } from './dom.js';

/** @typedef {import('../lib/shapes.js').Quality} Quality */

/** The words, the worst first. @type {Record<string, string>} */
export const GRADES = { lost: 'Lost', poor: 'Poor', good: 'Good', excellent: 'Excellent' };

/** @param {number | undefined} kbps below 0: not known yet */
export function rateWord(kbps = 0) {
  if (kbps < 0) return '…';
  return kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${Math.round(kbps)} kbit/s`;
}

/** A score as people read it; nothing is known of 0. @param {number | undefined} score */
export const scoreWord = (score) => (score ? score.toFixed(1) : '–');

/** What is known of a connection, line by line, the word first. @param {Quality | undefined} known @returns {string[]} */
export function qualityLines(known) {
  if (!known) return ['No measure'];
  const lines = [GRADES[known.grade]];
  if (known.grade === 'lost') return [...lines, 'Nothing is heard of them'];
  if (known.sent || known.received) lines.push(`sends ${scoreWord(known.sent)}, receives ${scoreWord(known.received)} of 5`);
  lines.push(`${(known.loss ?? 0).toFixed(1)} % lost, ${known.rtt_ms ?? 0} ms round trip`);
  lines.push(`${rateWord(known.up_kbps)} up, ${rateWord(known.down_kbps)} down`);
  return lines;
}

/** Three bars, and the word beside them where it is a warning. */
export class QualityBars {
  constructor() {
    this.word = h('span', { class: 'quality-word', hidden: true });
    this.node = h('span', { class: 'quality', role: 'img', hidden: true, data: { testid: 'quality' } }, h('i'), h('i'), h('i'), this.word);
  }

  /** @param {Quality | undefined} known @param {string} whose as in `Connection of Anna` */
  show(known, whose) {
    this.node.hidden = !known;
    if (!known) return;
    const lines = qualityLines(known);
    this.node.dataset.grade = known.grade;
    this.node.title = lines.join('\n');
    this.node.setAttribute('aria-label', `Connection of ${whose}: ${lines.join(', ')}`);
    this.word.hidden = known.grade !== 'poor' && known.grade !== 'lost';
    setText(this.word, lines[0]);
  }
}
