"""What is measured of each stay in a conference, for its report: how long somebody spoke, how their connection was.

figures.py     what is kept of a stay, and what it amounts to
counting.py    the workers' words added up; pure
kept.py        where it is kept: in the server's own file, or in Redis
book.py        the one who writes it, each minute and after somebody has left
room.py        one room's part of it on this node

A stay is somebody's time in a conference from joining to leaving; with the version at which they joined it has a name
that every node knows, and that the audit record leads to. Each node counts those whose main connection it has, so
nothing is counted twice, and adds what it has counted to what is kept.
"""
