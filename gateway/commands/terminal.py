"""Options that several commands share, and lines to be read at a terminal, which nothing foreign steers."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias
from zoneinfo import ZoneInfo

from gateway.commands import OK, Declined
from gateway.commands.finding import find_config
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.private_files import is_there
from schemas.durations import parse_span_ms
from schemas.printable import printable

Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no public name
"""The actions of a command, to which a module adds its own."""
DoWithConfig = Callable[[Config, argparse.Namespace], int | None]


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file (default: gateway.yaml)")


def with_config(parser: argparse.ArgumentParser, do: DoWithConfig, *, or_defaults: bool = False) -> None:
    """Add ``--config``, and have ``do`` called with what it leads to; a command that returns nothing ends well.

    :param or_defaults: it prepares a gateway, and goes by the defaults where there is none; never if it may lose something.
    """

    def call(options: argparse.Namespace) -> int:
        loses = any(getattr(options, option, False) for option in _LOSING)
        return do(find_config(options.config, or_defaults=or_defaults and not loses), options) or OK

    add_config(parser)
    parser.set_defaults(call=call)


_LOSING: Final = ("replace", "change_retention")
"""Options of commands that prepare a gateway, by which something is lost."""


def add_action(
    actions: Actions, name: str, about: str, do: DoWithConfig, *, or_defaults: bool = False
) -> argparse.ArgumentParser:
    """Add an action of a command that is given the configuration, as :func:`with_config` has it."""
    action = actions.add_parser(name, help=about)
    with_config(action, do, or_defaults=or_defaults)
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


def refuse_present(path: Path) -> None:
    """Refuse to write over a file; ConfigurationFault if it is there."""
    if is_there(path):
        raise ConfigurationFault([f"{path}: is there already: remove it, or name another file"])


def local_time(time_ms: float, config: Config) -> str:
    """A time in the zone of the configuration, which the output names once."""
    return datetime.fromtimestamp(time_ms / 1000, ZoneInfo(config.time.zone)).strftime("%Y-%m-%d %H:%M:%S")


def number(what: str, least: int, most: float = inf) -> Callable[[str], int]:
    """Read whole numbers within bounds; anything else is not ``what`` is asked for."""

    def read(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")

    return read


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Add ``--yes``, for a command that may ask first."""
    parser.add_argument("--yes", action="store_true", help="do not ask before something is lost for good")


def confirmed(options: argparse.Namespace, lost: str) -> None:
    """Ask at the terminal before something is lost for good, whose command has ``add_yes``.

    :param lost: the loss in numbers, as a sentence without its full stop.
    :raises Declined: the answer is not yes.
    :raises ConfigurationFault: there is no terminal to ask at, and no ``--yes``.
    """
    if options.yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigurationFault([f"{lost}; nothing was done: there is no terminal to ask at; --yes does it unasked"])
    print(printable(f"{lost}. Do it? [y/N] "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise Declined


whole_number: Final = number("a whole number of 0 or more", 0)
port: Final = number("a port: a number from 1 to 65535", 1, 65_535)


def say(*lines: str) -> None:
    """Print lines as they are laid out."""
    for line in lines:
        print(printable(line, layout=True))


def show(text: str) -> None:
    """Print a line; a newline in a foreign name begins no line of its own."""
    print(printable(text))


def tell(text: str) -> None:
    """Print a line beside the output, on standard error."""
    print(printable(text), file=sys.stderr)


def warn(text: str) -> None:
    """Print a warning."""
    tell(f"warning: {text}")


def show_documents(
    documents: Iterable[dict[str, Any]],
    lines: Callable[[dict[str, Any], Config], Iterable[str]],
    config: Config,
    options: argparse.Namespace,
    *,
    nothing: str,
    has_times: bool = True,
) -> None:
    """Print documents as JSON (``--json``), one a line, or as text below the zone of its times, which says if there is none."""
    head, empty = f"times in {config.time.zone}:" if has_times else "", nothing
    for document in documents:
        if head and not options.json:
            print(head)
        head = empty = ""
        for line in [json.dumps(document, ensure_ascii=False)] if options.json else lines(document, config):
            show(line)
    if empty and not options.json:
        print(empty)


def say_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows, the first of which is the head, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


class ProgressLine:
    """A line on a terminal that says how far a command is; nowhere else."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._is_there = False

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._is_terminal:
            self._out.write(f"\r\x1b[K{text}")
            self._out.flush()
            self._is_there = bool(text)

    def clear(self) -> None:
        """Remove the line, before something else is printed."""
        if self._is_there:
            self.say("")
