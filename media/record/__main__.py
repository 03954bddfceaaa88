"""`python -m media.record`: the recorder. `podium serve` starts it when something is to be recorded."""

from __future__ import annotations

import sys

from media.__main__ import main
from media.record.recorder import Recorder

if __name__ == "__main__":
    sys.exit(main(Recorder))
