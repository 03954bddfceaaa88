// Commands that the server found too many at once, given again a little later.

import { PodiumError } from './errors.js';

// A stage full of people, muted and taken down at once, is done in a few seconds even at the server's rate.
const TRIES = 6;
const WAIT_MS = 500;

/**
 * Does it again, a little later, when the server says that this was too much at once.
 * @template T
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 */
export async function patiently(run) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof PodiumError) || error.code !== 'rate_limited' || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS * tries));
    }
  }
}
