"""One room on several workers: each track goes once to each further one.

A link joins two workers that have the same room, over their ordinary UDP ports. There is no handshake: the control
plane gives both ends a secret and the other's addresses. One end feeds, the other is fed:

    worker with the publishers                              further worker
    Track ─ Layer ─ RelayDownlink ══ SRTP, canonical RTP ══► Stream ─ Layer ─ Track ─► its viewers
                        Feed      ◄═ NACK, PLI, wishes ════   Source

To the feeding worker the fed one is a viewer of every layer that somebody there gets or waits for, of each under an
SSRC of its own. To the fed worker the link is a publisher of all tracks: they come in through an `Uplink`, into the
same tracks and layers as from a browser. Whatever is done for viewers there, and for a third worker that is fed from
there, needs to know nothing of it. The routes hold at both ends: what they close is neither sent nor let through.

Which tracks there are, in which layers and under which SSRCs, the feeding end says in RTCP packets of its own
(`messages.py`); the fed end answers which of the layers it needs. Both are repeated until they are answered, and each
second. Nobody's packets can be taken for another's: a layer is sent only after its SSRC has been confirmed, and no SSRC
ever means another layer.

path.py      the way: keys, addresses, silence
messages.py  what the two ends say to each other
feed.py      the end that sends
source.py    the end that receives
table.py     all links of a worker: opened and closed, and which of them a datagram is of
"""
