"""The table of commands: what each calls and loads, and options that are refused."""

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gateway.commands.cli import main, parser
from tests.commands.typed import offered, written


def ends(command: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """All commands behind which none follows."""
    found = [action.choices for action in command._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    yield from [command] if not found else [end for choices in found for one in choices.values() for end in ends(one)]


def test_every_command_calls_something() -> None:
    idle = [command.prog for command in ends(parser()) if command.get_default("call") is None]
    assert idle == [], "its add_options ends with parser.set_defaults(call=...)"


def loaded(*words: str) -> set[str]:
    """Modules of commands that a fresh interpreter has, once the parser for these words is made."""
    code = f"import sys; from gateway.commands.cli import parser; parser({words!r}); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return {name for name in said if name.startswith("gateway.commands.")} - {
        "gateway.commands.cli",
        "gateway.commands.finding",
        "gateway.commands.starting",
        "gateway.commands.terminal",
    }


def test_the_start_of_a_gateway_loads_no_command_for_its_parser() -> None:
    assert loaded("run", "-c", "gateway.yaml") == set()


def test_a_command_of_setup_loads_none_of_its_siblings() -> None:
    assert "gateway.commands.setup.token" in loaded("setup", "token")
    assert not loaded("setup", "token") & {"gateway.commands.setup.broker", "gateway.commands.status"}


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


def test_what_people_type_is_what_they_know() -> None:
    assert offered() == written()
