"""What people upload: the bytes on the disk. What there is stands in the room's state (server/room/files.py)."""
