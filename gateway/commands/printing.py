"""Printing of commands: no text that came from elsewhere steers a terminal."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

from schemas.printable import printable


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
    found: Iterable[dict[str, Any]], lines: Callable[[dict[str, Any]], Iterable[str]], *, as_json: bool, nothing: str
) -> None:
    """Print documents as JSON, one a line, or as text, which says if there is nothing."""
    is_empty = True
    for document in found:
        is_empty = False
        for line in [json.dumps(document, ensure_ascii=False)] if as_json else lines(document):
            show(line)
    if is_empty and not as_json:
        print(nothing)


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
