/** How loud a microphone is, as a bar: read from the track itself, so it works before anybody listens. */

// Speech at a usual distance reaches an RMS of 0.02 to 0.2; the square root spreads that over the bar.
const GAIN = 2.2;

/** @type {AudioContext | null} one for the page: browsers allow only a few */
let context = null;

/**
 * @param {MediaStreamTrack} track
 * @param {(level: number) => void} show 0 to 1, about 15 times a second
 * @returns {() => void} stops it
 */
export function watchLevel(track, show) {
  context ??= new AudioContext();
  const audio = context;
  // Before the first click the context may be suspended; any click or key wakes it.
  const wake = () => void audio.resume();
  if (audio.state === 'suspended') {
    document.addEventListener('pointerdown', wake, { once: true });
    document.addEventListener('keydown', wake, { once: true });
  }
  const source = audio.createMediaStreamSource(new MediaStream([track]));
  const analyser = audio.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = window.setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    const level = track.enabled ? Math.sqrt(Math.sqrt(sum / samples.length)) * GAIN - 0.2 : 0;
    show(Math.max(0, Math.min(1, level)));
  }, 66);
  return () => {
    clearInterval(timer);
    source.disconnect();
    show(0);
  };
}

/** @param {HTMLElement} bar an element of class `meter` */
export const meterOf = (bar) => (/** @type {number} */ level) => bar.style.setProperty('--level', level.toFixed(2));
