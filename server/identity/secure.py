"""Which addresses keys may be fetched from."""

from __future__ import annotations

from urllib.parse import urlsplit


def secure(url: str) -> bool:
    """Whether what comes from there came from whom it names: HTTPS, or the machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))
    )
