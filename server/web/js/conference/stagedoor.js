/** On the way to the stage: the invitation, the arrival, and a moderator's wish that one be heard. */

import { command } from '../ui/actions.js';
import { openDialog } from '../ui/dialog.js';
import { h } from '../ui/dom.js';
import { toast } from '../ui/toast.js';
import { refusalText, sourceWord } from '../ui/words.js';

/** @typedef {import('../lib/shapes.js').RoomEvent} RoomEvent */

export class StageDoor {
  /** @type {AbortController | null} */ #invitation = null;
  /** @type {AbortController | null} */ #asked = null;
  #expected = false;

  /** @param {import('../podium.js').Podium} podium */
  constructor(podium) {
    this.podium = podium;
    if (podium.room?.me?.invited) void this.invited({ type: 'stage.invited', version: 0 });
  }

  /** The next place is one's own doing, devices chosen: no question then. */
  expect() {
    this.#expected = true;
  }

  /** @param {RoomEvent} event */
  async invited(event) {
    this.#invitation?.abort();
    this.#invitation = new AbortController();
    const who = event.by ? this.podium.room?.name(event.by) : 'A moderator';
    const accepted = await openDialog({
      title: 'You are invited to the stage',
      body: h('p', { class: 'dim' }, `${who} invites you to speak. Everybody will be able to see and hear you once you switch your devices on.`),
      actions: [
        { label: 'Decline', value: false, testid: 'stage-decline' },
        { label: 'Accept', kind: 'primary', value: true, testid: 'stage-accept', focus: true },
      ],
      testid: 'invitation',
      signal: this.#invitation.signal,
    });
    if (!this.podium.room?.me?.invited) return;
    await command(this.podium, accepted ? 'stage.accept' : 'stage.decline');
  }

  /** The invitation has expired, or was answered in another window. */
  invitationOver() {
    this.#invitation?.abort();
  }

  /** @param {RoomEvent} event one is on the stage */
  async arrived(event) {
    this.#invitation?.abort();
    const expected = this.#expected;
    this.#expected = false;
    if (expected || this.podium.media.local.size > 0) return;
    const { room } = this.podium;
    // What guests may not send here is not offered to one.
    const offered = (/** @type {const} */ (['audio', 'video'])).filter((source) => !room?.barred(source));
    if (offered.length === 0) return;
    const who = event.by && event.by !== event.person ? room?.name(event.by) : null;
    const chosen = await openDialog({
      title: 'You are on the stage',
      body: h('p', { class: 'dim' }, `${who ? `${who} let you on the stage. ` : ''}Nobody sees or hears you yet. What would you like to switch on?`),
      actions: [
        { label: 'Not yet', value: 'none', kind: 'quiet', testid: 'stage-later' },
        ...(offered.length === 1
          ? [{ label: offered[0] === 'audio' ? 'Microphone' : 'Camera', value: offered[0], kind: /** @type {const} */ ('primary'), testid: offered[0] === 'audio' ? 'stage-mic' : 'stage-camera', focus: true }]
          : [
            { label: 'Microphone only', value: 'audio', testid: 'stage-mic' },
            { label: 'Camera and microphone', value: 'both', kind: /** @type {const} */ ('primary'), testid: 'stage-both', focus: true },
          ]),
      ],
      testid: 'arrival',
    });
    if (chosen === 'audio' || chosen === 'both') await this.#switchOn('audio');
    if (chosen === 'video' || chosen === 'both') await this.#switchOn('video');
  }

  /** @param {{source: 'audio' | 'video', by?: string}} asked */
  async unmuteAsked({ source, by }) {
    if (this.podium.room?.barred(source)) return;
    const what = sourceWord(source);
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    const agreed = await openDialog({
      title: source === 'audio' ? 'Please speak' : 'Please show yourself',
      body: h('p', { class: 'dim' }, `${this.podium.room?.name(by)} asks you to switch your ${what} on.`),
      actions: [
        { label: 'Stay off', value: false, testid: 'unmute-no' },
        { label: `Switch the ${what} on`, kind: 'primary', value: true, testid: 'unmute-yes', focus: true },
      ],
      testid: 'unmute-asked',
      signal: asked.signal,
    });
    // Asked anew, or switched on meanwhile: this question is not answered by being closed.
    if (asked.signal.aborted) return;
    if (agreed) await this.#switchOn(source);
    else await this.podium.media.mute(source).catch(() => undefined);
  }

  /** A moderator has switched a device on. @param {{source: 'audio' | 'video', by?: string}} forced */
  unmuteForced({ source, by }) {
    this.#asked?.abort();
    toast(`${this.podium.room?.name(by)} switched your ${sourceWord(source)} on.`, { kind: 'warn' });
  }

  /** @param {'audio' | 'video'} device */
  async #switchOn(device) {
    try {
      await this.podium.media.unmute(device);
    } catch (error) {
      toast(refusalText(error), { kind: 'warn' });
    }
  }
}
