"""A client that does as it likes: what a modified browser could do, and nothing of which may reach anybody.

It keeps sending when it is muted, taken down or removed, publishes without a place, offers what it has not named,
borrows numbers of others, claims in every message to be somebody else, and brings old tokens again.
`python -m tests.disobedient URL --invite TOKEN` lets it loose on a running server; the tests of
tests/system/test_disobedient.py hold what has to come of it: nothing.

    transport.py   ICE, DTLS and SRTP by hand
    peer.py        one person: signaling, packets with a mark, and all that reaches them
    client.py      the disobedience
"""
