"""The API's limits, for each address. Each server counts for itself, but for passwords: at all of them together
those are guessed no faster than at one."""

from __future__ import annotations

import contextlib

from server.config import Settings
from server.ratelimit import Buckets, Count, RateLimit
from server.storage.store import StoreUnavailable

# Five dialogs that are open, each asking each two seconds; the worker measures for each.
STATISTICS_PER_SECOND = 2.5
_LOGIN = "login"


class Limits:
    """How often an address may do what; a minute's worth may come at once."""

    def __init__(self, settings: Settings, shared: Buckets | None) -> None:
        """`shared`: the buckets of all servers; None where there is no other."""
        self._shared = shared
        self._login_per_minute = settings.login_per_minute
        per_second = settings.requests_per_second
        self._limits = {
            "requests": RateLimit(per_second, per_second * 4),
            _LOGIN: RateLimit(settings.login_per_minute / 60, settings.login_per_minute),
            "guests": RateLimit(settings.guests_per_minute / 60, settings.guests_per_minute),
            "registrations": RateLimit(settings.registrations_per_minute / 60, settings.registrations_per_minute),
            "statistics": RateLimit(STATISTICS_PER_SECOND, STATISTICS_PER_SECOND * 4),
            "uploads": RateLimit(settings.uploads_per_minute / 60, settings.uploads_per_minute),
            # A page is turned, and everybody behind one address asks for it.
            "pages": RateLimit(per_second * 10, per_second * 40),
            "conferences": RateLimit(settings.conferences_per_minute / 60, settings.conferences_per_minute),
        }

    async def wait_s(self, limit: str, address: str) -> float:
        """Seconds that this address has to wait; 0 when it may go on, which is counted."""
        wait_s = self._limits[limit].take(address)
        if wait_s == 0 and limit == _LOGIN and self._shared is not None:
            # People log in with what this server knows also while Redis is away; then its own limit stands alone.
            with contextlib.suppress(StoreUnavailable):
                return await self._shared.wait_s([Count(_LOGIN, address, self._login_per_minute)], take=True)
        return wait_s
