"""Networks that are not as one would like them: without UDP, with another address in mid-call, of IPv6."""

from __future__ import annotations

import asyncio
import re
import socket
import time

import pytest
from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from media.__main__ import read_arguments
from media.codecs import OPUS
from protocol.control import Heartbeat, PublishAnswer
from tests.chaos import UdpChaos
from tests.media.peers import Viewer
from tests.media.test_worker import PEERS, hostile_datagrams, stage, tracks
from tests.media.tunnel import TcpTunnel
from tests.media.worker_process import FakeServer, running_worker


def port_of(server: FakeServer) -> int:
    assert server.hello is not None
    return server.hello.udp_port


# --- TCP --------------------------------------------------------------------------------------------


async def test_a_call_whose_every_packet_goes_over_tcp_is_heard_and_seen() -> None:
    async with (
        running_worker() as server,
        TcpTunnel(("127.0.0.1", port_of(server))) as network,
        stage(server, network.port, (640, 480)) as playing,
    ):
        await playing.viewer.sees("anna/video", 30)
        await playing.viewer.sees("anna/audio", 50)
        picture, frames = playing.publisher.picture, playing.viewer.frames
        sent, seen = picture.sent, frames["anna/video"]
        await playing.viewer.sees("anna/video", 30)
        assert (picture.sent - sent) - (frames["anna/video"] - seen) <= 3, "what is under way"
        beat = await server.heartbeat()
        assert min(network.carried.values()) > 100 and "tcp_full" not in beat.dropped
        # Nothing went by UDP, and everything is counted once.
        assert 0 <= network.carried["down"] - beat.packets_out < 100
        assert 0 <= network.carried["up"] - beat.packets_in < 100


async def test_viewers_over_tcp_and_over_udp_see_the_same_publisher() -> None:
    async with (
        running_worker() as server,
        TcpTunnel(("127.0.0.1", port_of(server))) as network,
        stage(server) as playing,
    ):
        await server.routes(tracks(), {**PEERS, "otto": "audience"})
        otto = Viewer(server, "otto", port=network.port)
        await otto.start()
        for _ in range(3):
            await asyncio.gather(*(viewer.sees("anna/video", 10) for viewer in (playing.viewer, otto)))
            await asyncio.gather(*(viewer.sees("anna/audio", 20) for viewer in (playing.viewer, otto)))
        await otto.close()


async def test_a_tcp_connection_that_breaks_is_replaced_by_the_clients_next_one() -> None:
    async with (
        running_worker() as server,
        TcpTunnel(("127.0.0.1", port_of(server))) as network,
        stage(server, network.port) as playing,
    ):
        await playing.viewer.sees("anna/video")
        network.cut()
        await asyncio.sleep(7)  # aiortc checks each 5 s, not sooner
        await playing.viewer.sees("anna/video")
        await playing.viewer.sees("anna/audio")


async def test_strangers_at_the_tcp_port_disturb_nobody_and_are_not_answered() -> None:
    async with running_worker() as server, stage(server) as playing:
        await playing.viewer.sees("anna/video")
        loop = asyncio.get_running_loop()
        with socket.socket() as polite, socket.socket() as rude:
            for stranger in (polite, rude):
                stranger.setblocking(False)
                await loop.sock_connect(stranger, ("127.0.0.1", port_of(server)))
            frames = [datagram for datagram in hostile_datagrams() if len(datagram) <= 1500]
            stream = b"".join(len(each).to_bytes(2, "big") + each for each in frames)
            await loop.sock_sendall(polite, stream)
            await loop.sock_sendall(rude, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
            await playing.viewer.sees("anna/video", 10)
            async with asyncio.timeout(10):
                for stranger in (polite, rude):
                    assert await loop.sock_recv(stranger, 1) == b"", "cut off, without a word"
        after: Heartbeat = await server.heartbeat()
        assert {"unknown_address", "stun_unknown", "stun_malformed", "tcp_frame", "tcp_unproven"} <= set(after.dropped)
        assert "error" not in after.dropped and after.transports == 2


async def test_tcp_is_offered_after_udp_under_the_same_number_and_can_be_switched_off() -> None:
    for arguments, kinds in ((), ["udp", "tcp"]), (("--no-tcp",), ["udp"]):
        async with running_worker(*arguments) as server, stage(server) as playing:
            await playing.viewer.sees("anna/video", 1)
            answer = server.all(PublishAnswer)[0].sdp
            section = answer.split("m=")[1]
            found = re.findall(r"a=candidate:\d+ 1 (\w+) (\d+) 127.0.0.1 (\d+) typ host(.*)", section)
            assert [kind for kind, *_ in found] == kinds
            assert {int(port) for _, _, port, _ in found} == {port_of(server)}
            priorities = [int(priority) for _, priority, _, _ in found]
            assert priorities == sorted(priorities, reverse=True)
            assert all((kind == "tcp") is (rest.strip() == "tcptype passive") for kind, _, _, rest in found)


async def test_a_port_that_is_taken_for_tcp_alone_costs_tcp_and_not_the_call() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with running_worker("--udp-port", str(port)) as server, stage(server) as playing:
            await playing.viewer.sees("anna/video")
            assert port_of(server) == port and " tcp " not in server.all(PublishAnswer)[0].sdp


# --- another address in mid-call --------------------------------------------------------------------


class Gaps:
    """The longest time between two packets of audio that a viewer of aiortc was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._at = 0.0
        self.longest = 0.0
        handle = RTCRtpReceiver._handle_rtp_packet

        async def note(receiver: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
            if packet.payload_type == OPUS.payload_type:
                self._heard()
            await handle(receiver, packet, arrival_time_ms)

        monkeypatch.setattr(RTCRtpReceiver, "_handle_rtp_packet", note)

    def _heard(self) -> None:
        now = time.monotonic()
        if self._at:
            self.longest = max(self.longest, now - self._at)
        self._at = now

    def begin(self) -> None:
        """Measure from now on."""
        self.longest = 0.0


async def test_a_publisher_whose_nat_is_restarted_is_heard_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = Gaps(monkeypatch)
    async with (
        running_worker() as server,
        UdpChaos(("127.0.0.1", port_of(server))) as network,
        stage(server, network.port, viewer_port=0) as playing,
    ):
        await playing.viewer.sees("anna/audio", 100)
        gaps.begin()
        for _ in range(3):
            network.rebind()
            await playing.viewer.sees("anna/audio", 100)
        # 20 ms of it is the packet that proves whose it is; the rest is this machine.
        assert gaps.longest < 1.0, gaps.longest
        await playing.viewer.sees("anna/video")
        assert (await server.heartbeat()).dropped["moved"] >= 3


async def test_a_viewer_whose_nat_is_restarted_hears_on_with_its_next_report(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = Gaps(monkeypatch)
    async with (
        running_worker() as server,
        UdpChaos(("127.0.0.1", port_of(server))) as network,
        stage(server, 0, viewer_port=network.port) as playing,
    ):
        await playing.viewer.sees("anna/audio", 100)
        found = []
        for _ in range(3):
            gaps.begin()
            network.rebind()
            await playing.viewer.sees("anna/audio", 100)
            found.append(gaps.longest)
        # aiortc reports each 0.5 to 1.5 s, once for sound and once for pictures; where a report is lost with the old
        # address, it is its checks that tell, each 5 s.
        assert sorted(found)[1] < 1.0 and max(found) < 2.0, found
        await playing.viewer.sees("anna/video")


# --- IPv6 -------------------------------------------------------------------------------------------


async def test_a_call_over_ipv6_is_heard_and_seen() -> None:
    async with (
        running_worker(address="::1") as server,
        UdpChaos(("::1", port_of(server))) as network,
        stage(server, network.port, (1280, 720)) as playing,
    ):
        await playing.viewer.sees("anna/video", 15)
        await playing.viewer.sees("anna/audio", 50)
        answer = server.all(PublishAnswer)[0].sdp
        assert (
            f" udp 2130706430 ::1 {port_of(server)} typ host" in answer
            and f" ::1 {port_of(server)} typ host tcptype" in answer
        )
        dropped = (await server.heartbeat()).dropped
        assert "send" not in dropped and "segments_refused" not in dropped


async def test_one_worker_serves_both_versions_and_tcp_of_both() -> None:
    async with (
        running_worker("--udp-host", "::", "--address", "::1") as server,
        UdpChaos(("127.0.0.1", port_of(server))) as four,
        UdpChaos(("::1", port_of(server))) as six,
        TcpTunnel(("::1", port_of(server))) as six_by_tcp,
        TcpTunnel(("127.0.0.1", port_of(server))) as four_by_tcp,
        stage(server, four.port, viewer_port=six.port) as playing,
    ):
        await server.routes(tracks(), {**PEERS, "otto": "audience", "olga": "audience"})
        others = [Viewer(server, "otto", port=six_by_tcp.port), Viewer(server, "olga", port=four_by_tcp.port)]
        for viewer in others:
            await viewer.start()
        for viewer in (playing.viewer, *others):
            await viewer.sees("anna/video", 10)
            await viewer.sees("anna/audio", 20)
        for viewer in others:
            await viewer.close()


def test_a_zone_which_means_nothing_elsewhere_is_never_advertised() -> None:
    for address in ("fe80::1%eth0", "fe80::1"):
        with pytest.raises(SystemExit):
            read_arguments(["--control", "unix:/x", "--worker", "w", "--address", address])
