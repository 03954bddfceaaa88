/** Files on their way: up with progress, down under their own name. Both refuse with `PodiumError`. */

import { PodiumError } from '../lib/errors.js';

/**
 * @param {string} path below /api/v1 @param {string | null} token @param {Blob} file @param {AbortSignal} signal
 * @param {(part: number) => void} progress from 0 to 1; 1: all was sent @returns {Promise<any>} the server's answer
 */
export function upload(path, token, file, signal, progress) {
  return new Promise((resolve, reject) => {
    // fetch tells nothing of what was sent.
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1${path}`);
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.addEventListener('progress', ({ loaded, total }) => progress(total ? loaded / total : 0));
    request.upload.addEventListener('load', () => progress(1));
    request.addEventListener('load', () => (request.status === 200 ? resolve(request.response) : reject(refused(request.status, request.response))));
    request.addEventListener('error', () => reject(new PodiumError('offline', 'The upload broke off.', { retry: true })));
    request.addEventListener('abort', () => reject(new PodiumError('cancelled', 'The upload was stopped.')));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

/** @param {string} path below /api/v1 @param {string | null} token @param {string} name */
export async function download(path, token, name) {
  const response = await fetch(`/api/v1${path}`, { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' }).catch(() => null);
  if (!response) throw new PodiumError('offline', 'The server cannot be reached at the moment.', { retry: true });
  if (!response.ok) throw refused(response.status, await response.json().catch(() => null));
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** @param {number} status @param {any} answer */
const refused = (status, answer) =>
  new PodiumError(answer?.code ?? 'internal', answer?.message ?? `The server answered ${status}.`, { retry: answer?.retry, details: answer?.details, status });
