"""A client of Podium for programs: the HTTP API (api.py), connections (signaling.py), visits of conferences (visit.py).

    from protocol import commands
    from protocol.client import Api, Visit

    api = Api("https://meet.example")
    token = await api.log_in(code)
    conference = await api.create("Weekly", token)
    async with Visit("https://meet.example", token, conference) as visit:
        await visit.ask(commands.ChatSend, text="Hello")
        async for message in visit:
            ...

Commands, answers, events and signals are the protocol's own types, so what this client can say is what there is to say.
It has no media: who sends and receives pictures does so by a WebRTC library of their own, or by `media.load`.
"""

from protocol.client.api import Api, ApiError, invitation, tls
from protocol.client.signaling import RefusedError, Signaling, SignalingError
from protocol.client.visit import Visit

__all__ = ["Api", "ApiError", "RefusedError", "Signaling", "SignalingError", "Visit", "invitation", "tls"]
