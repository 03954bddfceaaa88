"""`python -m tests.fuzz [NAME] [SECONDS]`: fuzz one parser, or each in turn, and keep what makes it raise."""

from __future__ import annotations

import hashlib
import random
import sys
import time
import traceback

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS
from tests.fuzz.test_fuzz import CRASHES


def fuzz(name: str, seconds: float) -> bool:
    """Feed mutations for so long; at the first crash keep its input and return False."""
    target = TARGETS[name]
    seed = random.SystemRandom().getrandbits(32)
    source = random.Random(seed)
    end = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < end:
        data = mutated(target.seeds, source)
        runs += 1
        try:
            target.feed(data)
        except Exception:
            path = CRASHES / name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            traceback.print_exc()
            sys.stderr.write(f"{name}: kept as {path}\n")
            return False
    sys.stdout.write(f"{name}: {runs} inputs from seed {seed}, no crash\n")
    return True


if __name__ == "__main__":
    names = sys.argv[1:2] or list(TARGETS)
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    results = [fuzz(name, seconds) for name in names]
    raise SystemExit(0 if all(results) else 1)
