"""`./scripts/bench COMMAND`: one module per command, registered here in one line each."""

from __future__ import annotations

import typer

from scripts.benchmarks import chat, commit, forward, janus, race, reference, scale, signaling, silence, storm

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
app.command("chat")(chat.command)
app.command("commit")(commit.command)
app.command("forward")(forward.command)
app.command("janus")(janus.command)
app.command("race")(race.command)
app.command("reference")(reference.command)
app.command("scale")(scale.command)
app.command("signaling")(signaling.command)
app.command("silence")(silence.command)
app.command("storm")(storm.command)


@app.callback()
def commands() -> None:
    """What Podium costs, measured on this machine. Each command prints a table, or one object with --json."""


if __name__ == "__main__":
    app()
