"""The `podium` command."""

from __future__ import annotations

import errno
import os
import sys

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main() -> None:
    """The entry point: errors that have a sentence end with it and a status, never with a traceback."""
    from server.cli.main import app
    from server.cli.output import Failed, fail

    try:
        try:
            app(standalone_mode=True)
        finally:
            # Here and not when the interpreter ends, where nobody can say anything about it any more.
            sys.stdout.flush()
    except Failed as failed:
        fail(failed)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `podium account list | head`.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        # Of a file there would be its name.
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        # What is left of the output must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fail(Failed(f"The output cannot be written: {error.strerror}."))
