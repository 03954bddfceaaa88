"""Recordings: the process that writes them, what is told to it, and what has been written.

Whether a conference is recorded is its room's state (`server/room/recording.py`), so it is committed, and everybody is
told, before the recorder is. It is then one more worker of the room, fed by the first one (`media/record/`). Beside the
files of the tracks stands a timeline of what happened: who was on the stage, muted, the layout, chat, questions, polls.

recorders.py  the process, started with the first recording
room.py       one room's recording: begun, ended, gone on with when the recorder has died
timeline.py   what happened, as lines of JSON
speaker.py    who speaks, for it
library.py    what there is on the disk
scenes.py     what it says of each moment, and where everybody is then
compose.py    one video of all of it, made by a command afterwards
"""
