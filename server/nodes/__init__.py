"""The nodes: who they are, which of them live, and what is one for all of them.

base.py   what a node knows of the others, and of itself; alone.py: there are none
redis.py  several nodes on one Redis: identity, lease, heartbeat, and what follows when one dies
claims.py one conference at a time for each person, whichever nodes they come to
"""

from server.nodes.alone import Alone
from server.nodes.base import Arrival, Inhabited, Nodes

__all__ = ["Alone", "Arrival", "Inhabited", "Nodes"]
