"""Redis, where several nodes keep what they share: its address, the connection to it, what it can refuse, leases.

Nothing here knows what a room is. Whatever must happen as one is a Lua script in a `scripts` folder beside the module
that runs it, one file per operation.
"""
