/**
 * The conference in a frame of another site's page (docs/embedding.md): tells that page what happens.
 *
 * Nothing is told before the page has said hello, and then to the origin that said it and no other. Which origins may
 * show this page at all is the server's policy (`frame-ancestors`), which the browser has checked before a line of this
 * ran; a hello from any window but the one around the frame is not heard.
 */

/** @typedef {import('../podium.js').Podium} Podium */

const HELLO = 'podium.hello';

export class Embedded {
  /** @type {MessagePort | null} */ #port = null;
  /** What was told last of each kind, for a page that says hello later. @type {Map<string, object>} */ #last = new Map();

  constructor() {
    window.addEventListener('message', (event) => this.#hear(event));
    // The other pages of this server are in nobody's frame.
    document.addEventListener('click', (event) => {
      const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
      if (link instanceof HTMLAnchorElement && !link.getAttribute('href')?.startsWith('#')) {
        link.target = '_blank';
        link.rel = 'noopener';
      }
    });
  }

  /** One is inside. @param {Podium} podium */
  joined(podium) {
    const { room, media } = podium;
    if (!room) return;
    this.#last.clear();
    this.#tell('joined', { conference: room.conference, identity: podium.identity, name: podium.name, role: room.me?.role });
    const muted = () => {
      const off = (/** @type {'audio' | 'video'} */ source) => room.me?.muted.includes(source) || media.state(source) !== 'on';
      this.#tell('muted', { audio: off('audio'), video: off('video') });
    };
    podium.addEventListener('change', muted);
    media.addEventListener('change', muted);
    muted();
  }

  /** The conference is over for this page. @param {string} code */
  left(code) {
    this.#last.clear();
    this.#tell('left', { code });
  }

  /** @param {string} type @param {Record<string, unknown>} fields */
  #tell(type, fields) {
    const message = { type: `podium.${type}`, ...fields };
    if (JSON.stringify(this.#last.get(type)) === JSON.stringify(message)) return;
    this.#last.set(type, message);
    this.#port?.postMessage(message);
  }

  /** @param {MessageEvent} event */
  #hear(event) {
    if (event.source !== window.parent || window.parent === window || event.data?.type !== HELLO) return;
    this.#port?.close();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    // The target origin is that of the page that asked: one that was loaded in its place meanwhile gets no port.
    window.parent.postMessage({ type: 'podium.ready' }, { targetOrigin: event.origin, transfer: [port2] });
    for (const message of this.#last.values()) port1.postMessage(message);
  }
}
