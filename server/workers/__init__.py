"""The media workers as the server sees them: processes that are started and watched, and rooms placed on them.

link.py        the control link to one worker: frames, requests, time-outs
process.py     one worker process: started, watched, started again
pool.py        all of them: which room is on which worker, and what follows when one dies
roommedia.py   one room's media: its plan pushed to the worker, negotiation passed to and fro
quality.py     the worker's measurements as grades
"""

from server.workers.link import MediaRefused
from server.workers.pool import Workers
from server.workers.roommedia import RoomMedia

__all__ = ["MediaRefused", "RoomMedia", "Workers"]
