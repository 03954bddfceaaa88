"""The pure core of a conference: what is allowed, what follows, what it looks like.

`decide(room, actor, command, now) → events or Refusal` and `apply(room, event) → room` hold all policy. There is
no clock, socket, await or randomness here: time (ms since 1970) and identities come in as arguments, so the whole
space of permissions can be walked in milliseconds and every node computes the same state from the same log.

    rules.py       who may do what: the tables; a missing row is a refusal
    decide.py      a command to its events (stage.py, remark.py, moderation.py, membership.py, seating.py hold the
                   single decisions; layout.py how the stage is laid out, devices.py people's devices, questions.py,
                   polls.py, links.py and chatroom.py what people ask, vote on, share and write)
    entries.py     the part of the state that holds those
    door.py        who comes in, who waits at the door, who is refused
    access.py      what the settings make of a class of people
    modes.py       who may have a place and send what in each mode; seating.py gives the places
    deadlines.py   what ends by itself
    apply.py       an event to the next state, without judgement
    view.py        what one client may see
    plan.py        what the media workers must do
"""
