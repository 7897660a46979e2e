"""The options of every command of ``firmware-sim``."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from firmware_sim.technician.command import add_device_options
from schemas.quantities import DOMAINS

SimCommand = Callable[[argparse.Namespace], int]
"""A command: from its options to the exit status."""
SERVER_NAMES: Final = ("chirpstack", "chirpstack3", "ttn", "loriot", "thingpark")


def parser(commands: Mapping[str, SimCommand]) -> argparse.ArgumentParser:
    """The parser of the command line, whose result names one of ``commands`` by its ``command``."""
    whole = argparse.ArgumentParser(prog="firmware-sim", description="Simulate sensors; verify that their readings arrived.")
    fleet, none = _fleet_options(), argparse.ArgumentParser(add_help=False)
    parts = whole.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, about: str, options: argparse.ArgumentParser = none) -> argparse.ArgumentParser:
        part = parts.add_parser(name, parents=[options], help=about)
        part.set_defaults(command=commands[name])
        return part

    _add_run(add("run", "simulate devices that publish to a broker", fleet))
    add("registry", "print the devices.yaml of the simulated devices", fleet)
    add("stories", "list what can happen to simulated devices, and the alarm that must follow")
    add("scenarios", "list the scenarios that are shipped, a line each")
    add_device_options(add("device", "play one device on a screen, or by a script"))
    add("profiles", "list the profiles whose devices can be simulated: format, servers, parameters")
    _add_replay(add("replay", "publish a recorded day again: rows as gateway decode --jsonl reads them"))
    _add_verify(add("verify", "check that InfluxDB holds every reading of a ledger, once and unchanged"))
    return whole


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="JSON lines with topic, payload and arrival_ms")
    parser.add_argument(
        "--speed",
        type=_number(float, 0, 1e6),
        default=1.0,
        metavar="X",
        help="X times faster than it came; 0: as fast as the broker takes it (default: 1)",
    )
    _add_broker(parser)


def _add_broker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--broker", default="mqtt://127.0.0.1:1883", metavar="URL", help="broker: mqtt[s]://[user:password@]host[:port]"
    )
    parser.add_argument("--ca", metavar="FILE", help="certificate authority of an mqtts:// broker (PEM)")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ledger", type=Path, required=True, metavar="FILE", help="ledger that firmware-sim run wrote")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-c", dest="config", type=Path, metavar="FILE", help="use the database of this gateway.yaml")
    where.add_argument("--influxdb", metavar="URL", help="address of the database: http://host:8086")
    parser.add_argument("--api", choices=("v1", "v2"), help="v1: InfluxDB 1, v2: InfluxDB 2 (default: v2)")
    parser.add_argument("--bucket", metavar="B", help="bucket, database, or database/retention-policy (default: iot)")
    parser.add_argument("--org", metavar="O", help="organisation; not needed with a token")
    parser.add_argument("--token-file", metavar="FILE", help="file whose first line is the token")
    parser.add_argument("--username", metavar="U", help="user, for InfluxDB 1")
    parser.add_argument("--password-file", metavar="FILE", help="file whose first line is the password")
    parser.add_argument(
        "--wait",
        type=_number(float, 0, 1e6),
        default=0.0,
        metavar="S",
        help="seconds to wait for missing readings (default: 0)",
    )
    parser.add_argument(
        "--within",
        type=_number(float, 1, 1e6),
        default=60.0,
        metavar="S",
        help="a reading without ts must be stored within so many seconds of its PUBACK (default: 60)",
    )
    parser.add_argument(
        "--no-alarms",
        action="store_true",
        help="leave alarms out: the gateway was not on the clock of the run, or far too fast",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def _fleet_options() -> argparse.ArgumentParser:
    """The options for the devices of a fleet."""
    parser = argparse.ArgumentParser(add_help=False)
    for domain in DOMAINS:
        parser.add_argument(
            f"--{domain}",
            type=_number(int, 0, 100_000),
            metavar="N",
            help=f"number of {domain} devices (default: as the scenario says, or 5)",
        )
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME=COUNT",
        help="so many devices of a make; firmware-sim profiles lists the names. Repeat it for more; others only if asked for",
    )
    parser.add_argument(
        "--server", choices=SERVER_NAMES, default="chirpstack", help="network server of LoRaWAN devices (default: chirpstack)"
    )
    parser.add_argument("--senml", choices=("json", "cbor"), default="json", help="form of SenML packs (default: json)")
    parser.add_argument(
        "--devices", type=_number(int, 1, 100_000), metavar="N", help="so many altogether, in the scenario's proportions"
    )
    parser.add_argument(
        "--scenario",
        default="normal",
        metavar="NAME|FILE",
        help="what happens: a name that firmware-sim scenarios lists, or a FILE.yaml of your own (default: normal)",
    )
    parser.add_argument(
        "--interval",
        type=_number(float, 1e-3, 86_400),
        metavar="S",
        help="seconds between readings of a device (default: as the scenario says, or 10)",
    )
    parser.add_argument(
        "--speed",
        type=_number(float, 0, 1e6),
        default=1.0,
        metavar="X",
        help="simulated time runs X times faster; 0, with --start: as fast as the broker takes it (default: 1)",
    )
    parser.add_argument(
        "--seed", type=_number(int, 0, 2**63), default=1, metavar="N", help="the same seed gives the same fleet (default: 1)"
    )
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_broker(parser)
    parser.add_argument(
        "--duration",
        type=_number(float, 0, 1e9),
        default=0.0,
        metavar="S",
        help="seconds to run; 0: until stopped (default: 0)",
    )
    _add_simulated_time(parser)
    parser.add_argument(
        "--ledger", type=Path, metavar="FILE", help="append each acknowledged reading to this file, as JSON lines"
    )
    parser.add_argument(
        "--connections",
        choices=("per-device", "shared"),
        default="per-device",
        help="per-device: a connection each, with status and last will; shared: few connections, for high rates",
    )


def _add_simulated_time(parser: argparse.ArgumentParser) -> None:
    """The options of a run whose readings carry simulated times, with what happens to its devices."""
    parser.add_argument(
        "--start", metavar="TIME", help="simulate time from here on, as 2026-01-01T00:00:00+07:00 (default: real time)"
    )
    parser.add_argument("--days", type=_number(float, 1e-3, 3_660), metavar="N", help="end after so many simulated days")
    parser.add_argument("--until", metavar="TIME", help="end at this simulated time")
    parser.add_argument(
        "--live-interval",
        type=_number(float, 1e-3, 86_400),
        metavar="S",
        help="once the clock has caught up with real time, go on until stopped, with so many seconds between readings",
    )
    parser.add_argument(
        "--stories", type=_number(int, 0, 1000), default=0, metavar="N", help="so many events of each story (default: 0)"
    )
    parser.add_argument(
        "--story",
        action="append",
        default=[],
        metavar="NAME[=N]",
        help="so many events of one story; firmware-sim stories lists them",
    )


def _number(kind: type[float] | type[int], least: float, most: float) -> Callable[[str], float]:
    """A converter for argparse that checks a range."""

    def convert(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return value

    convert.__name__ = "number" if kind is float else "whole number"
    return convert
