/**
 * One repair of the server's offers. An m-line that has been used keeps its `a=msid` and `a=ssrc` while it is inactive
 * (RFC 8829, section 5.2.2). Where they are gone, Chromium removes the stream and does not connect its picture again
 * when the line comes back with the same SSRC: frames are decoded and none is shown.
 */

const STREAM = /^a=(?:msid|ssrc|ssrc-group):.*\r\n/gm;

/**
 * @param {string} sdp an offer
 * @param {Map<string, string>} kept what each m-line said last, by mid; belongs to one connection
 * @returns {string} the offer in which an inactive m-line says what it said before
 */
export function keepStreams(sdp, kept) {
  const [session, ...sections] = sdp.split(/^(?=m=)/m);
  const repaired = sections.map((section) => {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1] ?? '';
    const lines = section.match(STREAM)?.join('');
    if (lines) kept.set(mid, lines);
    else if (/^a=inactive\s*$/m.test(section)) return section + (kept.get(mid) ?? '');
    return section;
  });
  return [session, ...repaired].join('');
}
