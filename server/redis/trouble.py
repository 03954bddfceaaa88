"""Everything that Redis can refuse or fail at, by name and sentence, and whether a command may have happened anyway."""

from __future__ import annotations

import enum
import socket

from redis import exceptions as x

from server.storage.store import StoreUnavailable


class Trouble(enum.StrEnum):
    """Why Redis did not do something."""

    AWAY = "away"
    SILENT = "silent"
    STARTING = "starting"
    FAILING_OVER = "failing_over"
    READ_ONLY = "read_only"
    FULL = "full"
    DISK = "disk"
    DENIED = "denied"
    TORN = "torn"
    REFUSED = "refused"


SENTENCES = {
    Trouble.AWAY: "Redis cannot be reached",
    Trouble.SILENT: "Redis does not answer",
    Trouble.STARTING: "Redis is loading its data",
    Trouble.FAILING_OVER: "Redis has no primary at the moment",
    Trouble.READ_ONLY: "Redis is a read-only replica",
    Trouble.FULL: "Redis has no memory left",
    Trouble.DISK: "Redis cannot write to its disk, or to enough replicas",
    Trouble.DENIED: "Redis does not let us in",
    Trouble.TORN: "Redis has lost a part of the record, as when it evicts keys (maxmemory-policy must be noeviction)",
    Trouble.REFUSED: "Redis has refused a command",
}


class RedisUnavailable(StoreUnavailable):
    """What was asked of Redis was not done, or with `uncertain` nobody knows: then asking again tells."""

    def __init__(self, trouble: Trouble, detail: str = "", uncertain: bool = False) -> None:
        super().__init__(SENTENCES[trouble] + (f": {detail}" if detail else ""), uncertain)
        self.trouble = trouble


# A class of redis-py's comes before those it inherits from.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], Trouble], ...] = (
    ((x.BusyLoadingError,), Trouble.STARTING),
    ((x.ReadOnlyError,), Trouble.READ_ONLY),
    ((x.OutOfMemoryError,), Trouble.FULL),
    ((x.AuthenticationError, x.AuthorizationError, x.NoPermissionError), Trouble.DENIED),
    ((x.MasterDownError, x.ClusterDownError, x.ClusterError, x.SlotNotCoveredError), Trouble.FAILING_OVER),
    ((x.AskError, x.MovedError, x.TryAgainError), Trouble.FAILING_OVER),
)
# Answers for which redis-py has no class, by their first word (redis.io: src/server.c, createSharedObjects).
_WORDS = {
    "OOM": Trouble.FULL,
    "READONLY": Trouble.READ_ONLY,
    "MISCONF": Trouble.DISK,
    "NOREPLICAS": Trouble.DISK,
    "NOAUTH": Trouble.DENIED,
    "NOPERM": Trouble.DENIED,
    "WRONGPASS": Trouble.DENIED,
    "LOADING": Trouble.STARTING,
    "MASTERDOWN": Trouble.FAILING_OVER,
    "CLUSTERDOWN": Trouble.FAILING_OVER,
    "BUSY": Trouble.SILENT,
}
# What the system says when there was no connection on which anything could have been sent.
_NOT_SENT = (ConnectionRefusedError, FileNotFoundError, PermissionError, socket.gaierror)


def trouble_of(error: BaseException) -> RedisUnavailable:
    """What an exception of redis-py, of the system or of a time-out means."""
    for classes, trouble in _KINDS:
        # Sentinel's connections wrap the answer of a former primary into a broken connection.
        if isinstance(error, classes) or isinstance(error.__context__, classes):
            return RedisUnavailable(trouble)
    if isinstance(error, TimeoutError | x.TimeoutError):
        return RedisUnavailable(Trouble.SILENT, uncertain=True)
    if "MasterNotFound" in type(error).__name__:
        return RedisUnavailable(Trouble.FAILING_OVER)
    if isinstance(error, x.ResponseError):
        word = str(error).partition(" ")[0]
        return RedisUnavailable(_WORDS.get(word, Trouble.REFUSED), "" if word in _WORDS else str(error))
    not_sent = isinstance(error, _NOT_SENT) or isinstance(error.__context__, _NOT_SENT)
    return RedisUnavailable(Trouble.AWAY, uncertain=not not_sent)
