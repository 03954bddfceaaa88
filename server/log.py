"""Structured logs: lines of JSON, or readable ones in a terminal; never a secret in either.

Everything passes through `redact`: values under a telling key are replaced, and in all other text whatever looks
like a token, a one-time code or a password in a URL or an SDP is cut out. That includes tracebacks and the lines of
libraries, which come through the standard `logging`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

HIDDEN = "[hidden]"

# Keys whose value is a secret whatever it looks like.
_SECRET_KEY = re.compile(
    r"token|secret|password|passwd|authorization|cookie|invite$|invitation$|^code$|one_time|private|ice.?pwd",
    re.IGNORECASE,
)
_SECRET_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    # A JSON Web Token: its header is JSON, so it begins with `{"` in base64url.
    (re.compile(r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,2}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]+"), rf"\1 {HIDDEN}"),
    # Who logs in at the host of a URL, such as Redis'.
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/]*@"), rf"\1{HIDDEN}@"),
    # Names and values in URLs, forms, SDP and printed mappings.
    (
        re.compile(
            r"(?i)([\"']?(?:code|token|invite|password|secret|resume|ice-pwd|client_secret)[\"']?\s*[=:]\s*)"
            r"(?:\"[^\"]*\"|'[^']*'|[^\s&\"',;})\]]+)"
        ),
        rf"\1{HIDDEN}",
    ),
)
_MAX_DEPTH = 6


def redact(value: Any, depth: int = 0) -> Any:
    """`value` without secrets; containers are copied, anything unusual becomes its redacted text."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, MutableMapping):
        return {redact_text(str(key)): _redact_item(str(key), item, depth) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    return redact_text(str(value))


def _redact_item(key: str, value: Any, depth: int) -> Any:
    return HIDDEN if _SECRET_KEY.search(key) and not isinstance(value, bool | None) else redact(value, depth + 1)


def redact_text(text: str) -> str:
    """`text` with everything that looks like a secret cut out."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        if not key.startswith("_"):
            value = event.pop(key)
            event[redact_text(key)] = redact_text(str(value)) if key == "event" else _redact_item(key, value, 0)
    return event


def configure(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:
    """Send structlog and the standard `logging` to `stream` (stderr) in `format`: auto, console or json."""
    stream = stream if stream is not None else sys.stderr
    console = format == "console" or (format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Before the redaction: a traceback may quote a secret. Without local variables, which certainly do.
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty()) if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These say at "info" what is metrics' work, for each connection and each packet.
    for noisy in ("uvicorn.access", "uvicorn.error", "websockets", "asyncio", "aioice", "aiortc"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
        logging.getLogger(noisy).propagate = True


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; its methods take a fixed sentence and key=value pairs."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
