"""What is said between browsers, signaling nodes and media workers.

Imports nothing of ours. The wire classes are the commands and events of the room
core: one definition gives decoding, checking, both encodings and the documents.
"""
