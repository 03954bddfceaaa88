// What happens to a peer connection whose network does not carry it any more.

// The browser's own checks find a short break by themselves before it says `disconnected`; an ICE restart finds another
// way for the same connection. What that has not mended by then a new connection does sooner.
const RENEWED_MS = 5_000;
const FAILED_MS = 300;

/**
 * Watches a connection: at the first sign of trouble `renew` is called, and when it did not help in time `replace`.
 * @param {RTCPeerConnection} pc
 * @param {{state: (state: RTCPeerConnectionState) => void, renew: () => void, replace: () => void}} on
 */
export function watch(pc, on) {
  let timer = 0;
  pc.onconnectionstatechange = () => {
    const state = pc.connectionState;
    on.state(state);
    if (state === 'connected' || state === 'closed') {
      clearTimeout(timer);
      timer = 0;
    } else if (state === 'failed') {
      clearTimeout(timer);
      timer = window.setTimeout(on.replace, FAILED_MS);
    } else if (state === 'disconnected' && !timer) {
      on.renew();
      timer = window.setTimeout(on.replace, RENEWED_MS);
    }
  };
}
