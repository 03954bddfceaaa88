"""The recorder process: a worker whose rooms are written to files."""

from __future__ import annotations

from media.record.router import RecordingRouter
from media.worker import Worker
from protocol.control import RecordEnd, RecordRoom, ServerMessage


class Recorder(Worker):
    """See the module."""

    router = RecordingRouter

    def _message(self, message: ServerMessage) -> None:
        assert isinstance(self._router, RecordingRouter)
        match message:
            case RecordRoom():
                self._router.record(message)
            case RecordEnd():
                self._router.record_end(message)
            case _:
                super()._message(message)
