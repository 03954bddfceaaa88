/** Counters of the two connections, gathered for people and tests: what each track brings, and the path's delay. */

/**
 * @typedef {object} TrackStats
 * @property {number} packets
 * @property {number} bytes
 * @property {number} lost
 * @property {number} frames decoded (video)
 * @property {number} fps
 * @property {number} width
 * @property {number} height
 */

/** @typedef {{state: string, rttMs: number, packets: number, bytes: number}} PathStats */
/** @typedef {{publish: PathStats, subscribe: PathStats, tracks: Record<string, TrackStats>}} Stats */

/**
 * @param {RTCPeerConnection | null} publish
 * @param {RTCPeerConnection | null} subscribe
 * @param {Map<string, MediaStreamTrack>} tracks
 * @returns {Promise<Stats>}
 */
export async function statistics(publish, subscribe, tracks) {
  /** @type {Record<string, TrackStats>} */
  const received = {};
  const names = new Map([...tracks].map(([id, track]) => [track.id, id]));
  const report = await subscribe?.getStats();
  report?.forEach((entry) => {
    const id = entry.type === 'inbound-rtp' ? names.get(entry.trackIdentifier) : undefined;
    if (!id) return;
    received[id] = {
      packets: entry.packetsReceived ?? 0,
      bytes: entry.bytesReceived ?? 0,
      lost: entry.packetsLost ?? 0,
      frames: entry.framesDecoded ?? 0,
      fps: entry.framesPerSecond ?? 0,
      width: entry.frameWidth ?? 0,
      height: entry.frameHeight ?? 0,
    };
  });
  return { publish: path(publish, await publish?.getStats()), subscribe: path(subscribe, report), tracks: received };
}

/** @param {RTCPeerConnection | null} pc @param {RTCStatsReport | undefined} report @returns {PathStats} */
function path(pc, report) {
  const found = { state: pc?.connectionState ?? 'none', rttMs: 0, packets: 0, bytes: 0 };
  report?.forEach((entry) => {
    if (entry.type === 'candidate-pair' && entry.nominated) {
      found.rttMs = Math.round((entry.currentRoundTripTime ?? 0) * 1000);
    } else if (entry.type === 'outbound-rtp' || entry.type === 'inbound-rtp') {
      found.packets += entry.packetsSent ?? entry.packetsReceived ?? 0;
      found.bytes += entry.bytesSent ?? entry.bytesReceived ?? 0;
    }
  });
  return found;
}
