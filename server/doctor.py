"""What is wrong with this installation, and the fix: looked at from outside, whether the server runs or not.

Each check is a function of the settings that yields findings; a finding that is not `ok` says what to do.
"""

from __future__ import annotations

import datetime
import enum
import errno
import http.client
import ipaddress
import resource
import shutil
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from server import links
from server.addresses import interface_addresses
from server.config import ConfigError, Settings
from server.storage.store import FILE_NAME
from server.tls import extra_names, load, self_signed

# A worker asks for socket buffers of up to this size; the kernel clamps them silently to these settings.
WANTED_BUFFER = 4 * 1024 * 1024
LOW_DISK, NO_DISK = 1024**3, 100 * 1024**2
SOON = datetime.timedelta(days=14)


class Grade(enum.StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: how it is, what it means, and what to do about it."""

    check: str
    grade: Grade
    text: str
    fix: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything."""
    return [finding for check in CHECKS for finding in check(settings)]


def tcp_port(settings: Settings) -> Iterator[Finding]:
    """Is the TCP port free, or is it us who have it?"""
    name, port = "tcp port", settings.port
    if port == 0:
        yield _ok(name, "Any free TCP port is taken.")
    elif running(settings):
        yield _ok(name, f"Podium is running on TCP port {port}.")
    else:
        yield _port(name, settings.host, port, socket.SOCK_STREAM, "--port")


def udp_ports(settings: Settings) -> Iterator[Finding]:
    """Are the workers' UDP ports free, or is it us who have them?"""
    if settings.worker_count == 0:
        yield _ok("udp ports", "The media workers are elsewhere.")
        return
    if settings.udp_port == 0:
        yield Finding(
            check="udp ports",
            grade=Grade.WARNING,
            text="Any free UDP ports are taken, others at each start: no firewall can be opened for them.",
            fix="Choose the first one with --udp-port.",
        )
        return
    alive = running(settings)
    for port in range(settings.udp_port, settings.udp_port + settings.worker_count):
        finding = _port(f"udp port {port}", settings.media_host, port, socket.SOCK_DGRAM, "--udp-port")
        if alive and finding.grade is Grade.WRONG:
            finding = _ok(finding.check, f"UDP port {port} is in use, as it is when a media worker runs.")
        yield finding
        if settings.media_tcp and not alive:
            taken = _port(f"media tcp port {port}", settings.media_host, port, socket.SOCK_STREAM, "--udp-port")
            if taken.grade is Grade.WRONG:
                yield msgspec.structs.replace(
                    taken, grade=Grade.WARNING, text=f"{taken.text} Networks without UDP would get no media."
                )


def tls(settings: Settings) -> Iterator[Finding]:
    """Is the certificate usable, for how long, and for which names?"""
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            found = load(settings.tls_cert, settings.tls_key)
        except ConfigError as error:
            yield Finding(check="tls", grade=Grade.WRONG, text=f"{error}.", fix="Give the right files in PEM form.")
            return
        left = found.expires - datetime.datetime.now(datetime.UTC)
        if left <= datetime.timedelta(0):
            yield Finding(
                check="tls",
                grade=Grade.WRONG,
                text=f"The certificate expired on {found.expires:%Y-%m-%d}.",
                fix="Renew it and restart the server.",
            )
        elif left < SOON:
            yield Finding(
                check="tls",
                grade=Grade.WARNING,
                text=f"The certificate expires in {left.days} days, on {found.expires:%Y-%m-%d}.",
                fix="Renew it and restart the server.",
            )
        else:
            yield _ok("tls", f"The certificate is for {', '.join(found.names)}, until {found.expires:%Y-%m-%d}.")
    elif settings.tls_self_signed:
        if not (settings.data / "self-signed.crt").exists():
            yield _ok("tls", "A self-signed certificate will be made at the first start.")
            return
        try:
            made = self_signed(settings.data, extra_names(settings))
        except (ConfigError, OSError) as error:
            yield Finding(
                check="tls",
                grade=Grade.WRONG,
                text=f"The self-signed certificate cannot be used: {error}.",
                fix=f"Remove self-signed.crt and self-signed.key from {settings.data}; they are made anew.",
            )
            return
        yield _ok(
            "tls", f"Self-signed, for {', '.join(made.names)}, until {made.expires:%Y-%m-%d}; browsers warn once."
        )


def secure_context(settings: Settings) -> Iterator[Finding]:
    """Will browsers allow camera and microphone?"""
    url = links.base_url(settings, settings.port)
    if not links.secure_context(url):
        yield Finding(
            check="secure context",
            grade=Grade.WRONG,
            text=f"Browsers allow no camera or microphone on {url}.",
            fix="Use --tls-self-signed, --tls-cert with --tls-key, or a reverse proxy with HTTPS and --public-url.",
        )
    elif settings.host in links.ANY_HOST and not settings.tls and not settings.public_url:
        yield Finding(
            check="secure context",
            grade=Grade.WARNING,
            text="Camera and microphone work on localhost only; elsewhere browsers allow them over HTTPS alone.",
            fix="Use --tls-self-signed, --tls-cert with --tls-key, or a reverse proxy with HTTPS and --public-url.",
        )
    else:
        yield _ok("secure context", f"Browsers allow camera and microphone on {url}.")


def public_address(settings: Settings) -> Iterator[Finding]:
    """Where will browsers send their media?"""
    name, own = "public address", interface_addresses()
    if settings.worker_count == 0:
        yield _ok(name, "Media is sent to the workers elsewhere.")
        return
    if settings.public_ip:
        if settings.public_ip in own:
            yield _ok(name, f"{settings.public_ip} is an address of this machine.")
        else:
            last = settings.udp_port + settings.worker_count - 1
            kinds = "UDP and TCP" if settings.media_tcp else "UDP"
            yield Finding(
                check=name,
                grade=Grade.WARNING,
                text=f"{settings.public_ip} is not an address of this machine; that is right behind NAT.",
                fix=f"Let the router forward {kinds} ports {settings.udp_port} to {last} to this machine.",
            )
        return
    reachable = [address for address in own if ipaddress.ip_address(address).is_global]
    if reachable:
        yield _ok(name, f"Media is reached at {', '.join(reachable)}.")
    else:
        yield Finding(
            check=name,
            grade=Grade.WARNING,
            text=f"No public address here ({', '.join(own) or 'loopback only'}): media works in this network only.",
            fix="For people outside, give the public address with --public-ip and forward the UDP ports.",
        )


def buffers(_settings: Settings) -> Iterator[Finding]:
    """Does the kernel let the media sockets have the buffers they need?"""
    for name in ("rmem_max", "wmem_max"):
        try:
            allowed = int(Path(f"/proc/sys/net/core/{name}").read_text())
        except (OSError, ValueError):
            # Not Linux, or a container that hides it: then there is nothing to say about it.
            continue
        if allowed < WANTED_BUFFER:
            yield Finding(
                check="socket buffers",
                grade=Grade.WARNING,
                text=f"net.core.{name} is {allowed}: bursts of media may be lost.",
                fix=f"sysctl -w net.core.{name}={WANTED_BUFFER}, and the same in /etc/sysctl.d/podium.conf.",
            )
        else:
            yield _ok("socket buffers", f"net.core.{name} is {allowed}.")


def descriptors(settings: Settings) -> Iterator[Finding]:
    """May the process have as many connections as the settings allow?"""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + 200
    if soft != resource.RLIM_INFINITY and soft < needed:
        yield Finding(
            check="file descriptors",
            grade=Grade.WARNING,
            text=f"This shell allows {soft} open files; {settings.max_connections} connections need {needed}.",
            fix=f"ulimit -n {needed}, LimitNOFILE={needed} in a systemd unit, or a lower --max-connections.",
        )
    else:
        yield _ok("file descriptors", "Enough for all connections.")


def clock(settings: Settings) -> Iterator[Finding]:
    """Tokens have times: is the clock plausible, and does something keep it right?"""
    now = datetime.datetime.now(datetime.UTC)
    newest = _newest_row_ms(settings.data / FILE_NAME) / 1000
    if newest > now.timestamp() + 60:
        yield Finding(
            check="clock",
            grade=Grade.WRONG,
            text=f"The clock says {now:%Y-%m-%d %H:%M} UTC, but the store holds something from later.",
            fix="Set the clock, best by NTP: timedatectl set-ntp true.",
        )
    elif _ntp_synchronized() is False:
        yield Finding(
            check="clock",
            grade=Grade.WARNING,
            text=f"Nothing keeps the clock right; it says {now:%Y-%m-%d %H:%M} UTC.",
            fix="timedatectl set-ntp true",
        )
    else:
        yield _ok("clock", f"{now:%Y-%m-%d %H:%M} UTC.")


def store(settings: Settings) -> Iterator[Finding]:
    """Is the database sound, and is there room for it?"""
    data = settings.data
    place = next(folder for folder in (data, *data.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < LOW_DISK:
        yield Finding(
            check="disk",
            grade=Grade.WRONG if free < NO_DISK else Grade.WARNING,
            text=f"{free // 1024**2} MiB are free where {data} is.",
            fix="Free space, or move the data folder with --data.",
        )
    else:
        yield _ok("disk", f"{free // 1024**3} GiB are free where {data} is.")
    path = data / FILE_NAME
    if not path.exists():
        yield _ok("store", f"{path} will be made at the first start.")
        return
    try:
        with _read_only(path) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    if found == "ok":
        yield _ok("store", f"{path} is sound, {path.stat().st_size // 1024} KiB.")
    else:
        yield Finding(
            check="store",
            grade=Grade.WRONG,
            text=f"{path} is damaged: {found}.",
            fix=f"Stop the server and restore a backup of it, or try: sqlite3 {path} .recover",
        )


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    tcp_port,
    udp_ports,
    tls,
    secure_context,
    public_address,
    buffers,
    descriptors,
    clock,
    store,
)


def running(settings: Settings) -> bool:
    """Whether a Podium server answers at the settings' port."""
    if settings.port == 0:
        return False
    host = "127.0.0.1" if settings.host in links.ANY_HOST else settings.host
    context = ssl.create_default_context()
    # It is asked whether we are there, not who we are; nothing secret is sent.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = (
        http.client.HTTPSConnection(host, settings.port, timeout=2, context=context)
        if settings.tls
        else http.client.HTTPConnection(host, settings.port, timeout=2)
    )
    try:
        connection.request("GET", "/healthz")
        answer = msgspec.json.decode(connection.getresponse().read(4096))
        return isinstance(answer, dict) and answer.get("status") == "ok" and "version" in answer
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return False
    finally:
        connection.close()


def _ok(check: str, text: str) -> Finding:
    return Finding(check=check, grade=Grade.OK, text=text)


def _port(check: str, host: str, port: int, kind: socket.SocketKind, flag: str) -> Finding:
    word = "TCP" if kind is socket.SOCK_STREAM else "UDP"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return Finding(
                    check=check,
                    grade=Grade.WRONG,
                    text=f"{word} port {port} is taken by another program.",
                    fix=f"Stop it (ss -lnp shows which), or choose another port with {flag}.",
                )
            return Finding(
                check=check,
                grade=Grade.WRONG,
                text=f"{word} port {port} on {host} cannot be bound: {error.strerror or error}.",
                fix=f"Choose another with {flag} or --host.",
            )
    return _ok(check, f"{word} port {port} is free.")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)


def _newest_row_ms(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with _read_only(path) as connection:
            query = "SELECT max(created) FROM (SELECT created FROM accounts UNION ALL SELECT created FROM conferences)"
            return int(connection.execute(query).fetchone()[0] or 0)
    except sqlite3.Error:
        return 0


def _ntp_synchronized() -> bool | None:
    """What systemd says; None where it does not run, as in containers, whose host keeps the clock."""
    if not Path("/run/systemd/system").exists():
        return None
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"], capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {b"yes": True, b"no": False}.get(answer.stdout.strip())
