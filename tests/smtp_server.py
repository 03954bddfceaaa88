"""A real mail server in a process of its own: aiosmtpd, with TLS and a log-in where wanted, and with refusals.

What it takes is kept in a folder, a file for each mail, before it says so. How it treats an address stands in its local
part: `nobody` is refused for good, `later-2` is refused for now the first two times, `spam` is refused after the
message, `slow` is answered after a second.
"""

from __future__ import annotations

import datetime
import email
import email.policy
import ipaddress
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import icalendar
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.harness import ROOT

PASSWORD = "to the mail server"


@dataclass
class Letter:
    """A mail that was taken. `sender` and `to` are those of the conversation."""

    sender: str
    to: str
    tls: bool
    user: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self._part("text/plain").get_content())

    @property
    def html(self) -> str:
        return str(self._part("text/html").get_content())

    @property
    def link(self) -> str:
        """The personal link in it."""
        return next((line for line in self.text.splitlines() if line.startswith("http")), "")

    @property
    def event(self) -> Any:
        """The entry of its calendar file."""
        found = self.calendar
        return next(iter(found.walk("VEVENT")), None) if found is not None else None

    @property
    def calendar(self) -> icalendar.Calendar | None:
        for part in self.message.walk():
            if part.get_content_type() == "text/calendar":
                return icalendar.Calendar.from_ical(part.get_content())
        return None

    def _part(self, type: str) -> EmailMessage:
        return next(part for part in self.message.walk() if part.get_content_type() == type)


@dataclass
class SmtpServer:
    """`start`, then `stop`, and again with the same port. `security` is as in the option `smtp_security`."""

    folder: Path
    security: str = "none"
    user: str = ""
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None)

    def start(self) -> SmtpServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.security != "none" and not (self.folder / "cert.pem").exists():
            _certificate(self.folder)
        arguments = [str(self.folder), self.security, self.user, str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.smtp_server", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def flags(self) -> tuple[str, ...]:
        """The options of a server that sends by this one."""
        user = ("--smtp-user", self.user) if self.user else ()
        return (
            *("--smtp-host", "127.0.0.1", "--smtp-port", str(self.port), "--smtp-security", self.security),
            *("--mail-from", "Podium <podium@example.org>", "--mail-retry-s", "1", *user),
        )

    @property
    def environment(self) -> dict[str, str]:
        found = {"PODIUM_SMTP_PASSWORD": PASSWORD} if self.user else {}
        return found | ({"SSL_CERT_FILE": str(self.folder / "cert.pem")} if self.security != "none" else {})

    @property
    def letters(self) -> list[Letter]:
        """What was taken, in order."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            kept = json.loads(path.read_text())
            message = email.message_from_string(kept["data"], policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            found.append(Letter(kept["sender"], kept["to"], kept["tls"], kept["user"], message))
        return found

    @property
    def tries(self) -> list[str]:
        """The addresses that were named to it, also those that it refused."""
        path = self.folder / "tries"
        return path.read_text().split() if path.exists() else []

    def wait(self, count: int, seconds: float = 30.0) -> list[Letter]:
        """Wait until so many mails were taken; those, and it must not be more."""
        begun = time.monotonic()
        while len(self.letters) < count:
            found = [(letter.to, letter.subject) for letter in self.letters]
            assert time.monotonic() - begun < seconds, f"{count} mails not within {seconds} s, but {found}"
            time.sleep(0.05)
        letters = self.letters
        assert len(letters) == count, [(letter.to, letter.subject) for letter in letters]
        return letters


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)


def main(arguments: Sequence[str]) -> None:
    """The process itself."""
    import asyncio
    import ssl

    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

    folder, security, user, port = Path(arguments[0]), arguments[1], arguments[2], int(arguments[3])
    refusals: dict[str, int] = {}

    class Handler:
        async def handle_RCPT(self, _s: SMTP, _session: Session, envelope: Envelope, to: str, _o: list[str]) -> str:
            with (folder / "tries").open("a") as tries:
                tries.write(to + "\n")
            local = to.partition("@")[0]
            if local == "nobody":
                return "550 5.1.1 There is nobody of this name"
            if local == "slow":
                await asyncio.sleep(1)
            if local.startswith("later-"):
                refusals[to] = refusals.get(to, 0) + 1
                if refusals[to] <= int(local.partition("-")[2]):
                    return "451 4.7.1 Try again later"
            envelope.rcpt_tos.append(to)
            return "250 OK"

        async def handle_DATA(self, _s: SMTP, session: Session, envelope: Envelope) -> str:
            to = envelope.rcpt_tos[0]
            if to.startswith("spam@"):
                return "554 5.7.1 This looks like spam"
            content = envelope.content
            data = content if isinstance(content, str) else (content or b"").decode()
            kept = {
                "sender": envelope.mail_from,
                "to": to,
                "tls": session.ssl is not None or security == "tls",
                "user": str(session.auth_data or ""),
                "data": data,
            }
            path = folder / f"{time.time_ns()}.part"
            path.write_text(json.dumps(kept))
            path.rename(path.with_suffix(".json"))
            return "250 OK"

    def log_in(_server: object, _session: object, _envelope: object, _how: str, data: object) -> AuthResult:
        right = getattr(data, "login", b"") == user.encode() and getattr(data, "password", b"") == PASSWORD.encode()
        return AuthResult(success=right, handled=right, auth_data=user)

    context = None
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            return SMTP(
                Handler(),
                tls_context=context if security == "starttls" else None,
                require_starttls=security == "starttls",
                authenticator=log_in if user else None,
                auth_required=bool(user),
                auth_require_tls=security == "starttls",
                loop=loop,
            )

        implicit = context if security == "tls" else None
        server = await loop.create_server(protocol, "127.0.0.1", port, ssl=implicit)
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main(sys.argv[1:])
