/** Plays everybody else. Where the browser plays nothing before a click, a button asks for one, and any click or key will do. */

import { h, icon } from '../ui/dom.js';

export class Sound {
  /** @type {Map<string, HTMLAudioElement>} `identity/source` → what plays it */ #players = new Map();
  /** @type {AbortController | null} while the browser waits for a click */ #waiting = null;

  /** @param {HTMLElement} root @param {import('../podium.js').Podium} podium @param {string | null} speaker */
  constructor(root, podium, speaker) {
    this.podium = podium;
    this.speaker = speaker;
    this.shelf = h('div', { hidden: true, data: { testid: 'sound' } });
    this.button = h('button', { class: 'btn btn-primary hear', type: 'button', hidden: true, data: { testid: 'hear' }, on: { click: () => this.#playAll() } },
      icon('volume'), 'Click to hear');
    root.append(this.shelf, this.button);
  }

  /** Brings the players to the tracks there are now. */
  update() {
    const { tracks } = this.podium.media.subscriber;
    const wanted = new Map([...tracks].filter(([id, track]) => track.kind === 'audio' && !id.startsWith(`${this.podium.room?.you}/`)));
    for (const [id, player] of this.#players) {
      if (wanted.get(id) === playing(player)) continue;
      player.srcObject = null;
      player.remove();
      this.#players.delete(id);
    }
    for (const [id, track] of wanted) {
      if (this.#players.has(id)) continue;
      const player = h('audio', { autoplay: true, data: { track: id } });
      player.srcObject = new MediaStream([track]);
      this.#players.set(id, player);
      this.shelf.append(player);
      void this.#route(player);
      this.#play(player);
    }
  }

  /** @param {string} id of a speaker */
  choose(id) {
    this.speaker = id;
    for (const player of this.#players.values()) void this.#route(player);
  }

  /** @param {HTMLAudioElement} player */
  async #route(player) {
    // A speaker that was unplugged since: the system's own then.
    if (this.speaker && 'setSinkId' in player) await player.setSinkId(this.speaker).catch(() => undefined);
  }

  /** @param {HTMLAudioElement} player */
  #play(player) {
    player.play().catch((failure) => {
      if (!(failure instanceof Error) || failure.name !== 'NotAllowedError') return;
      this.#wait();
    });
  }

  #wait() {
    if (this.#waiting) return;
    this.#waiting = new AbortController();
    this.button.hidden = false;
    // On a phone the side panel lies over the button, and nobody looks for it who clicks elsewhere.
    for (const deed of ['pointerup', 'keydown']) document.addEventListener(deed, () => this.#playAll(), { capture: true, signal: this.#waiting.signal });
  }

  #playAll() {
    const players = [...this.#players.values()];
    for (const player of players) this.#play(player);
    // One that may play is not paused from here on, also while its first sound is yet to come.
    if (players.every(({ paused }) => !paused)) this.#waited();
  }

  #waited() {
    this.#waiting?.abort();
    this.#waiting = null;
    this.button.hidden = true;
  }

  close() {
    this.#waited();
    for (const player of this.#players.values()) player.srcObject = null;
    this.#players.clear();
    this.shelf.remove();
    this.button.remove();
  }
}

/** @param {HTMLAudioElement} player */
const playing = (player) => /** @type {MediaStream | null} */ (player.srcObject)?.getAudioTracks()[0];
