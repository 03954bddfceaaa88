"""How much of what a viewer gets, decided for each viewer by itself.

`estimator` says how much video the way to the viewer takes, `allocate` shares it out among the tracks, `probe` finds
out whether it takes more, `controller` ties the three together and keeps pictures from flapping. None of these knows a
socket, a packet or a clock: what was sent and said comes in with its moment, decisions come out. `viewer` is the one
that knows the worker's tracks and downlinks.

The receiver's estimate (REMB) comes from Chromium and Firefox four times a second when our packets carry their moment
of sending (abs-send-time), which is stamped once for all viewers. Feedback for each packet (transport-cc) would need a
number in each packet of each viewer, and 10 to 20 reports a second to be read for each: for 300 viewers more than a
tenth of a core, to know a little earlier what REMB and loss say within half a second.
"""
