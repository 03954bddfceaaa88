"""The options of `server/config.py` as flags of a command: same names, same help, no second list."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.output import WRONG, Failed
from server.config import OPTIONS, ConfigError, Settings, default_text, flag_of, load, variable_of

CONFIG_HELP = "A TOML file with options, named as the flags but with underscores."


def with_settings(*names: str, prefix: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of these options, or of all, and `--config`; it receives `settings` in their place.
    Options whose names begin with `prefix`, which the command's name says already, have a flag without it as well."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        chosen = [option for option in OPTIONS if option.metadata["flag"] and (not names or option.name in names)]

        @functools.wraps(command)
        def wrapped(**values: Any) -> None:
            flags = {option.name: values.pop(option.name) for option in chosen}
            config = values.pop("config")
            command(settings=load_settings(flags, config), **values)

        signature = inspect.signature(command, eval_str=True)
        own = [parameter for name, parameter in signature.parameters.items() if name != "settings"]
        flags = [_parameter(option.name, _annotation(option, prefix)) for option in chosen]
        config_type = Annotated[Path | None, typer.Option("--config", help=CONFIG_HELP, metavar="FILE")]
        wrapped.__signature__ = inspect.Signature([*own, *flags, _parameter("config", config_type)])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {
            parameter.name: parameter.annotation
            for parameter in wrapped.__signature__.parameters.values()  # type: ignore[attr-defined]
        }
        return wrapped

    return decorate


def load_settings(flags: dict[str, Any], config: Path | None) -> Settings:
    """The settings with these flags. Raises `Failed` with the sentence of a `ConfigError`."""
    try:
        return load(flags, os.environ, config)
    except ConfigError as error:
        raise Failed(f"{error}", WRONG) from None


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _annotation(option: Any, prefix: str) -> Any:
    default = default_text(option)
    shown = f"{option.metadata['help']} [default: {default}] [env: {variable_of(option.name)}]"
    help = shown if default else f"{option.metadata['help']} [env: {variable_of(option.name)}]"
    flag = flag_of(option.name)
    short = (flag_of(option.name.removeprefix(prefix)),) if prefix and option.name.startswith(prefix) else ()
    if isinstance(option.default, bool):
        return Annotated[bool | None, typer.Option(f"{flag}/--no-{flag[2:]}", help=help, show_default=False)]
    # Text for all others: the one check is the table's, so a bad value reads the same from every source.
    return Annotated[str | None, typer.Option(flag, *short, help=help, show_default=False, metavar="VALUE")]
