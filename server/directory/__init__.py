"""Which conferences there are (conferences.py), and which of them are sessions of one event (events.py)."""
