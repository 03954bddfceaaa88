"""A link to a worker elsewhere: TLS 1.3, and proof on both sides of one secret (protocol/proof.py)."""

from __future__ import annotations

import asyncio
import ssl

from protocol import control, proof
from protocol.codec import BadMessage
from server.workers.link import WorkerLink
from server.workers.registry import Registration
from server.workers.worker import HEARTBEAT_S

DIAL_S = 2.0


class NotBelieved(Exception):
    """Something answers there that is not the worker, or does not take us for a node of its own."""


async def dial(
    registration: Registration, secret: str, node: str, kept_s: float
) -> tuple[WorkerLink, control.Heartbeat]:
    """Connect to a worker and have each other prove who we are; the link, and what the worker says first. `kept_s`: see
    `WorkerWelcome`.

    Raises `OSError`, `TimeoutError`, `NotBelieved`.
    """
    async with asyncio.timeout(DIAL_S):
        # The certificate is compared with what the secret vouches for, after the handshake: no authority has signed it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        reader, writer = await asyncio.open_connection(registration.host, registration.port, ssl=context)
        link = WorkerLink(reader, writer)
        try:
            seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            await _introduce(link, proof.fingerprint(seen), registration, secret, node)
            link.send(control.WorkerWelcome(heartbeat_s=HEARTBEAT_S, kept_s=kept_s))
            # A node that is not believed is told nothing: the link ends.
            beat = await link.read()
            if not isinstance(beat, control.Heartbeat):
                raise NotBelieved("it did not take us for a node")
        except (asyncio.IncompleteReadError, BadMessage) as error:
            link.close()
            raise NotBelieved(f"it does not take us for a node of its own ({type(error).__name__})") from None
        except BaseException:
            link.close()
            raise
        return link, beat


async def _introduce(link: WorkerLink, seen: str, registration: Registration, secret: str, node: str) -> None:
    if not proof.same(registration.fingerprint, seen):
        raise NotBelieved("its certificate is not the one that is registered")
    nonce = proof.new_nonce()
    link.send(control.NodeHello(node=node, nonce=nonce, version=control.CONTROL_VERSION))
    said = await link.read()
    if not isinstance(said, control.WorkerProof) or not proof.is_nonce(said.nonce):
        raise NotBelieved("it did not prove that it knows the secret")

    def prove(end: proof.End) -> str:
        return proof.prove(
            secret,
            end,
            worker=registration.worker,
            certificate=seen,
            node_nonce=nonce,
            worker_nonce=said.nonce,
        )

    if not proof.same(prove(proof.End.WORKER), said.proof):
        raise NotBelieved("it does not know the secret")
    link.send(control.NodeProof(proof=prove(proof.End.NODE)))
