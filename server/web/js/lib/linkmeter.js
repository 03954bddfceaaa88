/**
 * This person's own two connections as the browser measures them: rates between two readings, the network's path, and
 * each picture that is sent or received.
 */

/**
 * @typedef {object} LinkTrack
 * @property {string} name `identity/source` of what is received, the source of what is sent
 * @property {string} layer which encoding of several; empty where there is one only
 * @property {'audio' | 'video'} kind
 * @property {string} codec
 * @property {number} kbps -1 at the first reading
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} loss percent of the time between the readings (received), or of the other side's last report (sent)
 * @property {number} jitterMs
 * @property {number} stillMs how long a received picture has stood still, altogether
 * @property {string} limited what keeps a sent picture smaller than it could be: `cpu`, `bandwidth` or nothing
 * @property {boolean} active something came or went since the last reading, or at all where this is the first
 */

/** @typedef {{state: string, path: string, rttMs: number, kbps: number, loss: number, tracks: LinkTrack[]}} Link */
/** @typedef {{bytes: number, packets: number, lost: number}} Reading */

export class LinkMeter {
  /** @type {Map<string, Reading>} */ #before = new Map();
  #at = 0;

  /** @param {import('./media.js').Media} media */
  constructor(media) {
    this.media = media;
  }

  /** @returns {Promise<{publish: Link | null, subscribe: Link | null}>} the first reading has no rates */
  async read() {
    const now = performance.now();
    const seconds = this.#at ? (now - this.#at) / 1000 : 0;
    this.#at = now;
    const { publisher, subscriber } = this.media;
    /** @type {Map<string, Reading>} */
    const after = new Map();
    const names = new Map([...subscriber.tracks].map(([name, track]) => [track.id, name]));
    const publish = await this.#link(publisher.connection, seconds, after, (entry) => publisher.sourceOf(entry.mid) ?? '');
    const subscribe = await this.#link(subscriber.connection, seconds, after, (entry) => names.get(entry.trackIdentifier) ?? '');
    this.#before = after;
    return { publish, subscribe };
  }

  /**
   * @param {RTCPeerConnection | null} connection
   * @param {number} seconds
   * @param {Map<string, Reading>} after
   * @param {(entry: any) => string} name
   * @returns {Promise<Link | null>}
   */
  async #link(connection, seconds, after, name) {
    if (!connection || connection.connectionState === 'closed') return null;
    /** @type {Map<string, any>} */
    const report = /** @type {any} */ (await connection.getStats());
    const streams = [...report.values()].filter(({ type }) => type === 'outbound-rtp' || type === 'inbound-rtp');
    const tracks = streams.map((entry) => this.#track(report, entry, seconds, after, name(entry))).filter(({ name: known }) => known);
    const sums = { bytes: 0, lost: 0, packets: 0 };
    for (const entry of streams) {
      const { bytes, packets, lost } = this.#since(entry.id, after);
      sums.bytes += bytes;
      sums.packets += packets;
      sums.lost += lost;
    }
    const sent = tracks.filter(({ active }) => active).map(({ loss }) => loss);
    const outbound = streams.some(({ type }) => type === 'outbound-rtp');
    const { path, rttMs } = pathOf(report);
    return {
      state: connection.connectionState,
      path,
      rttMs,
      kbps: rate(sums.bytes, seconds),
      loss: outbound ? Math.max(0, ...sent) : percent(sums.lost, sums.packets),
      tracks: tracks.sort((one, other) => one.name.localeCompare(other.name) || one.height - other.height),
    };
  }

  /** @param {Map<string, any>} report @param {any} entry @param {number} seconds @param {Map<string, Reading>} after @param {string} name @returns {LinkTrack} */
  #track(report, entry, seconds, after, name) {
    after.set(entry.id, {
      bytes: entry.bytesSent ?? entry.bytesReceived ?? 0,
      packets: entry.packetsSent ?? entry.packetsReceived ?? 0,
      lost: entry.packetsLost ?? 0,
    });
    const { bytes, packets, lost } = this.#since(entry.id, after);
    const remote = entry.remoteId ? report.get(entry.remoteId) : undefined;
    return {
      name,
      layer: entry.rid ?? '',
      kind: entry.kind,
      codec: (report.get(entry.codecId)?.mimeType ?? '').replace(/^.*\//, ''),
      kbps: rate(bytes, seconds),
      width: entry.frameWidth ?? 0,
      height: entry.frameHeight ?? 0,
      fps: entry.framesPerSecond ?? 0,
      loss: entry.type === 'inbound-rtp' ? percent(lost, packets) : 100 * (remote?.fractionLost ?? 0),
      jitterMs: 1000 * (entry.jitter ?? remote?.jitter ?? 0),
      stillMs: 1000 * (entry.totalFreezesDuration ?? 0),
      limited: entry.qualityLimitationReason === 'none' ? '' : entry.qualityLimitationReason ?? '',
      active: seconds ? packets > 0 : (after.get(entry.id)?.packets ?? 0) > 0,
    };
  }

  /** What has come since the reading before. @param {string} id @param {Map<string, Reading>} after @returns {Reading} */
  #since(id, after) {
    const now = after.get(id) ?? { bytes: 0, packets: 0, lost: 0 };
    const before = this.#before.get(id);
    // A stream that is new has no past to be measured against.
    if (!before || now.packets < before.packets) return { bytes: 0, packets: 0, lost: 0 };
    return { bytes: now.bytes - before.bytes, packets: now.packets - before.packets, lost: Math.max(0, now.lost - before.lost) };
  }
}

/** @param {number} bytes @param {number} seconds */
const rate = (bytes, seconds) => (seconds ? (bytes * 8) / 1000 / seconds : -1);

/** @param {number} lost @param {number} came */
const percent = (lost, came) => (lost + came > 0 ? (100 * lost) / (lost + came) : 0);

/** Which way the packets take, in words. @param {Map<string, any>} report */
function pathOf(report) {
  const entries = [...report.values()];
  const transport = entries.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  const pair = transport ? report.get(transport.selectedCandidatePairId) : entries.find(({ type, nominated }) => type === 'candidate-pair' && nominated);
  const local = pair ? report.get(pair.localCandidateId) : undefined;
  if (!local) return { path: '–', rttMs: 0 };
  const protocol = String(local.protocol ?? 'udp').toUpperCase();
  const family = String(local.address ?? local.ip ?? '').includes(':') ? ', IPv6' : '';
  const path = local.candidateType === 'relay' ? `Relay over ${String(local.relayProtocol ?? 'udp').toUpperCase()}` : `Direct, ${protocol}${family}`;
  return { path, rttMs: Math.round(1000 * (pair.currentRoundTripTime ?? 0)) };
}
