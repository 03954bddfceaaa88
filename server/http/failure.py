"""How the API refuses: the protocol's codes, each with its HTTP status."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from protocol.errors import SENTENCES, Code

# Codes that the API uses; a code that is not here is a conflict with the present state.
STATUS: dict[Code, int] = {
    Code.BAD_MESSAGE: 400,
    Code.BAD_TOKEN: 401,
    Code.LINK_REVOKED: 401,
    Code.NOT_ALLOWED: 403,
    Code.NO_ACCESS: 403,
    Code.PROTECTED: 403,
    Code.COMPANY_DISABLED: 403,
    Code.BLOCKED: 403,
    Code.NOT_FOUND: 404,
    Code.NO_SUCH_CONFERENCE: 404,
    Code.NO_SUCH_PERSON: 404,
    Code.ALREADY: 409,
    Code.TOO_MANY: 409,
    Code.UNSUPPORTED: 409,
    Code.TOO_LARGE: 413,
    Code.UNSETTLED: 409,
    Code.KEY_REUSED: 422,
    Code.RATE_LIMITED: 429,
    Code.INTERNAL: 500,
    Code.MEDIA_UNAVAILABLE: 503,
    Code.STORE_UNAVAILABLE: 503,
    Code.GOING_AWAY: 503,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Every refusal of the API: a code, a sentence for a person, and whether trying again may help."""

    code: Code
    message: str
    retry: bool
    details: dict[str, Any] = {}


class Failure(Exception):
    """Raised by an endpoint to refuse; `sentence` replaces the code's own where it can say more."""

    def __init__(
        self,
        code: Code,
        sentence: str | None = None,
        *,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(code)
        usual, retry = SENTENCES[code]
        self.problem = Problem(code=code, message=sentence or usual, retry=retry, details=details or {})
        self.status = status or STATUS.get(code, 409)
        self.headers = headers or {}

    def response(self) -> Response:
        """The refusal as a response."""
        return json_response(self.problem, self.status, self.headers)


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON that nobody caches."""
    return Response(
        msgspec.json.encode(value),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )
