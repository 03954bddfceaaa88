// Why somebody may do something, or may not: the server's own reasons, rule by rule.

import { openDialog } from '../ui/dialog.js';
import { h } from '../ui/dom.js';
import { refusalText, roleWord } from '../ui/words.js';
import { field, select } from '../ui/fields.js';

/** @typedef {import('../podium.js').Podium} Podium */
/** @typedef {import('../lib/shapes.js').Person} Person */

/** What is asked about most; the second list needs somebody it is done to. @type {[string, string][]} */
const ALONE = [
  ['stage.request', 'go on the stage, or ask for it'],
  ['media.publish', 'send camera and microphone'],
  ['remark.request', 'ask for a turn to speak'],
  ['chat.send', 'write in the chat'],
  ['conference.start', 'begin the conference'],
  ['conference.end', 'end the conference'],
  ['conference.settings', 'change the settings'],
  ['conference.layout', 'lay the stage out for everybody'],
  ['media.mute_all:audio', 'mute everybody'],
];
/** @type {[string, string][]} */
const TOWARDS = [
  ['media.mute:audio', 'mute'],
  ['media.unmute:audio', 'unmute'],
  ['media.lock:audio', 'lock the microphone of'],
  ['stage.grant', 'give a place on the stage to'],
  ['stage.invite', 'invite to the stage'],
  ['stage.take_down', 'take down'],
  ['participant.remove', 'remove'],
  ['participant.block', 'block'],
  ['role.assign:moderator', 'appoint as moderator'],
  ['role.assign:viewer', 'make a viewer of'],
];

/**
 * @param {Podium} podium
 * @param {Person} person
 */
export async function explainDialog(podium, person) {
  const room = podium.room;
  if (!room) return;
  const command = select('explain-command', [...ALONE, ...TOWARDS], ALONE[0][0]);
  const others = [...room.people.values()].filter(({ id }) => id !== person.id);
  const target = select(
    'explain-target',
    others.map(({ id, name }) => [id, name]),
    others[0]?.id ?? '',
  );
  const whom = field(target, 'Whom?');
  const answer = h('div', { class: 'console-explained', role: 'status', data: { testid: 'explained' } });
  let asked = 0;
  const ask = async () => {
    const towards = TOWARDS.some(([name]) => name === command.value);
    whom.hidden = !towards;
    asked += 1;
    const mine = asked;
    try {
      const about = person.id === room.you ? {} : { about: person.id };
      const to = towards && target.value ? { target: target.value } : {};
      const { result } = await podium.send('explain', { command: command.value, ...about, ...to });
      if (mine === asked) answer.replaceChildren(...explained(result));
    } catch (error) {
      if (mine === asked) answer.replaceChildren(h('p', { class: 'error-text' }, refusalText(error)));
    }
  };
  for (const one of [command, target]) one.addEventListener('change', () => void ask());
  void ask();
  await openDialog({
    title: `What may ${person.name} do?`,
    testid: 'explain-dialog',
    body: [h('div', { class: 'stack' }, field(command, `May ${person.name} …`), whom, answer)],
    actions: [{ label: 'Done', kind: 'primary' }],
  });
}

/** @param {any} result @returns {Node[]} */
function explained(result) {
  const yes = result?.allowed === true;
  return [
    h(
      'p',
      {},
      h('span', { class: `badge ${yes ? 'badge-ok' : 'badge-danger'}` }, yes ? 'Yes' : 'No'),
      result?.role ? ` as ${roleWord(result.role).toLowerCase()}` : '',
    ),
    h('p', { class: 'hint' }, result?.message ?? ''),
  ];
}
