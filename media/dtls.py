"""DTLS as a server over memory (RFC 6347, RFC 5764): datagrams in, datagrams out, in the end the keys for SRTP.

One OpenSSL context serves all connections. The version ends at 1.2 until 1.3 is tested. There is no cookie exchange:
a datagram is handed in only from an address that ICE has validated, which proves the same thing.
"""

from __future__ import annotations

import datetime
import enum
import secrets
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from media.srtp import PROFILES, Profile

# A UDP payload that passes every path WebRTC is used on (IPv6's 1,280 less headers).
MTU = 1200
_RECORD_HEADER = 13
_READ = 16384
# pyOpenSSL has no name for it; include/openssl/prov_ssl.h.
_DTLS1_2 = 0xFEFD
# As many as a datagram of 1,500 bytes can hold: what was left over would pile up in the memory BIO.
_MAX_RECORDS = 1500 // _RECORD_HEADER + 1
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256,
    "sha-384": hashes.SHA384,
    "sha-512": hashes.SHA512,
}


class DtlsState(enum.Enum):
    """The life of a connection. `CLOSED`: the other side said goodbye, or broke it off."""

    HANDSHAKE = enum.auto()
    CONNECTED = enum.auto()
    CLOSED = enum.auto()
    FAILED = enum.auto()


class SrtpKeys(NamedTuple):
    """What the handshake gives SRTP: the profile, and master key with salt of each direction."""

    profile: Profile
    inbound: bytes
    outbound: bytes


def self_signed() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key and a certificate of its own; peers compare the fingerprint, never the name or the dates."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(8))])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


class DtlsContext:
    """The worker's certificate, made at start and never written down, and the OpenSSL context with it."""

    def __init__(self) -> None:
        key, certificate = self_signed()
        self.key = key
        self.certificate = certificate
        self.fingerprint = fingerprint(certificate, "sha-256")
        context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        context.set_min_proto_version(_DTLS1_2)
        context.set_max_proto_version(_DTLS1_2)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_QUERY_MTU)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        # Any certificate passes here: it is self-signed by definition; its fingerprint is compared with the SDP's.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_cipher_list(
            b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
            b":ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
        )
        context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        self.context = context


def fingerprint(certificate: x509.Certificate, algorithm: str) -> str:
    """The certificate's hash as SDP writes it, `AB:CD:…` (RFC 8122). `algorithm`: a key of RFC 8122's registry."""
    return certificate.fingerprint(_HASHES[algorithm]()).hex(":").upper()


class DtlsServer:
    """One connection. Feed it with `receive`, send what `outgoing` gives, call `on_timer` when `timeout` is over."""

    __slots__ = ("_connection", "state")

    def __init__(self, context: DtlsContext) -> None:
        self._connection = SSL.Connection(context.context, None)
        self._connection.set_accept_state()
        self._connection.set_ciphertext_mtu(MTU)
        self.state = DtlsState.HANDSHAKE

    def receive(self, datagram: bytes) -> None:
        """Take one datagram. What is wrong with it ends at most in `FAILED`, never in an exception."""
        if self.state in (DtlsState.CLOSED, DtlsState.FAILED):
            return
        try:
            self._connection.bio_write(datagram)
            if self.state is DtlsState.HANDSHAKE:
                self._connection.do_handshake()
                self.state = DtlsState.CONNECTED
            for _ in range(_MAX_RECORDS):
                self._connection.recv(_READ)  # there is no data channel: what comes is thrown away
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self.state = DtlsState.CLOSED
        except SSL.Error:
            # Once connected only an authentic record has this effect, such as a fatal alert: nothing is read from here
            # on, and what still came would pile up in the memory BIO.
            self.state = DtlsState.FAILED if self.state is DtlsState.HANDSHAKE else DtlsState.CLOSED

    def outgoing(self) -> list[bytes]:
        """The datagrams to be sent now. A memory BIO runs records together: they are packed into datagrams anew."""
        datagrams: list[bytes] = []
        try:
            pending = self._connection.bio_read(_READ)
        except SSL.Error:
            return datagrams
        start = position = 0
        while position + _RECORD_HEADER <= len(pending):
            end = position + _RECORD_HEADER + int.from_bytes(pending[position + 11 : position + 13], "big")
            if end - start > MTU and position > start:
                datagrams.append(pending[start:position])
                start = position
            position = end
        datagrams.append(pending[start:])
        return datagrams

    def timeout(self) -> float | None:
        """Seconds until the last flight must be sent again, `None` when there is nothing to repeat."""
        if self.state is not DtlsState.HANDSHAKE:
            return None
        left: float | None = self._connection.DTLSv1_get_timeout()
        return left

    def on_timer(self) -> None:
        """Repeat the last flight if it is time; OpenSSL gives up after twelve times, which fails the connection."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self.state = DtlsState.FAILED

    def is_peer(self, fingerprints: list[tuple[str, str]]) -> bool:
        """Whether the peer's certificate is the one its SDP announced: (algorithm, value) pairs.

        Those of algorithms we know must all match, and there must be one (RFC 8122 section 5).
        """
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return False
        known = [
            (algorithm.lower(), value.upper()) for algorithm, value in fingerprints if algorithm.lower() in _HASHES
        ]
        return bool(known) and all(fingerprint(certificate, algorithm) == value for algorithm, value in known)

    def keys(self) -> SrtpKeys | None:
        """The SRTP keys, or `None` when no profile was agreed on. RFC 5764 section 4.2: client key, server key,
        client salt, server salt; we are the server."""
        name = self._connection.get_selected_srtp_profile()
        profile = next((profile for profile in PROFILES if profile.name == name), None)
        if profile is None:
            return None
        key, salt = profile.key, profile.salt
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client_salt = material[2 * key : 2 * key + salt]
        server_salt = material[2 * key + salt :]
        return SrtpKeys(profile, material[:key] + client_salt, material[key : 2 * key] + server_salt)

    def close(self) -> None:
        """Say goodbye (close_notify is then in `outgoing`)."""
        if self.state is DtlsState.CONNECTED:
            try:
                self._connection.shutdown()
            except SSL.Error:
                self.state = DtlsState.FAILED
                return
        self.state = DtlsState.CLOSED
