"""The sockets the server listens on, bound before anything else starts, so that a taken port is a plain sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import IO

import msgspec

BACKLOG = 2048
LOCK_NAME = "podium.lock"


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


def tcp(host: str, port: int) -> list[socket.socket]:
    """Bound sockets for `host`, all on one port (0: any free one), not yet listening. Raises `StartError`."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise StartError(f"--host: {host} is no address of this machine ({error.strerror}).") from None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        if bound and port == 0:
            address = (address[0], bound[0].getsockname()[1], *address[2:])
        one = socket.socket(family, kind, protocol)
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # `::` serves IPv4 as well, unless IPv4 is bound on its own.
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
            one.bind(address)
            one.setblocking(False)
        except OSError as error:
            for each in (one, *bound):
                each.close()
            raise StartError(_bind_sentence(error, "TCP", host, port, "--port")) from None
        bound.append(one)
    return bound


def check_udp(host: str, base: int, count: int) -> None:
    """Look whether `count` UDP ports from `base` on can be bound; nothing to look at when `base` is 0.

    Raises `StartError`. The workers bind them a moment later, and one that is snatched in between is restarted.
    """
    if base == 0:
        return
    if base + count - 1 > 65535:
        raise StartError(f"--udp-port: {count} workers need ports {base} to {base + count - 1}, which there are not.")
    for port in range(base, base + count):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, port))
            except socket.gaierror:
                return
            except OSError as error:
                raise StartError(_bind_sentence(error, "UDP", host, port, "--udp-port")) from None


def _bind_sentence(error: OSError, kind: str, host: str, port: int, flag: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{kind} port {port} is taken by another program; choose another with {flag}."
    if error.errno == errno.EACCES:
        return f"{kind} port {port} needs more rights than this user has; choose one from 1024 on with {flag}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host: {host} is no address of this machine."
    return f"{kind} port {port} on {host} cannot be used: {os.strerror(error.errno or 0)}."


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a running server says of itself in its data folder: where people and where local commands reach it."""

    url: str
    local: str
    cert: str | None = None


def lock(data: Path) -> IO[bytes]:
    """Take the data folder for this server until the file that is returned is closed. Raises `StartError`.

    The kernel lets go of it when the process ends, however it ends.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / LOCK_NAME).open("ab")
    except OSError as error:
        raise StartError(f"--data: {data} cannot be written to: {os.strerror(error.errno or 0)}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StartError(f"Another Podium server uses the data folder {data}; choose another with --data.") from None
    file.truncate(0)
    return file


def note(file: IO[bytes], running: Running) -> None:
    """Say in the locked file where the server is."""
    file.write(msgspec.json.encode(running))
    file.flush()


def running(data: Path) -> Running | None:
    """The server that uses this data folder now; None when none does, or it is still starting."""
    try:
        with (data / LOCK_NAME).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return msgspec.json.decode(file.read(), type=Running)
    except (OSError, msgspec.DecodeError):
        pass
    return None
