"""Findings of ``gateway check``, and how it prints."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.printable import printable


@dataclass(slots=True)
class Faults:
    """Faults found, a line each.

    :ivar faults: the gateway refuses the configuration.
    :ivar warnings: it accepts the configuration, but this may be a mistake.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def say(*lines: str) -> None:
    """Print lines as they are laid out."""
    for line in lines:
        print(printable(line, layout=True))


def warn(text: str) -> None:
    """Print a warning."""
    print(printable(f"warning: {text}"), file=sys.stderr)


def say_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows, the first of which is the head, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
