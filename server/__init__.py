"""The signaling node: pages, HTTP API, WebSocket sessions, the rooms, and the media workers it starts."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("podium")
except PackageNotFoundError:  # run from a checkout that was not installed
    VERSION = "0.1.0"
