"""The media workers as the server sees them: processes that are started and watched, and rooms placed on them.

worker.py      one worker: its link, the rooms on it
link.py        the control link to one worker: frames, requests, time-outs
process.py     one worker process: started, watched, started again
own.py         the processes of this machine, and their links
pool.py        which room of this node is on which worker, and what follows when one dies

Where nodes share workers:

registry.py    which workers there are and which room is on which, in Redis
announce.py    this machine's workers, announced there
far.py         a worker elsewhere: its link kept up, or given up
dial.py        the beginning of such a link: TLS and proof of the secret
shared.py      rooms put where Redis says
station.py     workers without a node: `podium worker`

roommedia.py   one room's media: its plan pushed to the workers, negotiation passed to and fro
layout.py      which workers a room is on, and how they are linked: one value
tree.py        who feeds whom
spread.py      the same as this node sees it, and who of its people views where
receipts.py    what workers confirm of commands that closed tracks
merge.py       what several workers report of one room, as one report
measured.py    what they measure, as people are told it
quality.py     the worker's measurements as grades
"""

from server.workers.link import MediaRefused
from server.workers.pool import Workers
from server.workers.roommedia import RoomMedia

__all__ = ["MediaRefused", "RoomMedia", "Workers"]
