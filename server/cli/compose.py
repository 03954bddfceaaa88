"""`podium compose`: one video of a whole recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli.output import Failed, fail, line, out, warn

EXAMPLE = "Example: podium compose data/recordings/c_mkw3v7/0001 meeting.mp4"
_KINDS = (".mp4", ".mkv", ".webm")


def compose(
    recording: Annotated[Path, typer.Argument(help="Folder of the recording.")],
    target: Annotated[Path, typer.Argument(help="File to be made: .mp4 and .mkv (H.264, AAC) or .webm (VP8, Opus).")],
    width: Annotated[int, typer.Option(min=320, max=3840, help="Pixels.")] = 1280,
    height: Annotated[int, typer.Option(min=180, max=2160, help="Pixels.")] = 720,
    fps: Annotated[int, typer.Option(min=5, max=60, help="Pictures in a second.")] = 25,
    chat: Annotated[bool, typer.Option("--chat", help="With the chat for everybody beside the picture.")] = False,
) -> None:
    """Make one video of a recording: everybody on the stage where they were, screens, and all that was said."""
    # FFmpeg is loaded here: 60 MB that no other command needs.
    import av

    from server.recording.compose import ComposeError
    from server.recording.compose import compose as make

    if target.suffix not in _KINDS:
        raise typer.BadParameter(f"The file's name ends in {', '.join(_KINDS)}.")
    if width % 2 or height % 2:
        raise typer.BadParameter("Width and height are even numbers: the codecs take no others.")
    if target.exists():
        fail(Failed(f"{target} is there already."))
    if not target.parent.is_dir():
        fail(Failed(f"There is no folder {target.parent}."))
    told = -1

    def progress(done: float, whole: float) -> None:
        nonlocal told
        percent = int(100 * done / whole) if whole else 100
        if out.is_terminal:
            out.print(f"\r{percent:3d} % of {whole:.0f} s", end="")
        elif percent // 10 != told // 10:
            line(f"{percent} % of {whole:.0f} s")
        told = percent

    # Under another name until it is whole.
    begun = target.with_name(f".{target.stem}.part{target.suffix}")
    try:
        seconds = make(recording, begun, width=width, height=height, fps=fps, chat=chat, progress=progress, warn=warn)
        begun.rename(target)
    except (ComposeError, OSError, av.FFmpegError) as error:
        fail(Failed(str(error)))
    finally:
        if out.is_terminal and told >= 0:
            out.print()
        # Also when it was interrupted.
        begun.unlink(missing_ok=True)
    line(f"{target}: {seconds:.1f} s")
