"""What is on its way out of the socket: packets in fixed slots, and one system call for many of them.

The kernel's send is most of what a forwarded packet costs, so it is asked as rarely as it can be:

- `sendmmsg` takes the messages of many viewers in one call, their addresses ready in the kernel's own form;
- segmentation offload (UDP_SEGMENT, udp(7)) makes one message of all packets to one viewer. The kernel goes through
  its layers once and cuts the message at every `size` bytes, so all packets but the last have the same size.

Neither is in Python's socket module together with the other, so the C library is called, with structures laid out here
(linux/socket.h, 64 bit). Whether that works is tried at start on two loopback sockets; where it does not, each packet
goes out by `sendto`. What the kernel does not take is dropped: media does not wait.

Packets lie in slots because they are protected where they are sent from. A packet that was protected is never
protected again, whatever becomes of the message: a repeated number under another content gives away the key stream.

Before protection most viewers' packets are the same. So slots are filled with copies of one image, and the kernel's
structures column by column: what Python does for each viewer is next to nothing (`spread`, `fill`). Slots are small,
and a packet takes several: whatever lies between packets is copied as well, and takes the place of something else in
the processor's cache.
"""

from __future__ import annotations

import ctypes
import errno
import select
import socket
import sys
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple

from media.srtp import PROFILES, TRAILER, PacketSlots, SrtpSession, protect_all, session

# A batch is sent as soon as it has so many packets: enough to share a system call, few enough to be still in the
# processor's cache when the kernel copies them. Beyond that there is room for one viewer's packets of one turn.
BATCH = 64
PACKETS = 256
# Bytes; a multiple of the cache line. There are enough for as many packets of an Ethernet frame each.
SLOT = 128
_SLOTS = PACKETS * 1536 // SLOT
# Older kernels cut into 64 at most (UDP_MAX_SEGMENTS), and a message is one IP packet of less than 65,536 bytes.
# So many of 1,516 bytes, the largest SRTP packet of ours, stay below both.
MAX_SEGMENTS = 42

# Seconds. A full buffer empties within so long at 100 Mbit/s by a whole batch; the loop waits no longer, and not again
# for so long when that was in vain.
MAX_WAIT, NO_WAIT = 0.005, 0.020

_SOL_UDP, _UDP_SEGMENT = 17, 103
_DONTWAIT = 0x40
# struct mmsghdr: name, its length, iovec, count, control, its length, flags, what was sent.
_HEADER = 64
_header = Struct("=QQQQQQ").pack_into
# struct iovec: where, and how much.
_VECTOR = 16
# struct cmsghdr with a 16-bit value, filled up to 8 bytes.
_CONTROL = 24
_control = Struct("=QiiH6x").pack_into
_in4 = Struct("=HH4s8x")
_in6 = Struct("=HHI16sI")
# What kernels and network devices say when they cannot cut a message up.
_NO_OFFLOAD = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP)

Address = tuple[Any, ...]


class Target:
    """An address a viewer is at, also in the form the kernel takes it. Keep it as long as its pointer is used."""

    __slots__ = ("_memory", "address", "pointer")

    def __init__(self, address: Address) -> None:
        self.address = address
        packed = _packed(address)
        self._memory = ctypes.create_string_buffer(packed, len(packed))
        self.pointer = ctypes.addressof(self._memory)


class Abilities(NamedTuple):
    """What this kernel can do: many messages in one call, and messages that it cuts up."""

    batches: bool
    segments: bool


class Audience:
    """Viewers who get the same packets, as columns: where they are, and what protects a packet for each. All
    protections lengthen a packet by `tag` bytes."""

    __slots__ = ("contexts", "names", "sessions", "tag", "targets")

    def __init__(self, tag: int, targets: list[Target], sessions: list[SrtpSession]) -> None:
        self.tag = tag
        self.targets = targets
        self.sessions = sessions  # their contexts live as long as they do
        self.contexts = [session.context for session in sessions]
        self.names = array("Q", [target.pointer for target in targets])


class Outbox:
    """Packets are written to slots and protected there; messages say which slots go where; `flush` sends them.

    `spread` sends packets to an audience at once. Where each viewer gets others as well, `fill` protects each packet
    for those who get it, `put` says for each viewer which slots it gets, and `flush` sends them. Then the slots are
    free.
    """

    def __init__(self, out: socket.socket, dropped: Counter[str], abilities: Abilities | None = None) -> None:
        self.slots = PacketSlots(_SLOTS, SLOT, PACKETS)
        self.abilities = probe() if abilities is None else abilities
        self.most_segments = MAX_SEGMENTS if self.abilities.segments else 1
        self._socket = out
        self._dropped = dropped
        self._count = self._vector = 0  # messages to be sent, and vectors they take
        self._targets: list[Target] = []  # theirs: the pointers in the messages are good as long as they are kept
        self._full_until = 0.0
        self.moves = 0  # how often a viewer's address has changed; whoever keeps an `Audience` makes it anew then
        self._name_length = (_in4 if out.family == socket.AF_INET else _in6).size
        vectors, controls, headers = (bytearray(each * PACKETS) for each in (_VECTOR, _CONTROL, _HEADER))
        first_slot, first_vector = _address(self.slots.view), _address(vectors)
        self._slots_at = array("Q", range(first_slot, first_slot + SLOT * _SLOTS, SLOT))
        self._vectors_at = array("Q", range(first_vector, first_vector + _VECTOR * PACKETS, _VECTOR))
        self._headers_at, controls_at = _address(headers), _address(controls)
        for n in range(PACKETS):
            _control(controls, _CONTROL * n, _CONTROL - 6, _SOL_UDP, _UDP_SEGMENT, 0)
            _header(headers, _HEADER * n, 0, self._name_length, 0, 0, controls_at + _CONTROL * n, 0)
        self._headers = memoryview(headers).cast("Q")
        self._sizes = memoryview(controls).cast("H")
        self._vectors = memoryview(vectors).cast("Q")

    def spread(self, packets: Sequence[bytes], audience: Audience) -> int:
        """Send these packets, at most `PACKETS`, to each of the audience; nothing may be waiting for a flush. Returns
        how many were sent.

        The slots are filled viewer by viewer, but protected and described packet by packet: everything of one packet
        is a column with a stride, whatever the number of viewers. From one batch to the next only keys and addresses
        are others.
        """
        if not audience.targets:
            return 0
        slots, headers = self.slots, self._headers
        each = len(packets)
        most = min(max(1, BATCH // each), len(audience.targets))
        width = slots_of(max(map(len, packets)))
        images = memoryview(b"".join([packet.ljust(SLOT * width, b"\0") for packet in packets]) * most)
        lengths = array("i", map(len, packets)) * most
        several = self._describe([len(packet) + audience.tag for packet in packets], width, most)
        sent = 0
        for begin in range(0, len(audience.targets), most):
            contexts, names = audience.contexts[begin : begin + most], audience.names[begin : begin + most]
            count = len(contexts)
            number = each * count
            slots.view[: SLOT * width * number] = images[: SLOT * width * number]
            slots.set_lengths(lengths)
            refused: list[int] | None = None
            for n in range(each):
                pointers, cells = slots.pointers[width * n : width * number : width * each], slots.cells[n:number:each]
                status = protect_all(contexts, pointers, cells)
                if any(status):
                    refused = [former or now for former, now in zip(refused or status, status, strict=True)]
            for n in range(several):
                headers[8 * n : 8 * several * count : 8 * several] = names
            sent += each * (count - self._send_accepted(refused, count, each, several))
        return sent

    def _describe(self, wires: list[int], width: int, count: int) -> int:
        """Describe packets of these lengths, each in `width` slots, for so many viewers who get them all: everything
        but their names. Returns in how many messages each viewer gets them."""
        vectors, headers, sizes = self._vectors, self._headers, self._sizes
        each = len(wires)
        number = each * count
        vectors[0 : 2 * number : 2] = self._slots_at[0 : width * number : width]
        vectors[1 : 2 * number : 2] = array("Q", wires) * count
        messages = self._messages(wires)
        several = len(messages)
        for n, (first, packed, size) in enumerate(messages):
            at, last = 8 * n, 8 * several * count
            headers[at + 2 : last : 8 * several] = self._vectors_at[first:number:each]
            headers[at + 3 : last : 8 * several] = array("Q", (packed,)) * count
            headers[at + 5 : last : 8 * several] = array("Q", (_CONTROL if packed > 1 else 0,)) * count
            sizes[12 * n + 8 : 12 * several * count : 12 * several] = array("H", (size,)) * count
        return several

    def _messages(self, wires: Sequence[int]) -> list[tuple[int, int, int]]:
        """(first, how many, size) of the messages that packets of these lengths are put together to: neighbours of one
        size, and a shorter one behind them."""
        messages = []
        begin = size = 0  # size 0: none is being put together
        for number, wire in enumerate(wires):
            if size and (wire > size or number - begin == self.most_segments):
                messages.append((begin, number - begin, size))
                size = 0
            if not size:
                begin, size = number, wire
            if wire < size:
                messages.append((begin, number + 1 - begin, size))
                size = 0
        if size:
            messages.append((begin, len(wires) - begin, size))
        return messages

    def _send_accepted(self, refused: list[int] | None, count: int, each: int, several: int) -> int:
        """Send `each` packets, in `several` messages, to each of so many viewers, but to none of whose packets one was
        refused: it may be unprotected. Returns how many viewers that are."""
        if refused is None:
            self._send(0, several * count)
            return 0
        first = lost = 0
        for viewer, status in enumerate([*refused, 1]):
            if status:
                self._send(several * first, several * viewer)
                first = viewer + 1
                lost += 1
        lost -= 1
        self._dropped["srtp_protect"] += each * lost
        return lost

    def fill(self, first: int, packet: bytes, contexts: list[Any]) -> list[int]:
        """Write a packet to the slots from number `first` on and protect it there, once with each context; each takes
        `slots_of` its length. Returns 0 for each. What is not 0 must not be sent, it is not protected; only a mistake
        of ours leads there, a number that was sent before."""
        slots = self.slots
        count, width = len(contexts), slots_of(len(packet))
        end = first + count * width
        slots.view[SLOT * first : SLOT * end] = packet.ljust(SLOT * width, b"\0") * count
        slots.set_lengths(array("i", (len(packet),)) * count)
        return protect_all(contexts, slots.pointers[first:end:width], slots.cells)

    def put(self, target: Target, packets: list[tuple[int, int]]) -> None:
        """The packets that begin in these slots, each of that length, go to `target` with the next flush, in this
        order.

        Neighbours of one size become a message that the kernel cuts up, and so does a shorter one behind them.
        """
        vectors, at = self._vectors, self._slots_at
        first = vector = self._vector
        most = self.most_segments
        self._targets.append(target)
        size = 0  # as in `_messages`, whose lists would cost more here than what they say
        for slot, length in packets:
            if size and (length > size or vector - first == most):
                self._message(target, first, vector - first, size)
                size = 0
            if not size:
                first, size = vector, length
            vectors[2 * vector] = at[slot]
            vectors[2 * vector + 1] = length
            vector += 1
            if length < size:
                self._message(target, first, vector - first, size)
                size = 0
        if size:
            self._message(target, first, vector - first, size)
        self._vector = vector

    def _message(self, target: Target, first: int, count: int, size: int) -> None:
        number = self._count
        self._count = number + 1
        headers, at = self._headers, 8 * number
        headers[at] = target.pointer
        headers[at + 2] = self._vectors_at[first]
        headers[at + 3] = count
        if count > 1:
            self._sizes[(_CONTROL // 2) * number + 8] = size
            headers[at + 5] = _CONTROL
        else:
            headers[at + 5] = 0

    def flush(self) -> None:
        """Send what has been put. The slots are free afterwards."""
        self._send(0, self._count)
        self.discard()

    def discard(self) -> None:
        """Send nothing of what has been put."""
        self._count = self._vector = 0
        self._targets.clear()

    def _send(self, first: int, end: int) -> None:
        """Send the messages from number `first` to before `end`."""
        if not self.abilities.batches:
            for number in range(first, end):
                self._send_plain(number)
            return
        fileno, headers = self._socket.fileno(), self._headers
        done = first
        while done < end:
            sent = _sendmmsg(fileno, self._headers_at + _HEADER * done, end - done, _DONTWAIT)
            if sent > 0:
                done += sent
                continue
            reason = ctypes.get_errno()
            if reason == errno.EINTR or (reason == errno.EAGAIN and self._has_room_soon()):
                continue
            if reason == errno.EAGAIN:
                self._dropped["send"] += sum(headers[8 * number + 3] for number in range(done, end))
                return
            if headers[8 * done + 3] > 1 and reason in _NO_OFFLOAD:
                # Its packets one by one; they stay as they were protected.
                self._dropped["segments_refused"] += 1
                self._send_plain(done)
            else:  # the device's queue is full (ENOBUFS), or there is no way to this address
                self._dropped["send"] += headers[8 * done + 3]
            done += 1

    def _has_room_soon(self) -> bool:
        """The kernel's buffer is full: wait a moment for the network to take some of it. When it did not, there is no
        waiting for a while: media that comes late is worth less than what comes next."""
        now = time.monotonic()
        if now < self._full_until:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        if poll.poll(MAX_WAIT * 1000):
            return True
        self._full_until = now + NO_WAIT
        return False

    def _send_plain(self, number: int) -> None:
        pointer, _, vector, count = self._headers[8 * number : 8 * number + 4]
        address = _unpacked(ctypes.string_at(pointer, self._name_length))
        first = (vector - self._vectors_at[0]) // _VECTOR
        for at in range(2 * first, 2 * (first + count), 2):
            start = self._vectors[at] - self._slots_at[0]
            try:
                self._socket.sendto(self.slots.view[start : start + self._vectors[at + 1]], address)
            except OSError:  # its buffer is full, or there is no way to the address
                self._dropped["send"] += 1


def slots_of(length: int) -> int:
    """How many slots a packet of so many bytes takes, with what protection adds to it."""
    return (length + TRAILER + SLOT - 1) // SLOT


def _packed(address: Address) -> bytes:
    """An address as the kernel takes it: struct sockaddr_in or sockaddr_in6."""
    if len(address) == 2:
        return _in4.pack(socket.AF_INET, socket.htons(address[1]), socket.inet_aton(address[0]))
    host = socket.inet_pton(socket.AF_INET6, address[0].partition("%")[0])
    return _in6.pack(socket.AF_INET6, socket.htons(address[1]), socket.htonl(address[2]), host, address[3])


def _unpacked(name: bytes) -> Address:
    """The same backwards."""
    if len(name) == _in4.size:
        _, port, host = _in4.unpack(name)
        return socket.inet_ntoa(host), socket.ntohs(port)
    _, port, flow, host, scope = _in6.unpack(name)
    return socket.inet_ntop(socket.AF_INET6, host), socket.ntohs(port), socket.ntohl(flow), scope


def _address(memory: bytearray | memoryview) -> int:
    """Where the bytes are. They must be kept, and not be resized."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _find_sendmmsg() -> Any:
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        found = ctypes.CDLL(None, use_errno=True).sendmmsg
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    found.restype = ctypes.c_int
    return found


_sendmmsg = _find_sendmmsg()


def probe() -> Abilities:
    """Try it, from one loopback socket to another: first with messages that are to be cut up, then without."""
    if _sendmmsg is None:
        return Abilities(False, False)
    for abilities in (Abilities(True, True), Abilities(True, False)):
        if _works(abilities):
            return abilities
    return Abilities(False, False)


def _works(abilities: Abilities) -> bool:
    profile = PROFILES[0]
    packets = [bytes((0x80, 96, 0, n)) + bytes(size) for n, size in enumerate((100, 100, 60, 80))]
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink,
        ):
            sink.bind(("127.0.0.1", 0))
            sink.settimeout(0.2)
            dropped: Counter[str] = Counter()
            outbox = Outbox(out, dropped, abilities)
            sender = session(profile, bytes(profile.key + profile.salt), inbound=False)
            width, target = slots_of(max(map(len, packets))), Target(sink.getsockname())
            for n, packet in enumerate(packets):
                outbox.fill(n * width, packet, [sender.context])
            outbox.put(target, [(n * width, len(packet) + sender.tag) for n, packet in enumerate(packets)])
            outbox.flush()
            arrived = [sink.recv(2000) for _ in packets]
            return not dropped and all(
                len(there) == len(packet) + sender.tag and there[:12] == packet[:12]
                for there, packet in zip(arrived, packets, strict=True)
            )
    except OSError:
        return False
