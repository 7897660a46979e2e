"""Options that several commands share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from gateway.commands import OK
from gateway.support.config.files import load
from gateway.support.config.model import Config

_PORT_MAX: Final = 65535

Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no public name
"""The actions of a command, to which a module adds its own."""
DoWithConfig = Callable[[Config, argparse.Namespace], int | None]


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file (default: gateway.yaml)")


def add_action(actions: Actions, name: str, about: str, do: DoWithConfig) -> argparse.ArgumentParser:
    """Add an action of a command that is given the configuration."""

    def call(options: argparse.Namespace) -> int:
        return do(load(options.config), options) or OK

    action = actions.add_parser(name, help=about)
    add_config(action)
    action.set_defaults(call=call)
    return action


def whole_number(text: str) -> int:
    """Read a number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def port(text: str) -> int:
    """Read the number of a port."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _PORT_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 1 to {_PORT_MAX}")
