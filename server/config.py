"""The options: one table, from which come the command line, the TOML file, the environment and the documentation.

Each field of `Settings` is a row. A value is looked for on the command line (`--udp-port`), then in the environment
(`PODIUM_UDP_PORT`), then in the TOML file (`udp_port`), then the default holds. An unknown key or a value that does
not fit is a `ConfigError`, which names the key and where it came from.
"""

# ruff: noqa: RUF009 - `_option` makes a dataclass field, which is what a default is made by.
from __future__ import annotations

import contextlib
import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from protocol.names import CameraCodec
from server.files.naming import TYPES
from server.identity.secure import secure
from server.identity.tokens import MIN_SECRET_BYTES
from server.mail.address import normal
from server.redis import address as redis_address

ENVIRONMENT_PREFIX = "PODIUM_"
# A browser tries each of them for each of its networks, and grows slow above a handful.
MAX_RELAYS = 4
MAX_REMINDERS = 4


class ConfigError(Exception):
    """An option cannot be used; the message names it, the value and where it came from."""


Check = Callable[[Any], Any]


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, str):
            try:
                value = int(value, 10)
            except ValueError:
                value = None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                value = None
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def _switch(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = value if isinstance(value, bool) else words.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("true or false")
    return found


def _one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError("one of " + ", ".join(words))
        return str(value)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _host(value: Any) -> str:
    if not isinstance(value, str) or not value or any(letter.isspace() or letter in "/[]" for letter in value):
        raise ValueError("an address or a name of this machine")
    return value


def _optional_host(value: Any) -> str:
    return "" if value == "" else _host(value)


def _address(value: Any) -> str:
    try:
        address = ipaddress.ip_address(_text(value)) if value != "" else None
    except ValueError:
        raise ValueError("an IP address, such as 203.0.113.7") from None
    if address is not None and address.is_link_local:
        raise ValueError("an address that is reached from elsewhere, which a link-local one is not")
    return str(address or "")


def _reached(value: Any) -> str:
    with contextlib.suppress(ValueError):
        return _address(value)
    # A name is looked up elsewhere: it is as RFC 1123 has it, with `_`, which names of containers may have.
    labels = _text(value).split(".")
    words = all(re.fullmatch("[A-Za-z0-9_-]{1,63}", label) for label in labels)
    if not words or labels[-1].isdigit() or len(value) > 253:
        raise ValueError("an IP address or a name, such as 10.0.0.7 or worker1")
    return str(value)


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("a path")
    return Path(value).expanduser()


def _optional_path(value: Any) -> Path | None:
    return None if value in ("", None) else _path(value)


def _words(value: Any) -> tuple[str, ...]:
    items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list, in the environment and on the command line separated by commas")
    return tuple(item for item in items if item)


def _origins(value: Any) -> tuple[str, ...]:
    return tuple(_origin(item) for item in _words(value))


def _origin(value: str) -> str:
    parts = urlsplit(value)
    rest = parts.query or parts.fragment or parts.path not in ("", "/")
    # urlsplit drops some of what it does not take, such as line ends.
    clean = value.isprintable() and not re.search(r"[\s@;,'\"<>\\]", value)
    if parts.scheme not in ("http", "https") or not parts.hostname or rest or not clean or not _has_good_port(parts):
        raise ValueError("an origin, such as https://meet.example.org")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _types(value: Any) -> tuple[str, ...]:
    items = tuple(item.lower().lstrip(".") for item in _words(value))
    if not all(item in TYPES for item in items):
        raise ValueError("ends of names among " + ", ".join(TYPES))
    return items


def _limits(value: Any) -> tuple[str, ...]:
    items = _words(value)
    if not all(re.fullmatch(r"[a-z_]+=[1-9][0-9]{0,11}", item) for item in items):
        raise ValueError("limits as NAME=NUMBER, such as packets_per_s=3000")
    return items


def _reminders(value: Any) -> tuple[str, ...]:
    items = _words(value)
    if not all(re.fullmatch("[1-9][0-9]{0,4}", item) for item in items) or len(items) > MAX_REMINDERS:
        raise ValueError(f"up to {MAX_REMINDERS} numbers of minutes, such as 1440, 15")
    return items


def _sender(value: Any) -> str:
    text = _text(value)
    if text == "":
        return ""
    name, address = parseaddr(text)
    if not name.isprintable() or not text.isprintable():
        raise ValueError("one line")
    try:
        return formataddr((name, normal(address)))
    except ValueError:
        raise ValueError("an e-mail address, such as Podium <podium@example.org>") from None


_RELAY = re.compile(r"turns?:([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(\?transport=(udp|tcp))?")


def _relays(value: Any) -> tuple[str, ...]:
    items = _words(value)
    if not all(_RELAY.fullmatch(item) for item in items) or len(items) > MAX_RELAYS:
        raise ValueError(
            f"up to {MAX_RELAYS} addresses of TURN servers, such as turns:turn.example.org:5349?transport=tcp"
        )
    return items


def _url(value: Any) -> str:
    return "" if value == "" else _origin(_text(value))


def _key_source(value: Any) -> str:
    if value == "" or secure(_text(value)):
        return str(value)
    raise ValueError("an address that begins with https://")


def _addresses(value: Any) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(item, strict=False)) for item in _words(value))
    except ValueError:
        raise ValueError("a list of IP addresses or networks, such as 10.0.0.0/8") from None


def _secret(value: Any) -> str:
    text = _text(value)
    if text and len(text.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"at least {MIN_SECRET_BYTES} bytes long")
    return text


def _listen(value: Any) -> str:
    host, _, port = _text(value).rpartition(":")
    bad = not host.strip("[]") or any(letter.isspace() or letter == "/" for letter in host)
    if bad or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("an address and a port, such as 10.0.0.7:7900")
    return str(value)


def _redis(value: Any) -> str:
    if value != "":
        redis_address.parse(_text(value))
    return str(value)


def _option(default: Any, check: Check, help: str, *, flag: bool = True, secret: bool = False) -> Any:
    return field(default=default, metadata={"check": check, "help": help, "flag": flag, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All options with their values. One row each; the comment of an option is its help text."""

    host: str = _option("0.0.0.0", _host, "Address to listen on for pages, API and WebSocket (TCP).")
    port: int = _option(8080, _whole(0, 65535), "TCP port; 0 takes any free one.")
    udp_port: int = _option(
        40000, _whole(0, 65535), "UDP port of the first media worker, the next ones count up; 0 takes any free ones."
    )
    udp_host: str = _option(
        "", _optional_host, "Address that the media workers listen on, when it is not that of `host`."
    )
    media_tcp: bool = _option(
        True,
        _switch,
        "Whether the media workers listen by TCP too, under the numbers of their UDP ports, for networks without UDP.",
    )
    public_ip: str = _option(
        "", _address, "Address that browsers send media to, when it is not one of this machine's own (NAT, cloud)."
    )
    public_url: str = _option(
        "", _url, "Address of the server as people type it, for the links it prints; needed behind a reverse proxy."
    )
    workers: int = _option(
        -1,
        _whole(-1, 64),
        "Media worker processes; -1 starts one for each processor core, 0 none: then workers elsewhere are needed.",
    )
    viewers_per_worker: int = _option(
        500, _whole(1, 100_000), "Viewers of one media worker; further ones of its rooms are placed on other workers."
    )
    packets_per_worker: int = _option(
        100_000, _whole(1, 10_000_000), "Packets per second that a media worker sends before it gets no more viewers."
    )
    worker_limits: tuple[str, ...] = _option(
        (), _limits, "What one peer may take from a media worker, as NAME=NUMBER; docs/deployment.md has the names."
    )
    camera_codec: str = _option(
        CameraCodec.VP8.value,
        _one_of(*CameraCodec),
        "What cameras are sent in: vp8, h264, vp9 or av1. The last two look better at the same bitrate and cost more "
        "to make; browsers that cannot make them send vp8.",
    )
    worker_secret: str = _option(
        "",
        _secret,
        "Secret of all nodes and workers that are one system, at least 32 bytes; with `redis` they share workers.",
        flag=False,
        secret=True,
    )
    worker_listen: str = _option(
        "0.0.0.0:0",
        _listen,
        "Address and TCP port at which shared workers take links from nodes, the next ones count up; 0 is any port.",
    )
    worker_address: str = _option(
        "",
        _reached,
        "Address or name at which nodes reach these workers, when it is neither that of `worker_listen` nor the one "
        "that browsers use.",
    )
    worker_capacity: int = _option(
        1000, _whole(1, 1_000_000), "Connections that a shared worker is to carry; a person has one or two."
    )
    region: str = _option("", _text, "Where this machine is, a word of your own: rooms are put on workers nearby.")
    data: Path = _option(Path("data"), _path, "Folder of the database and the self-signed certificate.")
    redis: str = _option(
        "",
        _redis,
        "Where several servers share accounts and the conferences' record, as redis://HOST:PORT; docs/redis.md.",
        secret=True,
    )
    tls_cert: Path | None = _option(None, _optional_path, "TLS certificate with its chain, a PEM file.")
    tls_key: Path | None = _option(None, _optional_path, "Private key of the certificate, a PEM file.")
    tls_self_signed: bool = _option(
        False, _switch, "Serve HTTPS with a certificate made at the first start; browsers warn about it once."
    )
    log_level: str = _option("info", _one_of("debug", "info", "warning", "error"), "Least severity that is logged.")
    log_format: str = _option(
        "auto", _one_of("auto", "console", "json"), "How log lines look; auto: console in a terminal, otherwise json."
    )
    recording_gb: float = _option(
        50.0,
        _number(0.001, 1_000_000),
        "Storage of one conference's recordings in GB; a recording that reaches it ends. An hour of ten cameras and a "
        "screen is some 10 GB: nothing is encoded anew.",
    )
    recording_free_gb: float = _option(
        2.0,
        _number(0, 1_000_000),
        "GB that recordings leave free on their disk; below it they end. The database is on it too.",
    )
    grace_s: float = _option(
        30.0,
        _number(0, 3600),
        "Seconds for which the seat, role and mutes of a person who lost the connection are kept.",
    )
    drain_s: float = _option(5.0, _number(0, 600), "Seconds that a stopping server gives its connections.")
    allowed_origins: tuple[str, ...] = _option(
        (), _origins, "Web origins beside the server's own whose pages may connect; * is not possible."
    )
    embed_origins: tuple[str, ...] = _option(
        (),
        _origins,
        "Web origins whose pages may show a conference in a frame (docs/embedding.md); none may otherwise.",
    )
    trusted_proxies: tuple[str, ...] = _option((), _addresses, "Reverse proxies whose X-Forwarded-For is believed.")
    account_days: int = _option(30, _whole(1, 3650), "Days that a log-in lasts.")
    guest_days: int = _option(30, _whole(1, 3650), "Days that a guest remains the same person.")
    invitation_days: int = _option(30, _whole(1, 3650), "Days that a guest link can be used.")
    login_per_minute: int = _option(10, _whole(1, 10_000), "Attempts to log in per minute and address.")
    guests_per_minute: int = _option(60, _whole(1, 10_000), "Guests who enter by a link per minute and address.")
    conferences_per_minute: int = _option(20, _whole(1, 10_000), "Conferences created per minute and address.")
    uploads_per_minute: int = _option(30, _whole(1, 10_000), "Files uploaded per minute and address.")
    requests_per_second: int = _option(50, _whole(1, 100_000), "API requests per second and address.")
    max_connections: int = _option(10_000, _whole(1, 1_000_000), "WebSocket connections at once.")
    connections_per_address: int = _option(
        500, _whole(1, 1_000_000), "WebSocket connections at once from one address; a school may share one."
    )
    connects_per_second: int = _option(
        100, _whole(1, 1_000_000), "New WebSocket connections per second and address, in bursts of ten times as many."
    )
    frames_per_second: int = _option(50, _whole(1, 100_000), "Messages per second from one WebSocket connection.")
    bytes_per_second: int = _option(
        262_144, _whole(65_536, 2**31), "Bytes per second from one WebSocket connection, before they are parsed."
    )
    files: Path | None = _option(
        None,
        _optional_path,
        "Folder of handouts and slides, `files` in the data folder if none is given; several servers need one that all "
        "of them share, and take no files without.",
    )
    file_mb: int = _option(
        50, _whole(1, 2048), "Megabytes of one handout or PDF: a deck full of photographs, no film of an evening."
    )
    files_mb: int = _option(
        500, _whole(1, 1_000_000), "Megabytes of all files of one conference, so that one of them fills no disk."
    )
    file_types: tuple[str, ...] = _option(
        tuple(TYPES), _types, "Ends of names that handouts may have; what a browser would open as a page cannot be one."
    )
    file_days: int = _option(
        90, _whole(1, 36_500), "Days for which handouts and slides are kept, unless their conference goes before."
    )
    slides_pages: int = _option(300, _whole(1, 2000), "Pages of one deck; each is two pictures of 100 KB together.")
    slides_s: int = _option(
        120,
        _whole(1, 3600),
        "Seconds of processor time in which a deck is made into pictures; 300 pages take about 50.",
    )
    audit_days: int = _option(
        365, _whole(1, 36_500), "Days for which the audit record of conferences and the figures of attendance are kept."
    )
    webhook_private: bool = _option(
        False, _switch, "Whether webhooks may go to private addresses and to this machine, there also by http."
    )
    webhook_days: int = _option(3, _whole(1, 365), "Days for which a webhook may fail before it is paused.")
    token_secret: str = _option(
        "",
        _secret,
        "Secret that signs tokens, at least 32 bytes; made at the first start and kept in the database when empty.",
        flag=False,
        secret=True,
    )

    smtp_host: str = _option("", _optional_host, "Mail server that takes invitations; without one there are none.")
    smtp_port: int = _option(587, _whole(1, 65535), "Port of the mail server; with `tls` it is usually 465.")
    smtp_security: str = _option(
        "starttls",
        _one_of("starttls", "tls", "none"),
        "How the way to the mail server is encrypted: starttls, tls from the first byte, or none, for one on the same "
        "machine.",
    )
    smtp_user: str = _option("", _text, "Name at the mail server, if it asks for one.")
    smtp_password: str = _option("", _text, "Password at the mail server.", flag=False, secret=True)
    mail_from: str = _option("", _sender, "Sender of the mails, as in Podium <podium@example.org>.")
    mail_reminders: tuple[str, ...] = _option(
        ("1440", "15"),
        _reminders,
        "Minutes before a conference at which those outside are reminded of it; may be empty.",
    )
    mails_per_hour: int = _option(500, _whole(1, 100_000), "Invitations by e-mail per hour and account.")
    mail_retry_s: int = _option(
        60, _whole(1, 3600), "Seconds before a mail is tried again; each further time it is twice as long."
    )
    mail_days: int = _option(
        90, _whole(1, 3650), "Days after a conference for which the addresses of those invited are kept."
    )
    registrations_per_minute: int = _option(10, _whole(1, 10_000), "Registrations per minute and address.")

    turn_urls: tuple[str, ...] = _option(
        (), _relays, "TURN servers for people whose network lets nothing else through, as turn:… and turns:… addresses."
    )
    turn_secret: str = _option(
        "", _secret, "Secret shared with the TURN servers (coturn: `static-auth-secret`).", flag=False, secret=True
    )
    turn_ttl_s: int = _option(
        3600, _whole(60, 604_800), "Seconds that TURN credentials can be used to begin; what has begun goes on."
    )

    oidc_issuer: str = _option(
        "", _key_source, "OpenID Connect provider whose accounts log in here, as it names itself (`iss`)."
    )
    oidc_audience: str = _option("", _text, "Client id of this server at the provider; the `aud` of its tokens.")
    oidc_client_secret: str = _option(
        "", _text, "Client secret of this server at the provider, if it has one.", flag=False, secret=True
    )
    oidc_jwks_url: str = _option(
        "", _key_source, "Where the provider's public keys are, when its discovery document does not say."
    )
    oidc_name: str = _option("single sign-on", _text, "What the button says after “Log in with”.")
    oidc_groups_prefix: str = _option(
        "podium-", _text, "The provider's groups that begin with this are the groups of the remaining name here."
    )
    oidc_max_accounts: int = _option(10_000, _whole(0, 1_000_000), "Accounts that single sign-on may make.")
    federation_name: str = _option(
        "", _text, "Name of this server among peers, the `aud` of their tokens; the host of `public_url` when empty."
    )

    def __post_init__(self) -> None:
        if bool(self.turn_urls) is not bool(self.turn_secret):
            missing = "turn_secret" if self.turn_urls else "turn_urls"
            raise ConfigError(f"{missing} is missing: turn_urls and turn_secret belong together")
        if bool(self.smtp_host) is not bool(self.mail_from):
            missing = "mail_from" if self.smtp_host else "smtp_host"
            raise ConfigError(f"{missing} is missing: smtp_host and mail_from belong together")
        if bool(self.smtp_user) is not bool(self.smtp_password):
            missing = "smtp_password" if self.smtp_user else "smtp_user"
            raise ConfigError(f"{missing} is missing: smtp_user and smtp_password belong together")
        if self.smtp_password and self.smtp_security == "none":
            raise ConfigError("smtp_security is none: smtp_password is not sent without TLS")
        if bool(self.oidc_issuer) is not bool(self.oidc_audience):
            missing = "oidc_audience" if self.oidc_issuer else "oidc_issuer"
            raise ConfigError(f"{missing} is missing: oidc_issuer and oidc_audience belong together")
        if (self.tls_cert is None) is not (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_cert"
            raise ConfigError(f"{missing} is missing: tls_cert and tls_key belong together")
        if self.workers == 0 and not (self.redis and self.worker_secret):
            raise ConfigError(
                "workers is 0, which is none: then redis and worker_secret are needed, for workers elsewhere; "
                "-1 starts one for each processor core"
            )
        if self.tls_self_signed and self.tls_cert is not None:
            raise ConfigError("tls_self_signed and tls_cert exclude each other")

    @property
    def tls(self) -> bool:
        """Whether the server itself speaks HTTPS."""
        return self.tls_self_signed or self.tls_cert is not None

    @property
    def origins(self) -> tuple[str, ...]:
        """Web origins, beside the one that a request's `Host` names, whose pages may connect."""
        return (*self.allowed_origins, *((self.public_url,) if self.public_url else ()))

    @property
    def files_folder(self) -> Path:
        """Where handouts and slides are kept."""
        return self.files or self.data / "files"

    @property
    def reminders(self) -> tuple[int, ...]:
        """Minutes before a conference at which people are reminded of it."""
        return tuple(int(each) for each in self.mail_reminders)

    @property
    def media_host(self) -> str:
        """Where the media workers listen."""
        return self.udp_host or self.host

    @property
    def worker_count(self) -> int:
        """How many media workers to start."""
        return self.workers if self.workers >= 0 else os.cpu_count() or 1

    @property
    def media_kept_s(self) -> float:
        """How long the media of a room is kept that no node has. A node's death is noticed within seconds; its people
        come back to another one within the grace period, and find it playing."""
        return self.grace_s + 30.0

    @property
    def worker_links(self) -> tuple[str, int]:
        """Host and first TCP port at which shared workers take links."""
        host, _, port = self.worker_listen.rpartition(":")
        return host.strip("[]"), int(port)


OPTIONS: tuple[Field[Any], ...] = fields(Settings)
_BY_NAME = {option.name: option for option in OPTIONS}


def flag_of(name: str) -> str:
    """The command-line flag of an option, as in `--udp-port`."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The environment variable of an option, as in `PODIUM_UDP_PORT`."""
    return ENVIRONMENT_PREFIX + name.upper()


def load(flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings from all sources.

    `flags`: option name → value given on the command line, None for not given. `config`: the TOML file; without it
    `PODIUM_CONFIG` may name one. Raises `ConfigError`.
    """
    values: dict[str, Any] = {}
    if config is None and environment.get("PODIUM_CONFIG"):
        config = Path(environment["PODIUM_CONFIG"])
    if config is not None:
        for name, value in _read(config).items():
            values[name] = _checked(name, value, f"{name} in {config}", _BY_NAME)
    for variable, value in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != "PODIUM_CONFIG":
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
            values[name] = _checked(name, value, f"{variable} in the environment", _BY_NAME, variable_of)
    for name, value in flags.items():
        if value is not None:
            values[name] = _checked(name, value, f"{flag_of(name)} on the command line", _BY_NAME, flag_of)
    return Settings(**values)


def _read(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration file {config} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration file {config} is not TOML: {error}") from None


def _checked(
    name: str,
    value: Any,
    origin: str,
    known: Mapping[str, Field[Any]],
    spelled: Callable[[str], str] = lambda name: name,
) -> Any:
    option = known.get(name)
    if option is None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {spelled(near[0])}?" if near else ""
        raise ConfigError(f"unknown option {origin}{hint}")
    try:
        return option.metadata["check"](value)
    except ValueError as error:
        shown = "the given value" if option.metadata["secret"] else repr(value)
        raise ConfigError(f"{origin} must be {error}, not {shown}") from None


def default_text(option: Field[Any]) -> str:
    """An option's default as one writes it in the environment."""
    value = option.default
    if value is MISSING or value is None or value == () or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def table() -> str:
    """The options as a Markdown table, for the documentation."""
    lines = ["| Flag | TOML key | Environment | Default | Meaning |", "| --- | --- | --- | --- | --- |"]
    for option in OPTIONS:
        flag = f"`{flag_of(option.name)}`" if option.metadata["flag"] else ""
        default = default_text(option)
        shown = f"`{default}`" if default else ""
        lines.append(
            f"| {flag} | `{option.name}` | `{variable_of(option.name)}` | {shown} | {option.metadata['help']} |"
        )
    lines.append("| `--config` | | `PODIUM_CONFIG` | | The TOML file. |")
    return "\n".join(lines) + "\n"
