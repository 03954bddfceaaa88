"""`python -m tests.fuzz [NAME] [SECONDS]`: fuzz one parser, or each in turn; keep what makes it raise or takes long."""

from __future__ import annotations

import hashlib
import random
import sys
import time
import traceback

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS
from tests.fuzz.test_fuzz import CRASHES

# CPU time. What takes so long holds up everybody's media, or everybody's commands.
SLOW_S = 0.25


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
        began = time.process_time()
        try:
            target.feed(data)
            if time.process_time() - began > SLOW_S:
                raise TimeoutError(f"{time.process_time() - began:.2f} s for {len(data)} bytes")
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
