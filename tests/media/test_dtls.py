"""DTLS over memory against OpenSSL as the client."""

from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from OpenSSL import SSL

from media.dtls import MTU, DtlsContext, DtlsServer, DtlsState, fingerprint
from media.srtp import PROFILES, PacketBuffer, session

CONTEXT = DtlsContext()
CLIENT = DtlsContext()  # only its certificate and key are used
PROFILE_NAMES = b":".join(profile.name for profile in PROFILES)


class Client:
    """A DTLS client with a certificate."""

    def __init__(self, profiles: bytes = PROFILE_NAMES) -> None:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.use_certificate(CLIENT.certificate)
        context.use_privatekey(CLIENT.key)
        context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        context.set_tlsext_use_srtp(profiles)
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()
        self.connection.set_ciphertext_mtu(600)

    def step(self) -> bool:
        """Go on with the handshake. True when it is done."""
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def record(self, kind: int, content: bytes, number: int) -> bytes:
        """A record as no library sends it, protected with the client's key (RFC 5246 section 5, RFC 5288 section 3)."""
        server, client = self.connection.server_random(), self.connection.client_random()
        secret = self.connection.master_key()
        assert server is not None and client is not None and secret is not None
        seed = b"key expansion" + server + client
        state, block = seed, b""
        while len(block) < 40:
            state = hmac.digest(secret, state, "sha256")
            block += hmac.digest(secret, state + seed, "sha256")
        place = (1 << 48 | number).to_bytes(8, "big")  # in epoch 1
        head = bytes((kind,)) + b"\xfe\xfd"
        sealed = AESGCM(block[:16]).encrypt(
            block[32:36] + place, content, place + head + len(content).to_bytes(2, "big")
        )
        return head + place + (8 + len(sealed)).to_bytes(2, "big") + place + sealed

    def datagrams(self) -> list[bytes]:
        """What the client sends."""
        found = []
        while True:
            try:
                found.append(self.connection.bio_read(1500))
            except SSL.WantReadError:
                return found


def shake_hands(server: DtlsServer, client: Client) -> None:
    for _ in range(10):
        done = client.step()
        for datagram in client.datagrams():
            server.receive(datagram)
        for datagram in server.outgoing():
            assert 0 < len(datagram) <= MTU
            client.connection.bio_write(datagram)
        if done and server.state is not DtlsState.HANDSHAKE:
            return


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_a_handshake_gives_both_sides_the_same_keys(profile: object) -> None:
    assert isinstance(profile, type(PROFILES[0]))
    server, client = DtlsServer(CONTEXT), Client(profile.name)
    shake_hands(server, client)
    assert server.state is DtlsState.CONNECTED
    keys = server.keys()
    assert keys is not None and keys.profile is profile
    material = client.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key + profile.salt))
    client_key = material[: profile.key] + material[2 * profile.key : 2 * profile.key + profile.salt]
    packet = bytes.fromhex("8060000a00000140decafbad") + bytes(50)
    buffer = PacketBuffer(200)
    buffer.view[: len(packet)] = packet
    length = session(profile, client_key, inbound=False).protect(buffer, len(packet))
    assert session(profile, keys.inbound, inbound=True).unprotect(buffer, length) == len(packet)


def test_the_servers_order_of_profiles_wins() -> None:
    server = DtlsServer(CONTEXT)
    shake_hands(server, Client(b"SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM"))
    keys = server.keys()
    assert keys is not None and keys.profile.name == b"SRTP_AEAD_AES_128_GCM"


def test_only_the_announced_certificate_is_the_peer() -> None:
    server = DtlsServer(CONTEXT)
    shake_hands(server, Client())
    right = fingerprint(CLIENT.certificate, "sha-256")
    assert server.is_peer([("sha-256", right)])
    assert server.is_peer([("SHA-256", right.lower()), ("md5", "AA:BB")])
    assert not server.is_peer([("sha-256", CONTEXT.fingerprint)])
    assert not server.is_peer([("sha-256", right), ("sha-384", right)])
    assert not server.is_peer([("md5", right)])
    assert not server.is_peer([])


def test_a_client_without_srtp_gives_no_keys() -> None:
    server = DtlsServer(CONTEXT)
    client = Client()
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.use_certificate(CLIENT.certificate)
    context.use_privatekey(CLIENT.key)
    client.connection = SSL.Connection(context, None)
    client.connection.set_connect_state()
    shake_hands(server, client)
    assert server.state is DtlsState.CONNECTED and server.keys() is None


def test_a_lost_flight_is_repeated_when_its_time_is_over() -> None:
    server, client = DtlsServer(CONTEXT), Client()
    assert server.timeout() is None
    client.step()
    for datagram in client.datagrams():
        server.receive(datagram)
    first = server.outgoing()
    assert first
    left = server.timeout()
    assert left is not None and 0 < left <= 1.0
    server.on_timer()
    assert server.outgoing() == [], "it is not time yet"


def test_a_goodbye_is_understood_and_said() -> None:
    server, client = DtlsServer(CONTEXT), Client()
    shake_hands(server, client)
    client.connection.shutdown()
    for datagram in client.datagrams():
        server.receive(datagram)
    assert server.state is DtlsState.CLOSED
    server, client = DtlsServer(CONTEXT), Client()
    shake_hands(server, client)
    server.close()
    for datagram in server.outgoing():
        client.connection.bio_write(datagram)
    with pytest.raises(SSL.ZeroReturnError):
        client.connection.recv(100)


@pytest.mark.parametrize(
    "noise", [b"\x16" * 60, bytes(13), b"\x15\xfe\xfd" + bytes(10), b"\x16\xfe\xfd" + b"\xff" * 60]
)
def test_noise_ends_nothing_but_the_connection_at_most(noise: bytes) -> None:
    server, client = DtlsServer(CONTEXT), Client()
    shake_hands(server, client)
    server.receive(noise)
    assert server.state is DtlsState.CONNECTED
    fresh = DtlsServer(CONTEXT)
    fresh.receive(noise)
    assert fresh.state in (DtlsState.HANDSHAKE, DtlsState.FAILED)


@pytest.mark.parametrize("kind, content", [(21, b"\x02\x28"), (21, b"\x02"), (22, b"\xff" * 30), (99, b"?")])
def test_a_client_that_breaks_it_off_leaves_nothing_that_reads_no_more(kind: int, content: bytes) -> None:
    server, client = DtlsServer(CONTEXT), Client()
    shake_hands(server, client)
    server.receive(client.record(kind, content, 100))
    assert server.state is DtlsState.CLOSED, "what comes now would be kept for ever"


def test_of_many_records_in_a_datagram_none_is_left_over() -> None:
    server, client = DtlsServer(CONTEXT), Client()
    shake_hands(server, client)
    server.receive(b"".join(client.record(23, b"?", number) for number in range(100, 139)))
    assert server.state is DtlsState.CONNECTED
    with pytest.raises(SSL.WantReadError):
        server._connection.recv(100)
