"""The command line: ``firmware-sim run`` and ``firmware-sim verify``."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.quantities import DOMAINS

if TYPE_CHECKING:
    from schemas.scenario import Scenario

OK, FAULT, USAGE, UNREACHABLE = 0, 1, 2, 3
SETTINGS = ("api", "bucket", "org", "token_file", "username", "password_file")
FASTEST = 0.0
"""The speed that waits only for the broker."""
USUAL_INTERVAL_S = 10.0
SERVER_NAMES = ("chirpstack", "chirpstack3", "ttn", "loriot", "thingpark")
SHORTEST_S = 0.001
"""Least distance of a device's readings: their times are milliseconds, and no two may share one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 all well, 1 readings are missing, 2 usage, 3 not reachable."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except _UsageError as error:
        sys.stderr.write(f"firmware-sim: {error}\n")
        return USAGE


class _UsageError(Exception):
    """An impossible request; the text says why."""


def _run(arguments: argparse.Namespace) -> int:
    from firmware_sim.options import BadOption, simulated_plan  # noqa: PLC0415 - --help is quick without the MQTT clients
    from firmware_sim.publish import BrokerAccess  # noqa: PLC0415 - as above
    from firmware_sim.run import Plan, run  # noqa: PLC0415 - as above

    scenario, counts, interval_s = _fleet(arguments)
    makers = _makers(arguments, interval_s)
    try:
        simulated = simulated_plan(arguments, scenario, interval_s)
    except BadOption as error:
        raise _UsageError(str(error)) from None
    if makers and simulated is not None:
        raise _UsageError(
            "--profile: devices of makes have the time of the clock; leave out --start and what happens in a span"
        )
    if simulated is None and arguments.speed == FASTEST:
        raise _UsageError("--speed 0 is for simulated time: set --start too")
    if simulated is None and interval_s / arguments.speed < SHORTEST_S:
        raise _UsageError(f"a device can report every {SHORTEST_S * 1000:g} ms at most: lengthen --interval or lower --speed")
    try:
        broker = BrokerAccess.parse(arguments.broker, arguments.ca)
    except ValueError as error:
        raise _UsageError(f"--broker {error}") from None
    plan = Plan(
        broker=broker,
        counts=counts,
        interval_s=interval_s,
        speed=arguments.speed,
        duration_s=arguments.duration,
        seed=arguments.seed,
        scenario=scenario,
        shared=arguments.connections == "shared",
        ledger=arguments.ledger,
        simulated=simulated,
        makers=makers,
        forms=_forms(arguments),
    )
    if arguments.ledger is not None:
        try:
            arguments.ledger.open("ab").close()
        except OSError as error:
            raise _UsageError(f"--ledger {arguments.ledger}: {error.strerror or error}") from None
    try:
        return run(plan)
    except* OSError as group:
        sys.stderr.write(f"firmware-sim: {group.exceptions[0]}\n")
    return FAULT


def _fleet(arguments: argparse.Namespace) -> "tuple[Scenario, Mapping[str, int], float]":
    """The scenario, the number of devices of each domain or kind, and their interval in seconds."""
    from firmware_sim.options import BadOption, fleet_counts  # noqa: PLC0415 - as above
    from firmware_sim.scenarios.loader import BadScenario, scenario  # noqa: PLC0415 - as above

    try:
        found = scenario(arguments.scenario)
        given = {domain: getattr(arguments, domain) for domain in DOMAINS}
        interval_s = arguments.interval or found.interval_s or USUAL_INTERVAL_S
        if arguments.profile and arguments.devices is None:
            return found, {domain: number for domain, number in given.items() if number}, interval_s
        return found, fleet_counts(found, given, arguments.devices), interval_s
    except (BadScenario, BadOption) as error:
        raise _UsageError(str(error)) from None


def _makers(arguments: argparse.Namespace, interval_s: float) -> Mapping[str, int]:
    """The number of devices of each profile."""
    from firmware_sim.maker_options import maker_counts  # noqa: PLC0415 - as above
    from firmware_sim.options import BadOption  # noqa: PLC0415 - as above

    try:
        return maker_counts(arguments.profile, interval_s / (arguments.speed or 1.0))
    except BadOption as error:
        raise _UsageError(str(error)) from None


def _forms(arguments: argparse.Namespace) -> tuple[str, ...]:
    return (arguments.server, arguments.senml)


def _profiles(_arguments: argparse.Namespace) -> int:
    from firmware_sim.maker_options import profiles_text  # noqa: PLC0415

    sys.stdout.write(profiles_text())
    return OK


def _stories(_arguments: argparse.Namespace) -> int:
    from firmware_sim.stories.kinds import ALL  # noqa: PLC0415
    from firmware_sim.stories.table import STORIES  # noqa: PLC0415

    for name, story in STORIES.items():
        kinds = "all kinds" if story.kinds == ALL else ", ".join(story.kinds)
        sys.stdout.write(f"{name:20} {story.alarm or '-':17} {kinds}\n{'':20} {story.about}\n")
    return OK


def _scenarios(_arguments: argparse.Namespace) -> int:
    from firmware_sim.scenarios.loader import shipped  # noqa: PLC0415

    for name, scenario in shipped().items():
        sys.stdout.write(f"{name:15} {scenario.about}\n")
    return OK


def _registry(arguments: argparse.Namespace) -> int:
    from firmware_sim.fleet import build_fleet  # noqa: PLC0415
    from firmware_sim.maker_fleet import build_maker_fleet  # noqa: PLC0415
    from firmware_sim.registry import registry_yaml  # noqa: PLC0415

    scenario, counts, interval_s = _fleet(arguments)
    makers = _makers(arguments, interval_s)
    fleet = build_fleet(counts, interval_s, arguments.seed, scenario.sites)
    fleet += build_maker_fleet(makers, _forms(arguments), interval_s, arguments.seed)
    sys.stdout.write(registry_yaml(fleet, interval_s / (arguments.speed or 1.0), scenario.together[1]))
    return OK


def _verify(arguments: argparse.Namespace) -> int:
    from firmware_sim.query import InfluxdbAccess, NotReachable  # noqa: PLC0415
    from firmware_sim.verify import BadLedger, verify  # noqa: PLC0415

    try:
        if arguments.config is not None:
            database = InfluxdbAccess.from_gateway_yaml(arguments.config)
        elif arguments.influxdb is not None:
            settings = {key: getattr(arguments, key) for key in SETTINGS} | {"url": arguments.influxdb}
            database = InfluxdbAccess.from_settings(settings, Path())
        else:
            raise _UsageError("name the database: -c gateway.yaml or --influxdb URL")
        report = verify(arguments.ledger, database, arguments.wait, arguments.within, with_alarms=not arguments.no_alarms)
    except (ValueError, BadLedger) as error:
        raise _UsageError(str(error)) from None
    except NotReachable as error:
        sys.stderr.write(f"firmware-sim: {error}\n")
        return UNREACHABLE
    sys.stdout.write((report.as_json() if arguments.json else report.as_text()) + "\n")
    return OK if report.ok else FAULT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firmware-sim", description="Simulate sensors, and verify that their readings arrived."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fleet = _fleet_options()
    _add_run(commands.add_parser("run", parents=[fleet], help="simulate devices that publish to a broker"))
    registry = commands.add_parser("registry", parents=[fleet], help="print the devices.yaml of the simulated devices")
    registry.set_defaults(command=_registry)
    stories = commands.add_parser("stories", help="list what can happen to simulated devices, and the alarm that must follow")
    stories.set_defaults(command=_stories)
    scenarios = commands.add_parser("scenarios", help="list the scenarios that are shipped, a line each")
    scenarios.set_defaults(command=_scenarios)
    profiles = commands.add_parser(
        "profiles", help="list the profiles whose devices can be simulated: format, servers, parameters"
    )
    profiles.set_defaults(command=_profiles)
    _add_verify(commands.add_parser("verify", help="check that InfluxDB holds every reading of a ledger, once and unchanged"))
    return parser


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_verify)
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
    parser.set_defaults(command=_run)
    parser.add_argument(
        "--broker", default="mqtt://127.0.0.1:1883", metavar="URL", help="broker: mqtt[s]://[user:password@]host[:port]"
    )
    parser.add_argument("--ca", metavar="FILE", help="certificate authority of an mqtts:// broker (PEM)")
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


if __name__ == "__main__":
    sys.exit(main())
