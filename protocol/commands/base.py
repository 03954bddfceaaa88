"""What every command is."""

from __future__ import annotations

from protocol.names import Count, Message


class Command(Message, frozen=True, kw_only=True):
    """Anything a client sends; answered by `ok` or `refused` with the same `id`."""

    id: Count
