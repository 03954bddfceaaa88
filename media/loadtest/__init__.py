"""`podium loadtest`: a crowd of people who are real to a whole server, and what they got.

A program of its own, started by the command: it speaks to the server as a browser does, by HTTP, WebSocket and media
connections (media/load), and imports nothing of it.

plan.py        what is asked for, and whether it can be done
local.py       the throw-away server, when no other is named
api.py         HTTP: conferences, guest links, guests
signaling.py   a WebSocket that costs little, with typed messages
person.py      one person: joining, watching, presenting, leaving
venue.py       the conferences and how people get into them
crowd.py       everybody: coming at a rate, churning, going
storms.py      many who want the same at once, and what must hold then
measure.py     what is counted, second by second and at the end
run.py         the phases in their order
show.py        terminal and JSON
page.py        the report as one HTML file; chart.py draws
"""
