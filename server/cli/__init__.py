"""The `podium` command."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point: errors that have a sentence end with it and a status, never with a traceback."""
    from server.cli.main import app
    from server.cli.output import Failed, fail

    try:
        app(standalone_mode=True)
    except Failed as failed:
        fail(failed)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `podium account list | head`.
        sys.stderr.close()
        sys.exit(0)
