"""The packet path: from a track's packets of this turn to its viewers.

Ingest leaves each packet in the track's cache in the form it goes out in: canonical payload type, extensions that end
at the worker taken off. Per viewer only the sequence number, the timestamp and the SSRC differ: copy, write ten
bytes, protect in place, send. The loop goes viewer by viewer, so that all packets of one viewer are together; that is
the place where a batch (segmentation offload) belongs. Nothing here awaits, logs, or makes an object per packet that
stays.
"""

from __future__ import annotations

from collections import Counter
from struct import Struct

from media.track import Track
from media.udp import UdpPort

_write = Struct("!HII").pack_into


def forward(track: Track, port: UdpPort, now: float, dropped: Counter[str]) -> None:
    """Send the track's pending packets to all its downlinks, and clear them."""
    packets = []
    for seq, timestamp, length, starts in track.pending:
        packet = track.cache.get(seq)
        if packet is not None:
            packets.append((packet, seq, timestamp, length, starts))
    track.pending.clear()
    if not packets:
        return
    out = port.sending
    view = out.view
    sendto = port.sendto
    sent = 0
    for downlink in track.downlinks:
        transport = downlink.transport
        outbound = transport.outbound
        address = transport.address
        if outbound is None or address is None:
            continue
        protect = outbound.protect
        ssrc = downlink.ssrc
        octets = packets_out = 0
        for packet, seq, timestamp, length, starts in packets:
            if not downlink.flowing and not downlink.resume(starts, seq, timestamp, now):
                continue
            ahead = (seq - downlink.highest) & 0xFFFF
            if ahead < 0x8000:
                downlink.highest = seq
                downlink.timestamp = timestamp
                downlink.span += ahead
            elif 0x10000 - ahead > downlink.span:
                continue  # from before the first one: its number would be that of another packet
            view[:length] = packet
            timestamp_out = (timestamp + downlink.timestamp_offset) & 0xFFFFFFFF
            _write(view, 2, (seq + downlink.seq_offset) & 0xFFFF, timestamp_out, ssrc)
            protected = protect(out, length)
            if protected < 0:
                dropped["srtp_protect"] += 1
                continue
            try:
                sendto(view[:protected], address)
            except OSError:  # the kernel's buffer is full, or there is no way to the address: media does not wait
                dropped["send"] += 1
                continue
            packets_out += 1
            octets += length
        downlink.packets += packets_out
        downlink.octets += octets - 12 * packets_out
        transport.bytes_out += octets
        sent += packets_out
    track.forwarded += sent
    port.packets_out += sent
