/**
 * What this page shows of the pictures it receives: how high each is drawn, in device pixels. The server sends no more
 * than that. A picture that is scrolled away, left out of the layout, or in a tab that nobody looks at is not sent.
 */

// While a window is dragged it is said so often; a glance into another tab is not said, and costs nobody a key frame.
const SETTLES_MS = 250;
const SHRINKS_MS = 1_500;
// Nobody sees the difference within it.
const STEP_PX = 8;

export class Showing {
  /** @type {Map<HTMLVideoElement, boolean>} the page's pictures, and whether they are in sight */
  #videos = new Map();
  /** @type {Record<string, number>} */
  #told = {};
  #timer = 0;
  #due = 0;

  /** @param {HTMLElement} root @param {import('../lib/media.js').Media} media @param {AbortSignal} signal */
  constructor(root, media, signal) {
    this.root = root;
    this.media = media;
    const look = () => this.#soon();
    this.sizes = new ResizeObserver(look);
    this.sight = new IntersectionObserver((entries) => this.#seen(entries));
    document.addEventListener('visibilitychange', look, { signal });
    for (const event of ['enterpictureinpicture', 'leavepictureinpicture']) root.addEventListener(event, look, { signal });
    signal.addEventListener('abort', () => this.#close());
  }

  /** Pictures may have come or gone, or show another track. */
  update() {
    for (const video of this.root.querySelectorAll('video')) {
      if (this.#videos.has(video)) continue;
      this.#videos.set(video, false);
      this.sizes.observe(video);
      this.sight.observe(video);
    }
    this.#soon();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const video = /** @type {HTMLVideoElement} */ (target);
      if (video.isConnected) {
        this.#videos.set(video, isIntersecting);
        continue;
      }
      this.#videos.delete(video);
      this.sizes.unobserve(video);
      this.sight.unobserve(video);
    }
    this.#soon();
  }

  /** Tells it as soon as it stands still; that less is shown can wait for longer. */
  #soon() {
    const heights = this.#heights();
    const grows = Object.entries(heights).some(([name, height]) => height > (this.#told[name] ?? 0));
    const shrinks = Object.entries(heights).some(([name, height]) => height !== this.#told[name]);
    if (!grows && !shrinks) return;
    const due = performance.now() + (grows ? SETTLES_MS : SHRINKS_MS);
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = window.setTimeout(() => this.#tell(), due - performance.now());
  }

  #tell() {
    this.#timer = 0;
    this.#told = this.#heights();
    this.media.prefer(this.#told);
  }

  /** @returns {Record<string, number>} */
  #heights() {
    /** @type {Map<MediaStreamTrack | null, number>} */
    const drawn = new Map();
    for (const [video, inSight] of this.#videos) {
      const stream = /** @type {MediaStream | null} */ (video.srcObject);
      const track = stream?.getVideoTracks()[0] ?? null;
      if (track && seen(video, inSight)) drawn.set(track, Math.max(drawn.get(track) ?? 0, drawnHeight(video)));
    }
    /** @type {Record<string, number>} */
    const heights = {};
    for (const [name, track] of this.media.subscriber.tracks) {
      if (track.kind === 'video') heights[name] = drawn.get(track) ?? 0;
    }
    return heights;
  }

  #close() {
    clearTimeout(this.#timer);
    this.sizes.disconnect();
    this.sight.disconnect();
    this.#videos.clear();
  }
}

/** @param {HTMLVideoElement} video @param {boolean} inSight */
const seen = (video, inSight) => document.pictureInPictureElement === video || (inSight && !document.hidden);

/** How high the whole picture is drawn, also what of it is cut off at the edges. @param {HTMLVideoElement} video */
function drawnHeight(video) {
  const { clientWidth: width, clientHeight: height } = video;
  const ratio = video.videoWidth ? video.videoHeight / video.videoWidth : height / width;
  const fits = getComputedStyle(video).objectFit === 'cover' ? Math.max : Math.min;
  const drawn = fits(height, width * ratio) * devicePixelRatio;
  return Math.min(8_640, Math.ceil(drawn / STEP_PX) * STEP_PX) || 0;
}
