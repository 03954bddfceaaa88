"""Who sends: looks each few seconds at the plans and at what is due, and hands it to the mail server, some at a time.

It is a task of its own, so no request waits for a mail server. On several servers each has one, and what one has taken
the others do not: the taking is an entry of the log they share (server/storage/replicated.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import msgspec

from server import links, log
from server.config import Settings
from server.identity.tokens import Tokens
from server.mail import agenda, letter, outbox, taking
from server.mail.outbox import MAX_ATTEMPTS
from server.mail.smtp import MailServer, NotNow, Refused
from server.mail.taking import Taken
from server.metrics import Metrics
from server.storage.store import Store, StoreUnavailable
from server.webhooks.courier import end

# How soon a plan that was changed elsewhere is noticed, and a reminder is due.
LOOK_S = 5.0
# Taken at once, and how long after that the sending of one may begin; with the longest sending (smtp.py) it is over
# long before another server would take it for lost (outbox.CLAIM_MS).
AT_ONCE = 10
FRESH_S = 60.0
# The last mail of a server that stops.
LAST_S = 8.0

_log = log.get("podium.mail")


class Postman:
    """`start`, then `stop`. `base` is the server's address as people type it; `alone`: no other server shares the
    store."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        settings: Settings,
        base: str,
        metrics: Metrics,
        *,
        alone: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._settings = settings
        self._base = base
        self._metrics = metrics
        self._alone = alone
        self._clock = clock
        self._server = MailServer(settings)
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name="mail")

    async def stop(self) -> None:
        """Let the mail that is on its way end, and take no more."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=LAST_S)
            await end((self._task,))
        await self._server.close()

    def look(self) -> None:
        """There is something to send."""
        self._wake.set()

    async def _run(self) -> None:
        resumed = not self._alone
        while not self._stopping:
            self._wake.clear()
            try:
                if not resumed:
                    await self._store.run(lambda connection: outbox.resume(connection, self._now()))
                    resumed = True
                await self._store.run(
                    lambda connection: agenda.settle(
                        connection, self._now(), self._settings.reminders, self._settings.mail_days
                    )
                )
                while await self._some():
                    pass
                wait_s = await self._pause_s()
            except StoreUnavailable as error:
                _log.warning("mails cannot be read", reason=str(error))
                wait_s = LOOK_S
            except Exception:
                _log.exception("mails cannot be sent")
                wait_s = LOOK_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _pause_s(self) -> float:
        due = await self._store.run(outbox.next_due)
        if due is None:
            await self._server.close()
            return LOOK_S
        return min(LOOK_S, max(0.05, due / 1000 - self._clock()))

    async def _some(self) -> bool:
        """Send some of what is due; whether there may be more."""
        if self._stopping:
            return False
        taken = await self._store.run(lambda connection: taking.take(connection, self._now(), AT_ONCE))
        since = time.monotonic()
        left, through = list(taken), True
        while left and through and not self._stopping and time.monotonic() - since < FRESH_S:
            through = await self._send(left.pop(0))
        # What was taken so long ago that others may have it soon is left to its time.
        if left and time.monotonic() - since < FRESH_S:
            due = self._now() + (0 if through else self._settings.mail_retry_s * 1000)
            ids = [each.told.mail.id for each in left]
            await self._store.run(lambda connection: outbox.give_back(connection, ids, due))
        return through and not left and len(taken) == AT_ONCE

    async def _send(self, taken: Taken) -> bool:
        """Send one; false when the connection is of no use for others now."""
        mail = taken.told.mail
        try:
            message = letter.message(self._signed(taken), self._settings.mail_from)
            data = message.as_bytes()
        except Exception as error:
            # What people have chosen is in it, and what the libraries make of that is not known to its end. Nothing of
            # it goes out, and those that were taken with it do.
            _log.exception("a mail could not be written", mail=mail.id)
            await self._failed(mail.id, f"It could not be written: {error}")
            return True
        try:
            await self._server.send(taken.told.email, data)
        except Refused as error:
            _log.warning("a mail was refused", mail=mail.id, reason=str(error))
            await self._failed(mail.id, str(error))
            return True
        except NotNow as error:
            _log.warning("a mail was not taken now", mail=mail.id, reason=str(error), attempt=mail.attempts)
            await self._again(taken, str(error))
            return not error.broken
        self._metrics.mails.labels("sent").inc()
        await self._store.run(lambda connection: outbox.sent(connection, mail.id, self._now()))
        return True

    def _signed(self, taken: Taken) -> letter.Told:
        if not taken.link:
            return taken.told
        told = taken.told
        lifetime_s = max(1, taken.expires - int(self._clock()))
        token = self._tokens.invitation(told.conference, told.role, lifetime_s, id=taken.link)
        return msgspec.structs.replace(told, link=self._base + links.guest_path(told.conference, token))

    async def _failed(self, id: str, reason: str) -> None:
        self._metrics.mails.labels("failed").inc()
        await self._store.run(lambda connection: outbox.failed(connection, id, self._now(), reason))

    async def _again(self, taken: Taken, reason: str) -> None:
        mail = taken.told.mail
        if mail.attempts >= MAX_ATTEMPTS:
            await self._failed(mail.id, reason)
            return
        self._metrics.mails.labels("again").inc()
        due = self._now() + self._settings.mail_retry_s * 1000 * 2 ** (mail.attempts - 1)
        await self._store.run(lambda connection: outbox.again(connection, mail.id, due, reason))

    def _now(self) -> int:
        return int(self._clock() * 1000)
