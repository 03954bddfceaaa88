"""`python -m media.loadtest`: what `podium loadtest` becomes. The plan comes as JSON in the environment, since it may
hold tokens, which everybody could read among the arguments."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import msgspec

from media.loadtest import page, show
from media.loadtest.local import LocalError, LocalServer
from media.loadtest.plan import Plan, PlanError
from media.loadtest.result import Result
from media.loadtest.run import Run
from protocol.client import ApiError

PLAN = "PODIUM_LOADTEST_PLAN"
# As the commands of `podium` have it: could not be done, asked for wrongly.
CANNOT, WRONG, INTERRUPTED = 1, 2, 130


def main() -> int:
    """The exit status: 0 also for what was interrupted, 1 when a promise was broken or nobody got in."""
    try:
        plan = msgspec.json.decode(os.environ.pop(PLAN, ""), type=Plan)
        plan.check()
        if plan.report:
            page.check(plan.report)
    except (msgspec.DecodeError, PlanError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return WRONG
    sys.stderr.write(plan.intention() + "\n")
    server = LocalServer(plan.workers) if plan.local else None
    try:
        if server is not None:
            server.start()
        with show.Progress() as progress, _runner() as runner:
            result = runner.run(_until_stopped(Run(plan, server, progress)))
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ApiError, LocalError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return CANNOT
    finally:
        if server is not None:
            server.stop()
    if plan.json:
        show.as_json(result)
    else:
        show.tables(result)
    if plan.report:
        page.write(plan.report, result)
        sys.stderr.write(f"The report is in {plan.report}.\n")
    nobody = bool(result.testers) and all(tester.error for tester in result.testers)
    return CANNOT if result.violations or nobody else 0


def _runner() -> asyncio.Runner:
    with contextlib.suppress(ImportError):
        import uvloop

        return asyncio.Runner(loop_factory=uvloop.new_event_loop)
    return asyncio.Runner()


async def _until_stopped(run: Run) -> Result:
    """Run, until it ends or Ctrl-C ends it; the second Ctrl-C does not wait for people to say good-bye."""
    task = asyncio.get_running_loop().create_task(run.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
