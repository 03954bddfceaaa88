/**
 * The layers a camera is sent in: the same picture in up to three sizes, so that everybody gets the one that fits.
 *
 * VP8 and H.264 are sent in three streams (simulcast). How many there are is fixed with the first offer, so it is always
 * three; a small picture leaves the upper ones idle. VP9 and AV1 are sent in one stream whose layers build upon one
 * another in key pictures (SVC); the worker tells them apart and names them.
 * A screen is sent in one: a smaller one could not be read.
 */

/** @typedef {import('../types.js').CameraCodec} CameraCodec */

/** Lowest first, as browsers want them. */
export const RIDS = ['q', 'h', 'f'];
/** For so many layers in one stream. */
const MODES = ['L1T3', 'L2T3_KEY', 'L3T3_KEY'];
/**
 * From so many lines of picture on, what each layer may take in bits per second. Each has half the lines of the one
 * above. Chromium would not make more layers of a small picture than these.
 * @type {[number, number[]][]}
 */
const BITRATES = [
  [540, [150_000, 500_000, 1_700_000]],
  [270, [200_000, 800_000]],
  [0, [300_000]],
];
const USUAL_LINES = 720;

/** @type {Map<CameraCodec, Promise<boolean>>} */
const makes = new Map();

/** @param {MediaStreamTrack | null} track @returns {number[]} what its layers may take */
function bitratesOf(track) {
  const { width = 0, height = 0 } = track?.getSettings() ?? {};
  // A phone held upright has as many lines as one that lies.
  const lines = Math.min(width, height) || USUAL_LINES;
  return BITRATES.find(([least]) => lines >= least)?.[1] ?? [];
}

/**
 * @param {MediaStreamTrack | null} track
 * @returns {RTCRtpEncodingParameters[]} one for each of `RIDS`
 */
export function cameraEncodings(track) {
  const bitrates = bitratesOf(track);
  return RIDS.map((rid, layer) => {
    if (layer >= bitrates.length) return { rid, active: false };
    return { rid, active: true, scaleResolutionDownBy: 2 ** (bitrates.length - 1 - layer), maxBitrate: bitrates[layer] };
  });
}

/**
 * Leaves out the layers that nobody looks at, as the server says. What has no name is the only layer there is.
 * @param {RTCRtpEncodingParameters[]} encodings as they are to be; `active` is changed
 * @param {string[] | undefined} wanted their names; undefined when nothing was said
 */
export function leaveOut(encodings, wanted) {
  if (!wanted) return;
  for (const encoding of encodings) {
    const looked = encoding.rid ? wanted.includes(encoding.rid) : wanted.length > 0;
    encoding.active = encoding.active !== false && looked;
  }
}

/**
 * The one encoding of a camera in layers of one stream. All are made as long as somebody looks at any: to leave out the
 * upper ones the encoder begins anew, and everybody's picture stands still for up to a second.
 * @param {MediaStreamTrack | null} track
 * @returns {RTCRtpEncodingParameters[]}
 */
export function scalableEncodings(track) {
  const bitrates = bitratesOf(track);
  return [{
    active: true,
    // TypeScript's own types lack it.
    .../** @type {object} */ ({ scalabilityMode: MODES[bitrates.length - 1] }),
    maxBitrate: bitrates.reduce((sum, bitrate) => sum + bitrate, 0),
  }];
}

/** @param {CameraCodec} codec @returns {boolean} whether its layers are in one stream */
export function isScalable(codec) {
  return codec === 'vp9' || codec === 'av1';
}

/**
 * The codec a camera is sent in: the one that is wished for, if this browser makes it with its layers.
 * @param {CameraCodec} wish
 * @returns {Promise<CameraCodec>} never rejects
 */
export async function codecFor(wish) {
  let known = makes.get(wish);
  if (!known) {
    known = canMake(wish).catch(() => false);
    makes.set(wish, known);
  }
  return await known ? wish : 'vp8';
}

/** @param {CameraCodec} codec */
async function canMake(codec) {
  if (preferences(codec).length === 0) return false;
  if (!isScalable(codec)) return true;
  const found = await navigator.mediaCapabilities.encodingInfo({
    type: 'webrtc',
    video: /** @type {VideoConfiguration} */ ({
      contentType: `video/${codec.toUpperCase()}`, width: 1280, height: 720, bitrate: 2_000_000, framerate: 30,
      scalabilityMode: MODES[2],
    }),
  });
  return found.supported;
}

/**
 * This browser's codecs for video with the wished one first; the others stay, for what a server does not take.
 * @param {CameraCodec} codec
 * @returns {RTCRtpCodec[]} empty where it has none
 */
export function preferences(codec) {
  const all = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const type = `video/${codec}`;
  const first = all.filter(({ mimeType, sdpFmtpLine = '' }) => {
    // The server takes H.264 only in the form in which a picture may be cut into packets.
    return mimeType.toLowerCase() === type && (codec !== 'h264' || sdpFmtpLine.includes('packetization-mode=1'));
  });
  return first.length === 0 ? [] : [...first, ...all.filter((each) => !first.includes(each))];
}
