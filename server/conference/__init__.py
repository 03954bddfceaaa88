"""Conferences that are open on this node.

rooms.py      which are open; openroom.py: everything of one of them
replica.py    the state and its one writer; history.py: what it remembers of the recent past
members.py    who is attached, and how they are told; doorway.py: who waits outside
deadlines.py  the clock of a room; grace.py: whose seat is kept
chat.py       who is shown the stream beside the events; coalesce.py: signals that are said at most so often
resume.py     tokens to come back with; limits.py: how often a person may do what others must read
explaining.py who an explanation is about
"""
