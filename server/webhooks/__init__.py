"""Webhooks: what happens in conferences, told to other programs by HTTP, from the room log.

A subscription (`subscriptions.py`) says where to and which events. For each subscription and conference a position
(`positions.py`) is kept durably: up to there the receiver has everything. A courier (`courier.py`) for each
subscription reads the commits after the position, posts what an outsider may know of them (`outside.py`, `post.py`) and
moves the position when the receiver has answered with 2xx. So each event arrives at least once, those of a conference
in order, and a conference whose delivery fails holds up itself alone.

The log is not copied: as long as there are subscriptions it keeps a history before its snapshots (`HISTORY` events of
each conference). A receiver that lags more is told of the gap, with the position from which it goes on: an outage
without end must not cost memory without end.

The dispatcher (`dispatcher.py`) runs the couriers, of a node that is told of commits as they happen, and looks into the
log now and then for what nobody told it. Several nodes on one Redis take turns for each conference, by a lease
(`turns.py`); who loses it in the middle may tell something twice, and moves no position back (`Positions.move`).
"""
