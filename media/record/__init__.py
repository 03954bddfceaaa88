"""The recorder: what a conference sends, written to files without decoding, in a process of its own.

To the worker that has the room's publishers the recorder is one more worker that is fed over a link (`media/relay/`),
and one that wants the highest layer of everything. So each track crosses once, what is lost is asked for again, key
frames are requested as by any viewer, and the routes hold: a closed track is neither sent to the recorder nor would it
be written. It is a process of its own because whatever holds a worker's loop, a disk among it, is heard by everybody.

    link ══► Source ─ Layer ─► Tap ─ Order ─ Unpacker ─ Times ─► Matroska file
             (as at any fed worker)

Each track is a file: WebM, or Matroska where its codec is none of WebM's (H.264). A file's time zero is when its first
frame was captured (`DateUTC` in it says when that was), and everything in it stands where it was captured, by the
publisher's sender reports: sound and picture of a person, and those of several people, are in step when each file is
begun at its date. What was muted was not sent, and is a gap.

The writer is our own. PyAV's muxer would want the codecs' headers before the first frame, takes packets through an
encoder's context, and keeps what it has not written yet; here each frame goes to a thread that writes and to the
kernel, so a killed recorder has lost what was waiting for a lost packet or a slow disk, and nothing else. What it has
written plays as it is.

matroska.py  the files
disk.py      the thread that writes, and how far behind it is
unpack.py    from RTP payloads to frames: Opus, VP8, VP9, H.264, AV1
order.py     packets in the order in which they were sent
times.py     when a frame was captured
tap.py       one track: from its packets to its files
recording.py one room's recording: taps, index of files, limits
router.py    rooms of this process, as a worker has them
"""
