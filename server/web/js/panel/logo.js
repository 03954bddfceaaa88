// The logo: chosen, looked at, and only then sent.

import { ask } from '../ui/dialog.js';
import { h, icon } from '../ui/dom.js';
import { refusalText } from '../ui/words.js';
import { card } from './form.js';

/** @typedef {import('./panel.js').Panel} Panel */
/** @typedef {import('./panel.js').Profile} Profile */

// What the server takes; asked here so that nobody waits for an upload that is refused.
const MOST_BYTES = 256 * 1024;

/** @param {Panel} panel @param {Profile} profile */
export function logoCard(panel, profile) {
  let kept = profile.logo;
  /** @type {File | null} */
  let chosen = null;
  let preview = '';
  const picture = h('div', { class: 'panel-logo-place' });
  const problem = h('p', { class: 'error-text', role: 'alert', data: { testid: 'logo-error' } });
  const state = h('p', { class: 'hint', role: 'status', data: { testid: 'logo-state' } });
  const input = h('input', {
    class: 'sr-only',
    id: 'logo-file',
    type: 'file',
    accept: 'image/png,image/jpeg,image/webp',
    'aria-describedby': 'logo-hint',
    data: { testid: 'logo-file' },
    on: { change: () => choose(input.files?.[0] ?? null) },
  });
  const save = button('Use this logo', 'btn-primary', 'logo-save', () => void send());
  const back = button('Keep the old one', 'btn-quiet', 'logo-cancel', () => choose(null));
  const remove = button('Remove', 'btn-quiet', 'logo-remove', () => void take());

  function draw() {
    const shown = chosen ? preview : kept;
    picture.replaceChildren(
      shown
        ? h('img', { class: 'panel-logo', src: shown, alt: chosen ? 'The chosen picture' : 'The logo', data: { testid: 'logo' } })
        : h('span', { class: 'panel-logo panel-logo-none' }, icon('image', 'icon-lg')),
    );
    state.textContent = chosen ? `${chosen.name}: not saved yet.` : kept ? 'This is the logo.' : 'There is no logo yet.';
    save.hidden = back.hidden = chosen === null;
    remove.hidden = chosen !== null || kept === null;
  }

  /** @param {File | null} file */
  function choose(file) {
    if (preview) URL.revokeObjectURL(preview);
    problem.textContent = file && file.size > MOST_BYTES ? 'A logo has at most 256 KiB; this picture is larger.' : '';
    chosen = problem.textContent ? null : file;
    preview = chosen ? URL.createObjectURL(chosen) : '';
    input.value = '';
    draw();
    if (chosen) save.focus();
    else if (file === null) input.focus();
  }

  /** @param {() => Promise<Profile>} work */
  async function change(work) {
    save.disabled = remove.disabled = true;
    try {
      kept = (await work()).logo;
      choose(null);
    } catch (error) {
      problem.textContent = refusalText(error);
    } finally {
      save.disabled = remove.disabled = false;
    }
  }

  async function send() {
    const file = chosen;
    if (file) await change(() => panel.call('PUT', '/logo', file));
  }

  async function take() {
    const sure = await ask({ title: 'Remove the logo?', text: 'The company page shows the name alone, then.', confirm: 'Remove', danger: true });
    if (sure) await change(() => panel.call('DELETE', '/logo'));
  }

  draw();
  return card(
    'Logo',
    [
      h(
        'div',
        { class: 'panel-logo-row' },
        picture,
        h(
          'div',
          { class: 'stack stack-s grow' },
          state,
          h(
            'div',
            { class: 'row row-s row-wrap' },
            input,
            h('label', { class: 'btn panel-file', for: 'logo-file' }, icon('image'), 'Choose a picture'),
            save,
            back,
            remove,
          ),
          h('p', { class: 'hint', id: 'logo-hint' }, 'PNG, JPEG or WebP, at most 256 KiB and 4096 pixels on a side.'),
          problem,
        ),
      ),
    ],
    'logo-card',
  );
}

/** @param {string} label @param {string} look @param {string} testid @param {() => void} run */
const button = (label, look, testid, run) =>
  h('button', { class: `btn ${look}`, type: 'button', data: { testid }, on: { click: run } }, label);
