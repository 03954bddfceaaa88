"""`podium loadtest`: a crowd that is real to a whole server; what it does is in media/loadtest, its own program."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

EXAMPLE = "Example: podium loadtest --publishers 2 --viewers 200 --duration 30 --storm mute --report report.html"
_GIVEN_BY = "PODIUM_LOADTEST_PLAN"


def loadtest(
    url: Annotated[
        str,
        typer.Argument(
            help="A running server, as its address with --token or as a viewers' guest link. Without it a throw-away "
            "server is started on this machine, on loopback only."
        ),
    ] = "",
    publishers: Annotated[int, typer.Option(help="People on the stage who send.")] = 1,
    viewers: Annotated[int, typer.Option(help="People who watch.")] = 10,
    conferences: Annotated[
        int, typer.Option(help="Conferences they are spread over; each is on one media worker.")
    ] = 1,
    workers: Annotated[int, typer.Option(help="Media workers of the local server.")] = 1,
    duration: Annotated[float, typer.Option(help="Seconds to measure, once everybody is there.")] = 15.0,
    ramp: Annotated[
        float | None, typer.Option(help="Seconds over which viewers come; otherwise as fast as they get in.")
    ] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Publishers send sound, 50 packets/s.")] = True,
    video_kbps: Annotated[int, typer.Option(help="Picture of each publisher in kbit/s; 0 for none.")] = 1_500,
    fps: Annotated[int, typer.Option(help="Pictures a second.")] = 25,
    size: Annotated[str, typer.Option(help="Of the picture, as its key frames say.", metavar="WxH")] = "1280x720",
    simulcast: Annotated[bool, typer.Option("--simulcast", help="Send the picture in three layers.")] = False,
    churn: Annotated[float, typer.Option(help="Viewers who leave and come back, per second.")] = 0.0,
    loss: Annotated[float, typer.Option(help="Percent of packets lost in each direction, at the crowd's end.")] = 0.0,
    storm: Annotated[
        str | None,
        typer.Option(help="join: all viewers at once; stage: all ask for a place; mute: all are muted; or all."),
    ] = None,
    sample: Annotated[int, typer.Option(help="Viewers who decrypt everything and measure delays.")] = 12,
    token: Annotated[
        str, typer.Option(envvar="PODIUM_TOKEN", help="Token of an account there, which makes the conferences.")
    ] = "",
    conference: Annotated[str, typer.Option(help="With --token: come to this conference, make none.")] = "",
    speaker_link: Annotated[str, typer.Option(help="Without --token: a speakers' guest link, for publishers.")] = "",
    moderator_link: Annotated[str, typer.Option(help="Without --token: a moderator's guest link, for storms.")] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Accept any certificate, as a self-signed one.")] = False,
    report: Annotated[str, typer.Option(help="Write a report with plots to this HTML file.", metavar="FILE")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")] = False,
) -> None:
    """Send a crowd with real media connections to a server, and say what they got."""
    plan = {
        "url": url,
        "token": token if url else "",
        "conference": conference,
        "speaker_link": speaker_link,
        "moderator_link": moderator_link,
        "insecure": insecure,
        "publishers": publishers,
        "viewers": viewers,
        "conferences": conferences,
        "workers": workers,
        "duration_s": duration,
        "ramp_s": ramp,
        "audio": audio,
        "video_kbps": video_kbps,
        "fps": fps,
        "size": size,
        "simulcast": simulcast,
        "churn": churn,
        "loss": loss,
        "storm": storm,
        "sample": sample,
        "json": as_json,
        "report": report,
    }
    # Not among the arguments, which everybody on the machine can read: there are tokens in it.
    os.environ[_GIVEN_BY] = json.dumps(plan)
    os.execv(sys.executable, [sys.executable, "-m", "media.loadtest"])
