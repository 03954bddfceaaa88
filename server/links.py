"""The links that the server prints: where it is, who comes in by them.

Secrets stand in the fragment, which browsers do not send: no log of any proxy holds them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from server.addresses import interface_addresses
from server.config import Settings

ANY_HOST = ("0.0.0.0", "::", "")


def base_url(settings: Settings, port: int) -> str:
    """The server's address as somebody on this machine, or with TLS on its network, opens it."""
    if settings.public_url:
        return settings.public_url
    host = settings.host
    if host in ANY_HOST:
        # Without TLS, localhost is the one name by which a browser hands out camera and microphone.
        host = (settings.public_ip or next(iter(interface_addresses()), "localhost")) if settings.tls else "localhost"
    return f"{'https' if settings.tls else 'http'}://{bracketed(host)}:{port}"


def local_url(settings: Settings, port: int) -> str:
    """The server's address for a command on the same machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)
    return f"{'https' if settings.tls else 'http'}://{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def host_of(url: str) -> str:
    """The host that a URL names; empty for none."""
    return urlsplit(url).hostname or ""


def code_path(code: str, conference: str | None = None) -> str:
    """The path of a log-in link with a one-time code, going on to a conference."""
    return f"/#code={code}" + (f"&next=/c/{conference}" if conference is not None else "")


def guest_path(conference: str, invitation: str) -> str:
    """The path of a guest link."""
    return f"/c/{conference}#invite={invitation}"


def secure_context(url: str) -> bool:
    """Whether a browser treats pages of this address as secure: HTTPS or the machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
