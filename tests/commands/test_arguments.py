"""Options of ``gateway setup`` that are refused, and what each command calls."""

import argparse
from collections.abc import Iterator

import pytest

from gateway.commands.cli import main, parser


def ends(command: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """All commands behind which none follows."""
    found = [action.choices for action in command._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    yield from [command] if not found else [end for choices in found for one in choices.values() for end in ends(one)]


def test_every_command_calls_something() -> None:
    idle = [command.prog for command in ends(parser()) if command.get_default("call") is None]
    assert idle == [], "its add_options ends with parser.set_defaults(call=...)"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "mqtt", "१२"])
def test_what_is_no_port_is_refused_by_its_name(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["setup", "broker", f"--port={port}"])
    assert ended.value.code == 2
    assert f"{port!r} is not a port: a number from 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "1001", "many"])
def test_what_is_no_number_of_gateways_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["setup", "rabbitmq", f"--gateways={count}"])
    assert ended.value.code == 2
    assert f"{count!r} is not a number of gateways" in capsys.readouterr().err
