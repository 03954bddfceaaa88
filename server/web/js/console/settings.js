// What concerns the conference as a whole: its settings, its end.

import { h } from '../ui/dom.js';
import { formDialog } from './formdialog.js';

/** @typedef {import('../podium.js').Podium} Podium */

// The design's cap of the stage: a setting may lower it, nothing raises it.
const STAGE_PLACES = 36;

/** @param {Podium} podium */
export function settingsDialog(podium) {
  const room = podium.room;
  if (!room) return;
  const title = h('input', {
    class: 'input',
    id: 'settings-title',
    maxlength: '120',
    value: room.title,
    autocomplete: 'off',
    data: { testid: 'settings-title' },
  });
  const places = h('input', {
    class: 'input num',
    id: 'settings-places',
    type: 'number',
    min: '1',
    max: String(STAGE_PLACES),
    value: String(room.stagePlaces),
    'aria-describedby': 'settings-places-hint',
    data: { testid: 'settings-places' },
  });
  formDialog({
    title: 'Settings',
    testid: 'settings-dialog',
    confirm: 'Save',
    body: [
      h('div', { class: 'field' }, h('label', { for: 'settings-title' }, 'Title'), title),
      h(
        'div',
        { class: 'field' },
        h('label', { for: 'settings-places' }, 'Places on the stage'),
        places,
        h(
          'p',
          { class: 'hint', id: 'settings-places-hint' },
          `1 to ${STAGE_PLACES}. ${room.stage.length} taken now; lowering it takes nobody down.`,
        ),
      ),
    ],
    run: async () => {
      const number = Number(places.value);
      const wanted = title.value.trim();
      if (!wanted) return 'The conference needs a title.';
      if (!Number.isInteger(number) || number < 1 || number > STAGE_PLACES)
        return `The stage has 1 to ${STAGE_PLACES} places.`;
      /** @type {{title?: string, stage_places?: number}} */
      const changed = {};
      if (wanted !== room.title) changed.title = wanted;
      if (number !== room.stagePlaces) changed.stage_places = number;
      if (Object.keys(changed).length) await podium.send('conference.settings', changed);
      return undefined;
    },
  });
}

/** @param {Podium} podium */
export function endDialog(podium) {
  const count = podium.room?.count ?? 0;
  formDialog({
    title: 'End the conference for everybody?',
    testid: 'end-dialog',
    confirm: 'End for everybody',
    danger: true,
    body: [
      h(
        'p',
        { class: 'dim' },
        `${count === 1 ? 'One person is' : `${count} people are`} in it. Everybody is told and disconnected, at once.`,
      ),
      h('p', { class: 'hint' }, 'Roles are kept. The conference opens again when an organizer comes back.'),
    ],
    run: async () => void (await podium.send('conference.end')),
  });
}
