/** Devices, picture quality and theme during the conference. */

import * as devices from '../lib/devices.js';
import * as storage from '../lib/storage.js';
import { openDialog } from '../ui/dialog.js';
import { h } from '../ui/dom.js';
import { meterOf, watchLevel } from '../ui/meter.js';
import { setTheme, theme } from '../ui/theme.js';
import { toast } from '../ui/toast.js';
import { refusalText } from '../ui/words.js';
import { DevicePicker } from './devicepicker.js';
import { show } from './tile.js';

/** @typedef {import('./view.js').ConferenceView} View */

/** @param {View} view */
export async function openSettings(view) {
  const { media } = view.podium;
  const chosen = { ...media.chosen, speaker: view.sound.speaker };
  const preview = h('video', { class: 'settings-preview', autoplay: true, playsinline: true, aria: { label: 'Your camera' } });
  preview.muted = true;
  const meter = h('div', { class: 'meter', aria: { hidden: true } });
  const picker = new DevicePicker((which, id) => void choose(which, id));
  let unwatch = () => undefined;

  const draw = async () => {
    preview.hidden = !media.local.has('video');
    show(preview, media.local.get('video') ?? null);
    unwatch();
    const mic = media.local.get('audio');
    meter.hidden = !mic;
    unwatch = mic ? /** @type {() => undefined} */ (watchLevel(mic, meterOf(meter))) : () => undefined;
    picker.update(await devices.list(), chosen);
  };

  /** @param {'audio' | 'video' | 'speaker'} which @param {string} id */
  const choose = async (which, id) => {
    chosen[which] = id;
    storage.setChoices({ ...storage.choices(), [which]: id });
    try {
      if (which === 'speaker') view.sound.choose(id);
      else await media.choose(which, id);
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
    await draw();
  };

  await draw();
  await openDialog({
    title: 'Settings',
    body: h('div', { class: 'stack' }, preview, picker.node, meter, qualityChoice(view), themeChoice()),
    actions: [{ label: 'Done', kind: 'primary' }],
    testid: 'settings',
  });
  unwatch();
  show(preview, null);
}

/** @param {View} view */
function qualityChoice({ podium }) {
  const words = { low: 'Saving data', standard: 'Standard', high: 'High' };
  return segments('Camera picture', 'quality', words, podium.media.cameraQuality, (value) => {
    storage.setChoices({ ...storage.choices(), quality: value });
    podium.media.setCameraQuality(/** @type {devices.CameraQuality} */ (value)).catch((error) => toast(refusalText(error), { kind: 'warn' }));
  });
}

function themeChoice() {
  return segments('Theme', 'theme', { auto: 'System', light: 'Light', dark: 'Dark' }, theme(), (value) => setTheme(/** @type {import('../ui/theme.js').Theme} */ (value)));
}

/** @param {string} label @param {string} name @param {Record<string, string>} words @param {string} value @param {(value: string) => void} choose */
function segments(label, name, words, value, choose) {
  const id = `setting-${name}`;
  return h('div', { class: 'field' }, h('span', { class: 'label', id }, label),
    h('div', { class: 'seg', role: 'radiogroup', aria: { labelledby: id } }, Object.entries(words).map(([key, word]) =>
      h('label', {}, h('input', { type: 'radio', name, value: key, checked: key === value, on: { change: () => choose(key) } }), h('span', {}, word)))));
}
