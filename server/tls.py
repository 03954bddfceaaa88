"""Certificates: the one that was given, or one of our own making.

Browsers allow camera and microphone in secure contexts only: HTTPS, or localhost. A self-signed certificate makes a
first try on a local network possible; the browser warns once. A real one is better, and needs a name.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.addresses import interface_addresses
from server.config import ConfigError, Settings

# Browsers refuse certificates of more than 398 days in public trust; nobody checks it here, but it is a sane length.
LIFETIME = datetime.timedelta(days=397)
RENEW_BEFORE = datetime.timedelta(days=30)


class Certificate(msgspec.Struct, frozen=True):
    """A certificate and its key, as files, and until when it is valid."""

    cert: Path
    key: Path
    expires: datetime.datetime
    names: tuple[str, ...]


def certificate(settings: Settings) -> Certificate | None:
    """The certificate to serve with; None without TLS. Makes the self-signed one where needed.

    Raises `ConfigError` when the files given cannot be used.
    """
    if settings.tls_self_signed:
        return self_signed(settings.data, extra_names(settings))
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    found = load(settings.tls_cert, settings.tls_key)
    if found.expires <= datetime.datetime.now(datetime.UTC):
        raise ConfigError(f"tls_cert: the certificate {found.cert} expired on {found.expires:%Y-%m-%d}")
    return found


def load(cert: Path, key: Path) -> Certificate:
    """Read and check a certificate and its key. Raises `ConfigError`, naming the file."""
    try:
        parsed = x509.load_pem_x509_certificate(cert.read_bytes())
    except OSError as error:
        raise ConfigError(f"tls_cert: {cert} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"tls_cert: {cert} is not a certificate in PEM form") from None
    try:
        serialization.load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        raise ConfigError(f"tls_key: {key} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"tls_key: {key} is not an unencrypted private key in PEM form") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise ConfigError(f"tls_key: {key} does not belong to {cert} ({error.reason})") from None
    return Certificate(cert, key, parsed.not_valid_after_utc, names_of(parsed))


def names_of(parsed: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and addresses a certificate is for."""
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *(str(a) for a in names.get_values_for_type(x509.IPAddress)))


def extra_names(settings: Settings) -> tuple[str, ...]:
    """Names and addresses by which this server is reached, as far as the settings say."""
    given = (settings.host, settings.public_ip, urlsplit(settings.public_url).hostname or "")
    return tuple(name for name in given if name and name not in ("0.0.0.0", "::"))


def self_signed(folder: Path, names: tuple[str, ...] = ()) -> Certificate:
    """The self-signed certificate in `folder`; made anew when there is none, it lacks a name or soon expires."""
    cert, key = folder / "self-signed.crt", folder / "self-signed.key"
    wanted = dict.fromkeys(("localhost", socket.gethostname(), "127.0.0.1", "::1", *interface_addresses(), *names))
    if cert.exists() and key.exists():
        found = load(cert, key)
        fresh = found.expires - RENEW_BEFORE > datetime.datetime.now(datetime.UTC)
        if fresh and set(wanted) <= set(found.names):
            return found
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Podium (self-signed)")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back, for browsers on machines whose clock is behind.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in wanted]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write(
        key,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        0o600,
    )
    _write(cert, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return load(cert, key)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path: Path, content: bytes, mode: int) -> None:
    # Beside and then renamed: nobody reads half a key, and the mode holds from the first byte.
    beside = path.with_suffix(path.suffix + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    beside.replace(path)
