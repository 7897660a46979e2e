"""``gateway``: the command line, one table of all commands.

The options of a command stand beside it. Its module is loaded, and its options are added, when it is asked for: a start of the
gateway pays for none of the others.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

from gateway import __version__
from gateway.commands import CONFIGURATION
from gateway.commands.starting import start, told
from gateway.commands.terminal import add_config
from schemas.nearest import did_you_mean
from schemas.printable import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments

    def call() -> int:
        made = parser(words)
        if words and words[0] in {"-c", "--config"}:
            made.error(f"{words[0]} stands behind the command, such as gateway status -c gateway.yaml")
        options, unknown = made.parse_known_args(words)
        if unknown:
            options.parser.refuse(unknown)
        return int(options.call(options))

    return told(call)


class CommandParser(argparse.ArgumentParser):
    """Refuses a word in a line: what is wrong with it, what was most likely meant, and where to look."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - as argparse has it
        super().__init__(**settings)
        self.set_defaults(parser=self)

    def error(self, message: str) -> NoReturn:
        """End with the status of wrong words."""
        self.exit(CONFIGURATION, printable(f"{self.prog}: {message} (see {self.prog} --help)") + "\n")

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Refuse words that are none of its own."""
        options = {option for action in self._actions for option in action.option_strings} - {"--help"}
        word = words[0].partition("=")[0]
        what = "there is no option" if word.startswith("-") else "there is no place for"
        self.error(f"{what} {word}{did_you_mean(word, options)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 - as argparse has it
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            raise argparse.ArgumentError(action, f"{value!r} is none of {', '.join(known)}{did_you_mean(str(value), known)}")


def parser(words: Sequence[str] | None = None) -> CommandParser:
    """The parser, with the options of the command that ``words`` ask for; None: of all commands."""
    made = CommandParser(prog="gateway", description="Gateway that delivers sensor readings from MQTT to InfluxDB.")
    made.add_argument("--version", action=_TellVersion, nargs=0, help="show program's version number and exit")
    _add_commands(made, "COMMAND", _COMMANDS, words)
    return made


class _TellVersion(argparse.Action):
    """Says what runs; git is asked by nobody else's command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from gateway.support.commit import running_commit  # noqa: PLC0415

        print(f"{__version__}, commit {running_commit()}")
        parser.exit()


def add_run(run: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway run``."""
    add_config(run)
    run.set_defaults(call=lambda options: start(options.config))


class CommandRow(NamedTuple):
    """A row of the table.

    :ivar options: the module below ``gateway.commands`` whose ``add_options`` adds them, or ``module:function``; or a table of
        commands below this one.
    :ivar alone: as ``options``, of a command that is given without one of those below it; empty: it is not.
    """

    about: str
    options: "str | Mapping[str, CommandRow]"
    alone: str = ""


def _add_commands(
    to: argparse.ArgumentParser, metavar: str, table: Mapping[str, CommandRow], words: Sequence[str] | None, alone: str = ""
) -> None:
    asked = None if words is None else next((word for word in words if not word.startswith("-")), "")
    if alone and asked not in table:
        _add_options_of(alone, to)
    commands = to.add_subparsers(required=not alone, metavar=metavar)
    for name, command in table.items():
        made = commands.add_parser(name, help=command.about)
        if asked is not None and asked != name:
            continue
        if isinstance(command.options, str):
            _add_options_of(command.options, made)
        else:
            rest = None if words is None else words[words.index(name) + 1 :]
            _add_commands(made, "SUBJECT", command.options, rest, command.alone)


def _add_options_of(place: str, to: argparse.ArgumentParser) -> None:
    module, _, function = place.partition(":")
    getattr(import_module(f"gateway.commands.{module}"), function or "add_options")(to)


_SETUP: Final = {
    "token": CommandRow("give an account of http.tokens_file a token", "setup.token"),
    "access": CommandRow("let an agency read one domain, or areas of it", "setup.token:add_access"),
    "broker": CommandRow("write Mosquitto's configuration and accounts", "setup.broker"),
    "accounts": CommandRow("put Mosquitto's accounts back before it starts; its service does", "setup.accounts"),
    "certificates": CommandRow("make, renew and revoke certificates of your own", "setup.certificates"),
    "influxdb": CommandRow("set up the database, and accounts that use it", "setup.influxdb"),
    "grafana": CommandRow("write Grafana's dashboards, data sources and alerts", "setup.grafana"),
    "rabbitmq": CommandRow("share out a province among several gateways", "setup.rabbitmq"),
    "copy": CommandRow("copy one database into another, and change over", "setup.copy"),
}
_COMMANDS: Final = {
    "run": CommandRow("run the gateway", "cli:add_run"),
    "check": CommandRow("check configuration, registry and profiles", "check.check"),
    "status": CommandRow("show how the gateways of this machine are", "status"),
    "demo": CommandRow("run a broker, InfluxDB, the gateway and simulated devices", "demo.demo"),
    "decode": CommandRow("show step by step how a message is decoded", "devices.decode"),
    "rejects": CommandRow("list or process again what could not become readings", "stores:add_rejects"),
    "journal": CommandRow("show or handle readings that wait for InfluxDB", "stores:add_journal"),
    "move": CommandRow("give a site to another of several gateways", "sharing:add_move"),
    "standby": CommandRow("say that the other machine of a pair is lost", "guest:add_standby"),
    "unroutable": CommandRow("count what no gateway reads on RabbitMQ", "sharing:add_unroutable"),
    "profiles": CommandRow("propose profiles, print templates", "devices.profiles"),
    "devices": CommandRow("list, register, import, enroll or exchange devices", "devices.devices"),
    "alarms": CommandRow("list alarms and their rules, acknowledge them, plan work", "alarms"),
    "report": CommandRow("report consumption, balances or completeness", "reports.report"),
    "rollups": CommandRow("write roll-ups of the past again", "reports.rollups_again"),
    "export": CommandRow("write open data: figures of areas, for everybody", "reports.open_export"),
    "audit": CommandRow("list who changed what; verify that nothing was taken out", "privacy.audit"),
    "backup": CommandRow("put all that makes this gateway into one file", "backup:add_backup"),
    "restore": CommandRow("make a gateway of a backup", "backup:add_restore"),
    "setup": CommandRow(
        "set up this machine; or one of broker, database, dashboards, certificates", _SETUP, "setup.everything"
    ),
    "capacity": CommandRow("work out the machines, disks and links that devices need", "capacity"),
}
