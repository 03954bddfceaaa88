/**
 * The view before the conference: who one is, how one looks and sounds, the PIN where one is asked for, and the way in,
 * with or without devices. Whoever has to wait at the door waits here, with their devices as they were.
 */

import { avatar } from '../ui/avatar.js';
import { clear, h, icon, setIcon, setText } from '../ui/dom.js';
import { meterOf, watchLevel } from '../ui/meter.js';
import { themeButton } from '../ui/theme.js';
import { PodiumError } from '../lib/errors.js';
import { refusalText } from '../ui/words.js';
import { DevicePicker } from './devicepicker.js';

/** @typedef {import('./access.js').Access} Access */
/** @typedef {import('./capture.js').Capture} Capture */
/** @typedef {import('./capture.js').Device} Device */

export class JoinView {
  /**
   * @param {object} options
   * @param {HTMLElement} options.root
   * @param {Capture} options.capture
   * @param {Access} options.access
   * @param {{title: string, running: boolean, recorded?: boolean}} options.sign what is said of the conference at its door
   * @param {string} options.name what the guest called themselves last
   * @param {(name: string, pin: string) => Promise<void>} options.join
   * @param {() => void} options.leave away from the door again
   */
  constructor({ root, capture, access, sign, name, join, leave }) {
    this.root = root;
    this.capture = capture;
    this.join = join;
    this.guest = access.kind !== 'account';
    this.video = h('video', { muted: true, autoplay: true, playsinline: true, data: { testid: 'preview' }, aria: { label: 'Your camera' } });
    this.video.muted = true;
    this.empty = h('p');
    this.buttons = { audio: this.#deviceButton('audio'), video: this.#deviceButton('video') };
    this.meter = h('span', { class: 'meter', aria: { hidden: true }, data: { testid: 'mic-level' } });
    this.level = h('div', { class: 'preview-level' }, icon('mic', 'icon-sm'), this.meter);
    this.problems = h('div', { class: 'stack stack-s', role: 'status' });
    this.picker = new DevicePicker((which, id) => void capture.choose(which, id));
    this.name = h('input', {
      class: 'input', id: 'guest-name', value: access.name || name, maxlength: 64, required: true, autocomplete: 'name',
      placeholder: 'How others see you', data: { testid: 'join-name' },
    });
    this.pin = h('input', {
      class: 'input', id: 'conference-pin', maxlength: 16, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false',
      data: { testid: 'join-pin' },
    });
    this.pinField = h('div', { class: 'field', hidden: true }, h('label', { for: 'conference-pin' }, 'PIN of the conference'), this.pin);
    this.waitText = h('p', { class: 'dim' });
    this.waitTitle = h('strong', { tabindex: -1 });
    this.waits = h('div', { class: 'join-wait', hidden: true, role: 'status', data: { testid: 'waiting' } },
      h('span', { class: 'spinner', aria: { hidden: true } }), h('div', { class: 'stack stack-s' }, this.waitTitle, this.waitText));
    this.away = h('button', { class: 'btn btn-lg btn-block', type: 'button', hidden: true, data: { testid: 'waiting-leave' }, on: { click: leave } }, 'Leave');
    this.error = h('p', { class: 'error-text', role: 'alert', data: { testid: 'join-error' } });
    this.go = h('button', { class: 'btn btn-primary btn-lg btn-block', type: 'submit', data: { testid: 'join-button' } }, 'Join');
    /** @type {MediaStreamTrack | null} */
    this.heard = null;
    /** @type {HTMLElement} */
    this.who = h('div');
    this.running = h('p');
    this.unwatch = () => undefined;
    this.changed = () => this.update();
    this.#build(access, sign);
    capture.addEventListener('change', this.changed);
    navigator.mediaDevices?.addEventListener('devicechange', this.changed);
    this.update();
    if (this.guest && !this.name.value) this.name.focus();
    else this.go.focus();
  }

  /** @param {Access} access @param {{title: string, running: boolean, recorded?: boolean}} sign */
  #build(access, { title, running, recorded }) {
    this.who = this.guest
      ? h('div', { class: 'field' }, h('label', { for: 'guest-name' }, 'Your name'), this.name)
      : h('div', { class: 'row' }, avatar({ id: access.name, name: access.name }), h('div', {},
        h('div', { class: 'hint' }, 'You join as'), h('strong', { data: { testid: 'join-as' } }, access.name)));
    this.running = h('p', { class: 'dim' }, running ? 'The conference is running.' : 'The conference has ended. It opens again when an organizer joins.');
    const form = h('form', { class: 'join-card', novalidate: true, on: { submit: (/** @type {Event} */ event) => void this.#submit(event) } },
      h('div', { class: 'stack stack-s' },
        h('h1', { data: { testid: 'join-title' } }, title),
        this.running,
        recorded ? h('p', { class: 'dim', data: { testid: 'join-recorded' } }, 'It is being recorded.') : null),
      this.waits, this.who, this.picker.node, this.problems, this.pinField, this.error, this.go, this.away);
    clear(this.root).append(h('div', { class: 'join' },
      h('div', { class: 'join-head' }, h('a', { class: 'brand', href: '/' }, icon('podium'), 'Podium'), themeButton()),
      h('div', { class: 'preview' }, this.video, h('div', { class: 'preview-empty' }, icon('camera-off', 'icon-lg'), this.empty), this.level,
        h('div', { class: 'preview-buttons' }, this.buttons.audio, this.buttons.video)),
      form));
    this.root.hidden = false;
  }

  /** @param {Device} device */
  #deviceButton(device) {
    const testid = device === 'audio' ? 'preview-mic' : 'preview-camera';
    return h('button', { class: 'btn btn-round', type: 'button', data: { testid }, on: { click: () => void this.capture.toggle(device) } },
      icon(device === 'audio' ? 'mic' : 'camera'));
  }

  update() {
    const { tracks, on, problems, found, chosen, busy } = this.capture;
    const stream = /** @type {MediaStream | null} */ (this.video.srcObject);
    if (stream?.getVideoTracks()[0] !== (tracks.video ?? undefined)) this.video.srcObject = tracks.video && new MediaStream([tracks.video]);
    this.video.hidden = !tracks.video;
    const hint = busy ? 'Waiting for your camera and microphone. The browser may ask you.' : problems.video?.message ?? 'Your camera is off.';
    setText(this.empty, hint);
    /** @type {HTMLElement} */ (this.empty.parentElement).hidden = Boolean(tracks.video);
    this.#button('audio', 'microphone', ['mic', 'mic-off'], Boolean(tracks.audio) && on.audio);
    this.#button('video', 'camera', ['camera', 'camera-off'], Boolean(tracks.video));
    this.picker.update(found, chosen);
    this.level.hidden = !tracks.audio;
    if (tracks.audio !== this.heard) this.#listen(tracks.audio);
    const told = sentences(problems.audio, on.video ? problems.video : null);
    clear(this.problems).append(...told.map((sentence) => h('p', { class: 'problem', data: { testid: 'device-problem' } }, icon('alert'), h('span', {}, sentence))));
    if (told.length) this.problems.append(h('p', { class: 'hint' }, 'You can join without: you will see and hear everybody.'));
  }

  /** @param {Device} device @param {string} word @param {[string, string]} icons @param {boolean} on */
  #button(device, word, icons, on) {
    const button = this.buttons[device];
    button.dataset.state = on ? '' : 'off';
    button.setAttribute('aria-pressed', String(on));
    button.setAttribute('aria-label', on ? `Switch the ${word} off` : `Switch the ${word} on`);
    button.title = button.getAttribute('aria-label') ?? '';
    setIcon(/** @type {Element} */ (button.firstElementChild), icons[on ? 0 : 1]);
  }

  /** @param {MediaStreamTrack | null} track */
  #listen(track) {
    this.unwatch();
    this.heard = track;
    this.unwatch = track ? /** @type {() => undefined} */ (watchLevel(track, meterOf(this.meter))) : () => undefined;
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (this.guest && !name) {
      this.name.setAttribute('aria-invalid', 'true');
      this.fail('Please enter a name, so that others know who you are.');
      this.name.focus();
      return;
    }
    this.name.removeAttribute('aria-invalid');
    this.error.textContent = '';
    this.go.disabled = true;
    clear(this.go).append(h('span', { class: 'spinner' }), 'Joining…');
    await this.join(name, this.pin.value.trim()).catch((error) => this.#refused(error));
    this.go.disabled = false;
    clear(this.go).append('Join');
  }

  /** @param {unknown} error */
  #refused(error) {
    if (!(error instanceof PodiumError) || error.code !== 'wrong_pin') {
      this.fail(refusalText(error));
      return;
    }
    this.fail(this.pinField.hidden ? 'This conference has a PIN. It stands in your invitation.' : this.pin.value ? 'That is not the PIN of this conference.' : 'Please enter the PIN.');
    this.pinField.hidden = false;
    this.pin.select();
    this.pin.focus();
  }

  /** One waits at the door. @param {import('../types.js').WaitReason} reason */
  wait(reason) {
    for (const node of [this.who, this.running, this.pinField, this.go]) node.hidden = true;
    this.error.textContent = '';
    this.waits.hidden = this.away.hidden = false;
    this.waits.dataset.reason = reason;
    setText(this.waitTitle, reason === 'lobby' ? 'Wait for a moderator to let you in' : 'The conference has not begun');
    setText(this.waitText, reason === 'lobby'
      ? 'They see that you wait. You come in by yourself as soon as you are let in; keep this page open.'
      : 'You come in by yourself as soon as it begins; keep this page open.');
    this.waitTitle.focus();
  }

  /** @param {string} sentence */
  fail(sentence) {
    this.error.textContent = sentence;
  }

  close() {
    this.unwatch();
    this.capture.removeEventListener('change', this.changed);
    navigator.mediaDevices?.removeEventListener('devicechange', this.changed);
    this.video.srcObject = null;
    this.root.hidden = true;
    clear(this.root);
  }
}

/** What keeps the devices away, in one sentence where it is the same for both. @param {Error | null} audio @param {Error | null} video */
function sentences(audio, video) {
  const together = audio && video && audio.message.replace('microphone', '') === video.message.replace('camera', '');
  if (together) return [audio.message.replace('No microphone was', 'No microphone and no camera were').replace('your microphone', 'your microphone and camera')];
  return [audio, video].flatMap((problem) => (problem ? [problem.message] : []));
}
