/** A refusal of the server, or a failure to reach it: a code for programs and a sentence for people. */
export class PodiumError extends Error {
  /**
   * @param {string} code one of the server's codes, or `timeout`, `offline`, `closed` of the client's own
   * @param {string} message
   * @param {{retry?: boolean, details?: Record<string, any>, status?: number}} [more]
   */
  constructor(code, message, { retry = false, details = {}, status = 0 } = {}) {
    super(message);
    this.name = 'PodiumError';
    this.code = code;
    this.retry = retry;
    this.details = details;
    this.status = status;
  }

  /**
   * @param {import('./shapes.js').Message} answer a `refused` or `closing` message
   * @returns {PodiumError}
   */
  static from(answer) {
    return new PodiumError(answer.code, answer.message, { retry: answer.retry, details: answer.details });
  }
}
