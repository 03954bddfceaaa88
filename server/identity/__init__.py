"""Who somebody is: whose word proves it, and whether it still holds.

Four kinds of tokens are accepted wherever one is asked for (`hello`, the API). Their `iss` says who is to be believed,
and only then is anything else of them looked at:

    ours                  accounts, and guests who came by a link (tokens.py)
    a provider's          single sign-on: an account, made at the first log-in (provider.py, sso.py)
    an API key's          a guest whom a program of the operator vouches for (apikeys.py)
    a peer's              a federated user, `name@peer` (peers.py)

    identities.py   a token to an identity; whether an identity still stands (account, link, key, peer removed?)
    absent.py       somebody without a token, by their identity alone
    access.py       what somebody who comes to a conference brings with them
    accounts.py     who may log in, and with what; groups.py: groups of them, and the right that only a group holds
    guestlinks.py   the links that guests come by
    jwks.py         public keys that a URL publishes, fetched with bounds, from addresses that secure.py allows
"""
