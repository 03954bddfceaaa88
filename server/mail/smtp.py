"""The way to the mail server: one connection for some mails, and what a refusal means.

RFC 5321, section 4.2.1: 4yz is "not now", 5yz is "no". A "no" to the recipient or to the message is the end of that
mail. A "no" to us (log-in, sender, TLS) is about the options and not about the mail, which waits until they are right.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from email.utils import parseaddr

import aiosmtplib

from server.config import Settings

# For each step of a conversation, and for a whole mail.
STEP_S = 15.0
MAIL_S = 50.0


class Refused(Exception):
    """The mail server does not take this mail, for good."""


class NotNow(Exception):
    """It was not taken now. `broken`: nothing more goes through this connection."""

    def __init__(self, reason: str, broken: bool) -> None:
        super().__init__(reason)
        self.broken = broken


class MailServer:
    """The mail server of the options."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)[1]
        self._context: ssl.SSLContext | None = None
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, to: str, message: bytes) -> None:
        """Hand one mail over, connecting where needed. Raises `Refused`, `NotNow`."""
        try:
            async with asyncio.timeout(MAIL_S):
                client = await self._connected()
                await client.sendmail(self._sender, [to], message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _ruling(refused.code, refused.message) from None
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPAuthenticationError) as error:
            await self.close()
            raise NotNow(f"{error.code} {error.message}", broken=True) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _ruling(error.code, error.message) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            await self.close()
            raise NotNow(str(error) or "the mail server did not answer in time", broken=True) from None

    async def close(self) -> None:
        """Say good-bye; for now."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(STEP_S):
                    await client.quit()
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        settings = self._settings
        if self._context is None and settings.smtp_security != "none":
            # It reads files: outside the loop. A file with other authorities is named by SSL_CERT_FILE.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=STEP_S,
            username=settings.smtp_user or None,
            password=settings.smtp_password or None,
            use_tls=settings.smtp_security == "tls",
            # Never only where it is offered: whoever is in between would not offer it.
            start_tls=settings.smtp_security == "starttls",
            tls_context=self._context,
        )
        self._client = client
        await client.connect()
        return client


def _ruling(code: int, message: str) -> Exception:
    text = f"{code} {message}"
    # 421: the server closes the connection.
    return Refused(text) if 500 <= code < 600 else NotNow(text, broken=code == 421)
