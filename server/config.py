"""The options: one table, from which come the command line, the TOML file, the environment and the documentation.

Each field of `Settings` is a row. A value is looked for on the command line (`--udp-port`), then in the environment
(`PODIUM_UDP_PORT`), then in the TOML file (`udp_port`), then the default holds. An unknown key or a value that does
not fit is a `ConfigError`, which names the key and where it came from.
"""

# ruff: noqa: RUF009 - `_option` makes a dataclass field, which is what a default is made by.
from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server.tokens import MIN_SECRET_BYTES

ENVIRONMENT_PREFIX = "PODIUM_"


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
        return "" if value == "" else str(ipaddress.ip_address(_text(value)))
    except ValueError:
        raise ValueError("an IP address, such as 203.0.113.7") from None


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
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or parts.query:
        raise ValueError("an origin, such as https://meet.example.org")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _url(value: Any) -> str:
    return "" if value == "" else _origin(_text(value))


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
    public_ip: str = _option(
        "", _address, "Address that browsers send media to, when it is not one of this machine's own (NAT, cloud)."
    )
    public_url: str = _option(
        "", _url, "Address of the server as people type it, for the links it prints; needed behind a reverse proxy."
    )
    workers: int = _option(0, _whole(0, 64), "Media worker processes; 0 starts one for each processor core.")
    data: Path = _option(Path("data"), _path, "Folder of the database and the self-signed certificate.")
    tls_cert: Path | None = _option(None, _optional_path, "TLS certificate with its chain, a PEM file.")
    tls_key: Path | None = _option(None, _optional_path, "Private key of the certificate, a PEM file.")
    tls_self_signed: bool = _option(
        False, _switch, "Serve HTTPS with a certificate made at the first start; browsers warn about it once."
    )
    log_level: str = _option("info", _one_of("debug", "info", "warning", "error"), "Least severity that is logged.")
    log_format: str = _option(
        "auto", _one_of("auto", "console", "json"), "How log lines look; auto: console in a terminal, otherwise json."
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
    trusted_proxies: tuple[str, ...] = _option((), _addresses, "Reverse proxies whose X-Forwarded-For is believed.")
    account_days: int = _option(30, _whole(1, 3650), "Days that a log-in lasts.")
    guest_days: int = _option(30, _whole(1, 3650), "Days that a guest remains the same person.")
    invitation_days: int = _option(30, _whole(1, 3650), "Days that a guest link can be used.")
    login_per_minute: int = _option(10, _whole(1, 10_000), "Attempts to log in per minute and address.")
    guests_per_minute: int = _option(60, _whole(1, 10_000), "Guests who enter by a link per minute and address.")
    conferences_per_minute: int = _option(20, _whole(1, 10_000), "Conferences created per minute and address.")
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
    token_secret: str = _option(
        "",
        _secret,
        "Secret that signs tokens, at least 32 bytes; made at the first start and kept in the database when empty.",
        flag=False,
        secret=True,
    )

    def __post_init__(self) -> None:
        if (self.tls_cert is None) is not (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_cert"
            raise ConfigError(f"{missing} is missing: tls_cert and tls_key belong together")
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
    def media_host(self) -> str:
        """Where the media workers listen."""
        return self.udp_host or self.host

    @property
    def worker_count(self) -> int:
        """How many media workers to start."""
        return self.workers or os.cpu_count() or 1


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
