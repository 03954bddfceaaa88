"""The API of one's own account: logging in, who one is, the password."""

from __future__ import annotations

from protocol.errors import Code
from server.http import messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.workspace import prove
from server.identity.accounts import Account, AccountError


async def log_in(call: Call, body: m.LogIn) -> m.LoggedIn:
    accounts = call.services.accounts
    if body.code is not None and body.name is None and body.password is None:
        account = await accounts.redeem(body.code)
        if account is None:
            raise Failure(Code.BAD_TOKEN, "This link has been used, or is too old; ask for a new one.")
    elif body.name is not None and body.password is not None and body.code is None:
        account = await accounts.check_password(body.name, body.password)
        if account is None:
            raise Failure(Code.BAD_TOKEN, "The login or the password is wrong.")
    else:
        raise Failure(Code.BAD_MESSAGE, "Send name and password, or a one-time code.")
    token, expires = _account_token(call, account)
    return m.LoggedIn(token=token, expires=expires, account=await _shown(call, account))


async def me(call: Call, _body: None) -> m.AccountShown:
    return await _shown(call, call.account)


async def change_password(call: Call, body: m.NewPassword) -> m.PasswordChanged:
    accounts, account = call.services.accounts, call.account
    if not await accounts.has_password(account.id):
        # Or whoever finds an old token would make themselves the password that `prove` asks for elsewhere.
        await prove(call, None)
    elif body.old is None or await accounts.check_password(account.login, body.old) is None:
        raise Failure(Code.NOT_ALLOWED, "The old password is wrong.")
    try:
        await accounts.set_password(account.id, body.password)
    except AccountError as error:
        raise Failure(Code.BAD_MESSAGE, str(error), details={"path": "$.password"}) from None
    token, expires = _account_token(call, account)
    return m.PasswordChanged(token=token, expires=expires)


def _account_token(call: Call, account: Account) -> tuple[str, int]:
    tokens = call.services.tokens
    token = tokens.account(account.id, account.name)
    return token, tokens.verify(token).expires


async def _shown(call: Call, account: Account) -> m.AccountShown:
    return m.account_shown(account, await call.services.accounts.has_password(account.id))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/v1/login",
        name="logIn",
        summary="Log in with login and password, or with a one-time code.",
        handler=log_in,
        body=m.LogIn,
        response=m.LoggedIn,
        limit="login",
        errors=(Code.BAD_TOKEN, Code.COMPANY_DISABLED),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/me",
        name="me",
        summary="The account that the token belongs to.",
        handler=me,
        response=m.AccountShown,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/me/password",
        name="changePassword",
        summary="Set or change one's password.",
        handler=change_password,
        body=m.NewPassword,
        response=m.PasswordChanged,
        caller=Caller.ACCOUNT,
        limit="login",
    ),
)
