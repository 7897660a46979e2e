"""The table of commands: what is loaded for a command, and that each ends in something that can be called."""

import argparse
import subprocess
import sys
from collections.abc import Iterator

from gateway.commands.cli import parser


def leaves(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers at the ends of the tree of commands."""
    below = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    if not below:
        yield of
    for action in below:
        for child in action.choices.values():
            yield from leaves(child)


def loaded(*words: str) -> set[str]:
    """Modules of commands that a fresh interpreter has, once the parser for these words is made."""
    code = f"import sys; from gateway.commands.cli import parser; parser({words!r}); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return {name for name in said if name.startswith("gateway.commands.")} - {
        "gateway.commands.cli",
        "gateway.commands.options",
    }


def test_every_command_ends_in_something_to_call() -> None:
    ends = list(leaves(parser()))
    assert len(ends) > 40
    assert [end.prog for end in ends if not callable(end.get_default("call"))] == []


def test_the_start_of_a_gateway_loads_no_command_for_its_parser() -> None:
    assert loaded("run", "-c", "gateway.yaml") == set()


def test_a_command_of_setup_loads_none_of_its_siblings() -> None:
    assert "gateway.commands.setup.token" in loaded("setup", "token")
    assert not loaded("setup", "token") & {"gateway.commands.setup.broker", "gateway.commands.status"}
