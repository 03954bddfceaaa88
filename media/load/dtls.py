"""DTLS as a client: the same connection as the worker's, from the other end."""

from __future__ import annotations

from OpenSSL import SSL

from media.dtls import MTU, DtlsServer, DtlsState, SrtpKeys, fingerprint, self_signed
from media.srtp import Profile


class ClientContext:
    """One certificate and one OpenSSL context for all load clients, which offer one SRTP profile."""

    def __init__(self, profile: Profile) -> None:
        key, certificate = self_signed()
        self.fingerprint = fingerprint(certificate, "sha-256")
        self.context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        self.context.set_options(SSL.OP_NO_QUERY_MTU)
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        # The worker's certificate is self-signed; its fingerprint is compared with its description's.
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_tlsext_use_srtp(profile.name)


class DtlsClient(DtlsServer):
    """One connection that begins the handshake: `start`, then as `DtlsServer`."""

    __slots__ = ()

    def __init__(self, context: ClientContext) -> None:
        self._connection = SSL.Connection(context.context, None)
        self._connection.set_connect_state()
        self._connection.set_ciphertext_mtu(MTU)
        self.state = DtlsState.HANDSHAKE

    def start(self) -> None:
        """Write the first flight."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return

    def keys(self) -> SrtpKeys | None:
        """As the server's, with the directions exchanged."""
        keys = super().keys()
        return None if keys is None else SrtpKeys(keys.profile, keys.outbound, keys.inbound)
