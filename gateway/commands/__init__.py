"""The command line, ``run``, and a folder for each group of commands.

Figures, texts and decisions stay where pages find them too: a command asks for them and prints.
"""

from collections.abc import Iterator
from contextlib import contextmanager

OK, FAULT, CONFIGURATION, UNREACHABLE = range(4)
"""Exit statuses of all commands: done; what was asked shows a fault; wrong words or configuration; a server not reached."""


class OutOfReach(Exception):  # noqa: N818 - says what it is
    """A server does not answer or refuses; the text says which, and why."""


class Declined(Exception):  # noqa: N818 - says what it is
    """The person who was asked did not say yes."""


@contextmanager
def reaching(*faults: type[Exception], advice: str = "") -> Iterator[None]:
    """Turn these faults into the end of a command that reaches no server, told with some advice."""
    try:
        yield
    except faults as fault:
        raise OutOfReach(f"{fault}{advice}") from fault
