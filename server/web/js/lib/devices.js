/**
 * Microphones, cameras, screens and speakers of this computer, and sentences for why one could not be opened.
 */

import { PodiumError } from './errors.js';

/** @typedef {{audio: MediaDeviceInfo[], video: MediaDeviceInfo[], speaker: MediaDeviceInfo[]}} Devices */

/** What is asked of a camera, by quality. Ideals, so that a camera that has less is still used. */
export const CAMERA_QUALITIES = {
  low: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } },
  standard: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
  high: { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 30 } },
};

/** @typedef {keyof typeof CAMERA_QUALITIES} CameraQuality */

/** Whether this page may ask for devices at all: browsers offer them on https and localhost only. */
export const available = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Whether the browser can share a screen (phones cannot). */
export const canShareScreen = () => Boolean(navigator.mediaDevices?.getDisplayMedia);

/** What is connected. Labels are empty until the person has allowed a device. @returns {Promise<Devices>} */
export async function list() {
  const all = navigator.mediaDevices?.enumerateDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  /** @param {MediaDeviceKind} kind */
  const of = (kind) => all.filter((device) => device.kind === kind && device.deviceId !== '');
  return { audio: of('audioinput'), video: of('videoinput'), speaker: of('audiooutput') };
}

/**
 * @param {string | null} [device] its id; the system's choice when absent
 * @returns {Promise<MediaStreamTrack>} rejects with `PodiumError`
 */
export async function openMicrophone(device) {
  const audio = {
    ...(device ? { deviceId: { ideal: device } } : {}),
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  };
  const stream = await ask({ audio }, 'microphone');
  return stream.getAudioTracks()[0];
}

/**
 * @param {string | null} [device]
 * @param {CameraQuality} [quality]
 * @returns {Promise<MediaStreamTrack>} rejects with `PodiumError`
 */
export async function openCamera(device, quality = 'standard') {
  const video = { ...CAMERA_QUALITIES[quality], ...(device ? { deviceId: { ideal: device } } : { facingMode: 'user' }) };
  const stream = await ask({ video }, 'camera');
  const track = stream.getVideoTracks()[0];
  track.contentHint = 'motion';
  return track;
}

/**
 * Lets the person choose a screen, a window or a tab.
 * @returns {Promise<{screen: MediaStreamTrack, sound: MediaStreamTrack | null}>} rejects with `PodiumError`
 */
export async function openScreen() {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true });
    const screen = stream.getVideoTracks()[0];
    screen.contentHint = 'detail';
    return { screen, sound: stream.getAudioTracks()[0] ?? null };
  } catch (failure) {
    throw deviceError(failure, 'screen');
  }
}

/** @param {MediaStreamConstraints} constraints @param {'microphone' | 'camera'} what */
async function ask(constraints, what) {
  if (!available()) throw new PodiumError('insecure', 'The browser offers camera and microphone only on https pages.');
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (failure) {
    throw deviceError(failure, what);
  }
}

/**
 * A browser's exception as a sentence for the person.
 * @param {unknown} failure
 * @param {'microphone' | 'camera' | 'screen'} what
 * @returns {PodiumError}
 */
export function deviceError(failure, what) {
  const name = failure instanceof Error ? failure.name : '';
  if (what === 'screen' && (name === 'NotAllowedError' || name === 'AbortError')) {
    return new PodiumError('cancelled', 'Nothing was shared.');
  }
  const sentences = /** @type {Record<string, string>} */ ({
    NotAllowedError: `The browser does not let this page use your ${what}. Allow it beside the address, then try again.`,
    NotFoundError: `No ${what} was found on this computer.`,
    NotReadableError: `Your ${what} is in use by another program, or did not start.`,
    OverconstrainedError: `Your ${what} cannot do what was asked of it.`,
  });
  return new PodiumError(name || 'device', sentences[name] ?? `Your ${what} could not be opened.`);
}
