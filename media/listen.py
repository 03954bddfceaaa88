"""Links from nodes: TCP and TLS 1.3, and proof on both sides that the other one knows the secret (protocol/proof.py).

Whoever can reach the port can begin a handshake, and the loop that makes it carries everybody's media. So only a few
are under way at once, no more than some each second are begun, and each has its time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from media.control import Party, serve
from media.link import Link
from protocol import proof
from protocol.codec import BadMessage
from protocol.control import CONTROL_VERSION, NodeHello, NodeProof, WorkerProof, WorkerWelcome

# A handshake takes the loop some 0.5 ms.
ACCEPTS_PER_SECOND = 50
MAX_BEGINNING = 64
# Of them from one address. A node has one link, and behind one address there are a few; the other places are not
# theirs, so that whoever fills these keeps nobody else out.
MAX_BEGINNING_FROM_ONE = 8
# Each node has one link; a system of hundreds of nodes is beyond what one Redis carries.
MAX_LINKS = 1000
BEGIN_WITHIN = 5.0
# What is said before the proof is short.
MAX_FRAME = 4096

log = structlog.get_logger("media.listen")


class Listener:
    """Takes links from nodes at `address` (host, port; 0 is any port). `worker` is this worker's id, `certificate` a
    PEM file with certificate and key. Raises `OSError` when the port cannot be had."""

    def __init__(self, address: tuple[str, int], worker: str, secret: str, certificate: Path, party: Party) -> None:
        self._worker = worker
        self._secret = secret
        self._party = party
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(certificate)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._fingerprint = proof.fingerprint(found.public_bytes(Encoding.DER))
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.create_server(address, family=family, backlog=128)
        self._socket.setblocking(False)
        self._beginning: Counter[str] = Counter()  # machine → how many
        self._links: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The TCP port."""
        port: int = self._socket.getsockname()[1]
        return port

    async def run(self) -> None:
        """Take links, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._socket)
                except OSError as error:  # no file descriptors left, or it was gone before it was taken
                    log.warning("a link was not taken", reason=error.strerror)
                else:
                    machine = _machine(address[0])
                    if self._refuses(machine):
                        connection.close()
                    else:
                        self._beginning[machine] += 1
                        task = asyncio.create_task(self._take(connection, address[0], machine), name="link")
                        self._links.add(task)
                        task.add_done_callback(self._links.discard)
                await asyncio.sleep(1 / ACCEPTS_PER_SECOND)
        finally:
            self._socket.close()
            for task in self._links:
                task.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    def _refuses(self, machine: str) -> bool:
        return (
            self._beginning[machine] >= MAX_BEGINNING_FROM_ONE
            or self._beginning.total() >= MAX_BEGINNING
            or len(self._links) >= MAX_LINKS
        )

    async def _take(self, connection: socket.socket, address: str, machine: str) -> None:
        link = None
        try:
            try:
                async with asyncio.timeout(BEGIN_WITHIN):
                    link = await self._secured(connection)
                    welcome = await self._introduced(link)
            finally:
                self._beginning[machine] -= 1
                self._beginning += Counter()  # without machines that begin nothing any more
        except (OSError, TimeoutError, asyncio.IncompleteReadError, BadMessage, ValueError) as error:
            log.warning("a link was refused", address=address, reason=f"{type(error).__name__}: {error}")
            if link is not None:
                link.abort()
            return
        log.info("a node has connected", node=link.name, address=address)
        self._party.joined(link, welcome)
        try:
            await serve(link, self._party)
        except (OSError, asyncio.IncompleteReadError, BadMessage) as error:
            log.info("a node's link ended", node=link.name, reason=f"{type(error).__name__}: {error}")
        finally:
            self._party.left(link)
            link.close()

    async def _secured(self, connection: socket.socket) -> Link:
        loop = asyncio.get_running_loop()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=BEGIN_WITHIN
            )
        except BaseException:
            with contextlib.suppress(OSError):
                connection.close()
            raise
        return Link(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def _introduced(self, link: Link) -> WorkerWelcome:
        """Prove ourselves, and have the node prove itself. Raises `BadMessage`."""
        hello = await link.read(MAX_FRAME)
        if not isinstance(hello, NodeHello) or not proof.is_nonce(hello.nonce):
            raise BadMessage("the first message is not a node's hello")
        if hello.version != CONTROL_VERSION:
            raise BadMessage(f"the node speaks version {hello.version}, this worker {CONTROL_VERSION}")
        link.name = hello.node[:64]
        nonce = proof.new_nonce()
        mine = self._prove(proof.End.WORKER, hello.nonce, nonce)
        link.send(WorkerProof(worker=self._worker, nonce=nonce, proof=mine))
        answer = await link.read(MAX_FRAME)
        theirs = self._prove(proof.End.NODE, hello.nonce, nonce)
        if not isinstance(answer, NodeProof) or not proof.same(theirs, answer.proof):
            raise BadMessage("the node does not know the secret")
        welcome = await link.read(MAX_FRAME)
        if not isinstance(welcome, WorkerWelcome):
            raise BadMessage("the node did not welcome")
        return welcome

    def _prove(self, end: proof.End, node_nonce: str, worker_nonce: str) -> str:
        return proof.prove(
            self._secret,
            end,
            worker=self._worker,
            certificate=self._fingerprint,
            node_nonce=node_nonce,
            worker_nonce=worker_nonce,
        )


def _machine(address: str) -> str:
    """What stands for all addresses that one machine has for the asking: of version 6 that is a network of 64 bits."""
    bare = address.partition("%")[0]
    return str(ipaddress.ip_network((bare, 64), strict=False)) if ":" in bare else bare
