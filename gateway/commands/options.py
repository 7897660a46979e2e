"""Options that several commands share."""

import argparse
from collections.abc import Callable
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from gateway.commands import OK
from gateway.support.config.files import load
from gateway.support.config.model import Config
from schemas.durations import parse_span_ms

Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no public name
"""The actions of a command, to which a module adds its own."""
DoWithConfig = Callable[[Config, argparse.Namespace], int | None]


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file (default: gateway.yaml)")


def with_config(parser: argparse.ArgumentParser, do: DoWithConfig) -> None:
    """Add ``--config``, and have ``do`` called with what it leads to; a command that returns nothing ends well."""
    add_config(parser)
    parser.set_defaults(call=lambda options: do(load(options.config), options) or OK)


def add_action(actions: Actions, name: str, about: str, do: DoWithConfig) -> argparse.ArgumentParser:
    """Add an action of a command that is given the configuration."""
    action = actions.add_parser(name, help=about)
    with_config(action, do)
    return action


def add_path(parser: argparse.ArgumentParser, name: str, metavar: str, about: str, default: str | None = None) -> None:
    """Add an option that names a file or a folder."""
    parser.add_argument(name, type=Path, metavar=metavar, default=None if default is None else Path(default), help=about)


def add_repeated(parser: argparse.ArgumentParser, name: str, about: str, **more: Any) -> None:  # noqa: ANN401 - as argparse has it
    """Add an option that may be given again."""
    parser.add_argument(name, action="append", default=[], help=about, **more)


def instant_ms(text: str, zone: ZoneInfo, now_ms: int, *, is_ahead: bool) -> int:
    """A span from now, ahead or back, or a date and time, local where it names no zone; ValueError if it is none."""
    try:
        span_ms = parse_span_ms(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return round((found if found.tzinfo is not None else found.replace(tzinfo=zone)).timestamp() * 1000)
    return now_ms + span_ms if is_ahead else now_ms - span_ms


def number(what: str, least: int, most: float = inf) -> Callable[[str], int]:
    """Read whole numbers within bounds; anything else is not ``what`` is asked for."""

    def read(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")

    return read


whole_number: Final = number("a whole number of 0 or more", 0)
port: Final = number("a port: a number from 1 to 65535", 1, 65_535)
