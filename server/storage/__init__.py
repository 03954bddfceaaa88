"""The database of one server: its one thread (store.py), its tables (migrations.py), its keys (keys.py).

With Redis it is a replica of what several servers share (replicated.py).
"""
