"""Commands and options as people type them and ``--help`` lists them: scripts and habits rely on each.

``python -m tests.commands.typed`` writes the list again; what changed in it belongs into CHANGELOG.md.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from gateway.commands.cli import parser

FILE = Path(__file__).with_name("typed.txt")


def typed() -> Iterator[str]:
    """Yield a line for each command and each of its arguments, in the order of ``--help``."""
    yield from _of(parser())


def written(*commands: str) -> list[str]:
    """The lines of some commands, as they are written down; none given: of all."""
    return [line for line in FILE.read_text(encoding="utf-8").splitlines() if _is_of(line, commands)]


def offered(*commands: str) -> list[str]:
    """The same, as the program offers them."""
    return [line for line in typed() if _is_of(line, commands)]


def _is_of(line: str, commands: tuple[str, ...]) -> bool:
    return not commands or line.split(" | ", maxsplit=1)[0].split()[1:2] in [[command] for command in commands]


def _of(one: argparse.ArgumentParser) -> Iterator[str]:
    for action in one._actions:  # noqa: SLF001 - argparse has no public way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for choice in action._choices_actions:  # noqa: SLF001
                yield f"{one.prog} | {choice.dest} | {choice.help}"
            for made in action.choices.values():
                yield from _of(made)
        elif not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            kind = [f"nargs={action.nargs}"] if action.nargs is not None else []
            kind += [f"one of {', '.join(action.choices)}"] if action.choices else []
            kind += [f"default={action.default}"] if action.default not in (None, False, [], argparse.SUPPRESS) else []
            kind += ["required"] if action.required and action.nargs not in {"*", "?"} else []  # Python 3.11 says it of "*" too
            name = " ".join([*action.option_strings, str(action.metavar or action.dest)])
            yield f"{one.prog} | {name} | {'; '.join(kind)} | {action.help}"
    for group in one._mutually_exclusive_groups:  # noqa: SLF001
        yield f"{one.prog} | only one of | {', '.join(action.option_strings[0] for action in group._group_actions)}"  # noqa: SLF001


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in typed()), encoding="utf-8")
