"""One media connection by hand: ICE, DTLS and SRTP on a socket of its own, so that nothing keeps its owner from sending
what it likes.

It is a browser to the worker, and no library stands between: a goodbye is not heard, a closed connection goes on
sending, and every number in a packet is the caller's.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

import aioice.stun
from OpenSSL import SSL

from media import sdp
from media.dtls import DtlsContext
from media.rtp import parse as parse_rtp
from media.sdp import Description, LocalTransport
from media.srtp import PROFILES, TRAILER, PacketBuffer, SrtpSession, session

# The worker takes a peer for gone after 30 s without a check (RFC 7675); browsers check each 2.5 s.
CHECK_S = 2.0
CONNECT_S = 15.0
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module has no name for it
_timestamp = struct.Struct("@qq")
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) ", re.MULTILINE)
_CERTIFICATE = DtlsContext()  # only its certificate and key are used


class Heard(NamedTuple):
    """A packet that was decrypted; `at` is when the kernel had it, as `time.time()`: not when we came to read it."""

    at: float
    ssrc: int
    payload_type: int
    seq: int
    payload: bytes


class MediaConnection:
    """A publish or a subscribe connection. `heard` is called with every RTP packet that could be decrypted."""

    def __init__(self, heard: Callable[[Heard], None] = lambda packet: None) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.connected = asyncio.Event()
        self.sent = 0
        self.received = 0
        self._heard = heard
        self._credentials = ("", "")
        self._socket: socket.socket | None = None
        self._checked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._inbound: SrtpSession | None = None
        self._outbound: SrtpSession | None = None
        self._buffer = PacketBuffer(2048)
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.use_certificate(_CERTIFICATE.certificate)
        context.use_privatekey(_CERTIFICATE.key)
        context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        self._dtls = SSL.Connection(context, None)
        self._dtls.set_connect_state()
        self._dtls.set_ciphertext_mtu(1200)

    # --- descriptions -------------------------------------------------------------------

    def describe(self, description: Description, setup: str) -> str:
        """The text of an offer (`actpass`) or an answer (`active`) with this connection's credentials."""
        description.bundle = [section.mid for section in description.sections]
        local = LocalTransport(self.ufrag, self.password, _CERTIFICATE.fingerprint, (), 9)
        # A full agent says nothing of ice-lite.
        return sdp.write(description, local, setup, 1, 1).replace("a=ice-lite\r\n", "")

    async def connect(self, text: str) -> None:
        """Connect to what the other side's description says; done already, nothing."""
        section = next(section for section in sdp.parse(text).sections if section.ufrag)
        self._credentials = (section.ufrag, section.password)
        if self._socket is not None:
            return
        found = _CANDIDATE.search(text)
        assert found is not None, "the description has no candidate"
        self._socket = socket.socket(socket.AF_INET6 if ":" in found[1] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.connect((found[1], int(found[2])))
        asyncio.get_running_loop().add_reader(self._socket, self._readable, self._socket)
        self._tasks = [asyncio.create_task(self._keep_checking(), name="checks"), asyncio.create_task(self._shake())]
        async with asyncio.timeout(CONNECT_S):
            await self.connected.wait()

    def close(self) -> None:
        """Close the socket; nobody is told."""
        for task in self._tasks:
            task.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    # --- the socket ---------------------------------------------------------------------

    def _readable(self, receiver: socket.socket) -> None:
        while True:
            try:
                data, more, _, _ = receiver.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # nobody listens there any more; whoever is disobedient goes on
            seconds, nanoseconds = _timestamp.unpack(more[0][2][:16]) if more else (time.time(), 0)
            self._datagram(data, seconds + nanoseconds * 1e-9)

    def _datagram(self, data: bytes, at: float) -> None:
        first = data[0] if data else 255
        if first < 4:
            self._checked.set()
        elif 20 <= first < 64:
            if not self.connected.is_set():
                self._dtls.bio_write(data)
                self._step()
        elif 128 <= first < 192 and not 192 <= data[1] <= 223 and self._inbound is not None:
            self._decrypt(data, at)

    def _decrypt(self, data: bytes, at: float) -> None:
        buffer = self._buffer
        buffer.view[: len(data)] = data
        assert self._inbound is not None
        length = self._inbound.unprotect(buffer, len(data))
        parsed = parse_rtp(buffer.bytes, length) if length > 0 else None
        if parsed is None:
            return
        payload_type, _, seq, _, ssrc, header, _, _, _, padding = parsed
        self.received += 1
        self._heard(Heard(at, ssrc, payload_type, seq, bytes(buffer.view[header : length - padding])))

    def check(self) -> bytes:
        """A STUN check with the credentials of the other side's newest description."""
        ufrag, password = self._credentials
        message = aioice.stun.Message(
            message_method=aioice.stun.Method.BINDING,
            message_class=aioice.stun.Class.REQUEST,
            transaction_id=secrets.token_bytes(12),
        )
        message.attributes["USERNAME"] = f"{ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1
        message.attributes["ICE-CONTROLLING"] = 5
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(password.encode())
        return bytes(message)

    async def _keep_checking(self) -> None:
        while True:
            self.raw(self.check())
            await asyncio.sleep(CHECK_S if self._checked.is_set() else 0.1)

    async def _shake(self) -> None:
        await self._checked.wait()
        self._step()
        while not self.connected.is_set():
            await asyncio.sleep(0.2)
            with contextlib.suppress(SSL.Error):
                self._dtls.DTLSv1_handle_timeout()
            self._flush()

    def _step(self) -> None:
        try:
            self._dtls.do_handshake()
        except SSL.WantReadError:
            pass
        else:
            self._keys()
        self._flush()

    def _flush(self) -> None:
        pending = b""
        with contextlib.suppress(SSL.Error):
            pending = self._dtls.bio_read(16384)
        # A memory BIO runs records together; each goes out as a datagram of its own.
        while len(pending) >= 13:
            size = 13 + int.from_bytes(pending[11:13], "big")
            self.raw(pending[:size])
            pending = pending[size:]

    def _keys(self) -> None:
        name = self._dtls.get_selected_srtp_profile()
        profile = next(profile for profile in PROFILES if profile.name == name)
        key, salt = profile.key, profile.salt
        material = self._dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        salts = material[2 * key :]
        self._outbound = session(profile, material[:key] + salts[:salt], inbound=False)
        self._inbound = session(profile, material[key : 2 * key] + salts[salt:], inbound=True)
        self.connected.set()

    # --- sending ------------------------------------------------------------------------

    def raw(self, datagram: bytes) -> None:
        """Any bytes."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(datagram)

    def rtp(
        self,
        ssrc: int,
        payload_type: int,
        seq: int,
        timestamp: int,
        payload: bytes,
        extensions: dict[int, bytes] | None = None,
        marker: bool = True,
    ) -> None:
        """A packet with these very numbers, protected; `extensions` in the one-byte form."""
        block = b""
        if extensions:
            values = b"".join(bytes((id << 4 | len(value) - 1,)) + value for id, value in extensions.items())
            block = struct.pack("!HH", 0xBEDE, (len(values) + 3) // 4) + values + bytes(-len(values) % 4)
        header = struct.pack(
            "!BBHII",
            0x90 if block else 0x80,
            marker << 7 | payload_type,
            seq & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        self._protected(header + block + payload, rtcp=False)

    def rtcp(self, packet: bytes) -> None:
        """A compound packet, protected."""
        self._protected(packet, rtcp=True)

    def _protected(self, packet: bytes, rtcp: bool) -> None:
        if self._outbound is None:
            return
        buffer = self._buffer
        assert len(packet) + TRAILER <= len(buffer.bytes)
        buffer.view[: len(packet)] = packet
        protect = self._outbound.protect_rtcp if rtcp else self._outbound.protect
        length = protect(buffer, len(packet))
        if length > 0:
            self.raw(bytes(buffer.view[:length]))
            self.sent += 1
