"""The browser's way through single sign-on: to the provider, and back with a one-time code for the home page.

What has to be remembered meanwhile is in a signed cookie that only these two paths are sent: the state, by which the
answer is known to belong to this browser, and where to go afterwards. Nonce and PKCE verifier follow from the state
and the server's secret. The callback ends at the home page in every case, which says what went wrong.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets

import msgspec
from starlette.responses import RedirectResponse, Response

from protocol.errors import Code
from server.http.endpoint import Call, Endpoint
from server.http.failure import Failure
from server.identity.jwks import Unreachable
from server.identity.provider import Provider
from server.identity.tokens import BadToken
from server.storage.store import StoreUnavailable

COOKIE = "podium_sso"
AUDIENCE = "podium-sso"
# For somebody who looks for their password first.
WITHIN_S = 600
# From the callback to the home page that redeems it.
CODE_S = 60
_HERE = "/api/v1/sso"
# The pages of ours that ask one to sign in; nothing else is a place to go.
_NEXT = re.compile(r"/|/(c|console)/[a-z0-9-]{1,64}")

_log = logging.getLogger("server.http")


class SingleSignOnShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the button says after “Log in with”; null: there is no single sign-on."""

    name: str | None


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go after logging in: a page of this server."""

    next: str = "/"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider sends the browser back with; more of it is nothing to us. Without a code it has refused."""

    state: str = ""
    code: str = ""


async def show(call: Call, _body: None) -> SingleSignOnShown:
    provider = call.services.identities.provider
    return SingleSignOnShown(name=provider.title if provider is not None else None)


async def log_in(call: Call, _body: None) -> Response:
    provider = _provider(call)
    state = secrets.token_urlsafe(24)
    wanted: Where = call.query
    note = {"state": state, "next": wanted.next if _NEXT.fullmatch(wanted.next) else "/"}
    nonce, verifier = _derived(call, state)
    redirect = _redirect(call)
    try:
        address = await provider.login_url(redirect, state, nonce, verifier)
    except Unreachable as error:
        _log.warning("single sign-on: %s", error)
        return _home("sso=unreachable")
    response = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE,
        call.services.tokens.note(AUDIENCE, note, WITHIN_S),
        max_age=WITHIN_S,
        path=_HERE,
        secure=redirect.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return response


async def come_back(call: Call, _body: None) -> Response:
    provider, services = _provider(call), call.services
    try:
        note = services.tokens.read_note(AUDIENCE, call.cookies.get(COOKIE, ""))
    except BadToken:
        return _home("sso=expired")
    answer: Answer = call.query
    state = str(note.get("state"))
    if not hmac.compare_digest(state.encode(), answer.state.encode()):
        return _home("sso=expired")
    if not answer.code:
        return _home("sso=refused")
    nonce, verifier = _derived(call, state)
    try:
        subject = await provider.exchange(answer.code, _redirect(call), nonce, verifier)
        code = await services.accounts.new_code(await services.identities.sso.account(subject), CODE_S)
    except BadToken as error:
        _log.warning("single sign-on refused somebody: %s", error)
        return _home("sso=refused")
    except (Unreachable, StoreUnavailable) as error:
        _log.warning("single sign-on: %s", error)
        return _home("sso=unreachable")
    after = note.get("next", "/")
    return _home(f"code={code}" + (f"&next={after}" if after != "/" else ""))


def _provider(call: Call) -> Provider:
    provider = call.services.identities.provider
    if provider is None:
        raise Failure(Code.NOT_FOUND, "This server has no single sign-on.")
    return provider


def _redirect(call: Call) -> str:
    """The callback as the provider knows it. Without `public_url` it is what the browser's request names: the provider
    accepts only addresses that it was told."""
    return (call.services.settings.public_url or call.base) + _HERE + "/callback"


def _derived(call: Call, state: str) -> tuple[str, str]:
    tokens = call.services.tokens
    return tokens.derived("sso nonce", state), tokens.derived("sso verifier", state)


def _home(fragment: str) -> Response:
    response = RedirectResponse(f"/#{fragment}", 303, {"Cache-Control": "no-store"})
    response.delete_cookie(COOKIE, path=_HERE)
    return response


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=_HERE,
        name="singleSignOn",
        summary="Whether there is single sign-on, and what it is called.",
        handler=show,
        response=SingleSignOnShown,
    ),
    Endpoint(
        method="GET",
        path=_HERE + "/login",
        name="logInElsewhere",
        summary="For browsers: on to the provider's page to log in.",
        handler=log_in,
        response=None,
        limit="guests",
        query=Where,
        errors=(Code.NOT_FOUND,),
        status=303,
    ),
    Endpoint(
        method="GET",
        path=_HERE + "/callback",
        name="comeBack",
        summary="For browsers: back from the provider, and on to the home page with a one-time code.",
        handler=come_back,
        response=None,
        limit="guests",
        query=Answer,
        errors=(Code.NOT_FOUND,),
        status=303,
    ),
)
