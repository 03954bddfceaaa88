"""How a node and a worker on another machine come to believe each other.

The link is TLS 1.3 with a certificate that the worker made for itself when it started, so encryption alone says nothing
about who is at the other end. Both ends know one secret, which is never sent:

    node   → NodeHello(nonce)
    worker → WorkerProof(nonce, proof)      the node has seen the worker's certificate in the handshake
    node   → NodeProof(proof)

A proof is an HMAC over who proves, both nonces, the worker's id and the fingerprint of the certificate that this end
sees. Whoever stands between the two shows another certificate than the worker's, so the two fingerprints differ and
neither proof is right (RFC 5929, `tls-server-end-point`, is the same idea; TLS 1.3 has no `tls-unique`). A proof that
was heard proves nothing a second time, and one end's proof is never the other's. What a registration in Redis says of a
worker is compared, but believed for nothing: whoever can write there does not know the secret.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets

NONCE_BYTES = 32
# A secret that somebody chose from a dictionary could be tried out on a proof that was heard.
MIN_SECRET_BYTES = 32


class End(enum.StrEnum):
    """Whose proof it is."""

    NODE = "node"
    WORKER = "worker"


def new_nonce() -> str:
    """Random, in hex."""
    return secrets.token_hex(NONCE_BYTES)


def is_nonce(text: str) -> bool:
    """Whether the other end's nonce is one."""
    return len(text) == 2 * NONCE_BYTES and all(letter in "0123456789abcdef" for letter in text)


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER form, in hex."""
    return hashlib.sha256(certificate).hexdigest()


def prove(secret: str, end: End, *, worker: str, certificate: str, node_nonce: str, worker_nonce: str) -> str:
    """The proof of an end, in hex; `certificate` is the fingerprint of the worker's."""
    said = "\n".join(("podium link 1", end, worker, certificate, node_nonce, worker_nonce))
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()


def same(expected: str, given: str) -> bool:
    """Whether two proofs or fingerprints are the same, in a time that tells nothing."""
    return hmac.compare_digest(expected.encode(), given.encode())
