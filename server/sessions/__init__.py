"""One connection: from its bytes to orders for a room, and back.

websocket.py  the socket; flood.py: how much may come in; outbox.py: what goes out
session.py    who it is and where it stands (states.py), and which handler a message has:
arrival.py    coming in and coming back; orders.py: commands and questions; talk.py: chat, reactions
guesses.py    wrong PINs
"""
