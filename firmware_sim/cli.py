"""The command line: ``firmware-sim run`` and ``firmware-sim verify``."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firmware_sim.arguments import SimCommand, parser
from firmware_sim.technician.command import play_device
from schemas.quantities import DOMAINS

if TYPE_CHECKING:
    from schemas.scenario import Scenario

OK, FAULT, USAGE, UNREACHABLE = 0, 1, 2, 3
SETTINGS = ("api", "bucket", "org", "token_file", "username", "password_file")
FASTEST = 0.0
"""The speed that waits only for the broker."""
USUAL_INTERVAL_S = 10.0
SHORTEST_S = 0.001
"""Least distance of a device's readings: their times are milliseconds, and no two may share one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 all well, 1 readings are missing, 2 usage, 3 not reachable."""
    arguments = parser(COMMANDS).parse_args(argv)
    command: SimCommand = arguments.command
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
    try:
        simulated = simulated_plan(arguments, scenario, interval_s)
    except BadOption as error:
        raise _UsageError(str(error)) from None
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
        makers=_makers(arguments, interval_s / (arguments.speed if simulated is None else 1.0)),
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
    """The number of devices of each profile, with so many seconds of their clocks between two readings."""
    from firmware_sim.maker_options import maker_counts  # noqa: PLC0415 - as above
    from firmware_sim.options import BadOption  # noqa: PLC0415 - as above

    try:
        return maker_counts(arguments.profile, interval_s)
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
    from firmware_sim.fleet import build_fleet, in_families  # noqa: PLC0415
    from firmware_sim.maker_fleet import build_maker_fleet  # noqa: PLC0415
    from firmware_sim.registry import registry_yaml  # noqa: PLC0415

    scenario, counts, interval_s = _fleet(arguments)
    makers = _makers(arguments, interval_s / (arguments.speed or 1.0))
    fleet = build_fleet(counts, interval_s, arguments.seed, scenario.sites)
    fleet += build_maker_fleet(makers, _forms(arguments), interval_s, arguments.seed)
    sys.stdout.write(registry_yaml(in_families(fleet), interval_s / (arguments.speed or 1.0), scenario.together[1]))
    return OK


def _replay(arguments: argparse.Namespace) -> int:
    from firmware_sim.publish import BrokerAccess  # noqa: PLC0415
    from firmware_sim.replay import BadRecording, replay  # noqa: PLC0415

    try:
        return replay(arguments.file, BrokerAccess.parse(arguments.broker, arguments.ca), arguments.speed)
    except ValueError as error:
        raise _UsageError(f"--broker {error}") from None
    except BadRecording as error:
        raise _UsageError(str(error)) from None
    except OSError as error:
        raise _UsageError(f"{arguments.file}: {error.strerror or error}") from None


def _verify(arguments: argparse.Namespace) -> int:
    from firmware_sim.ledger_index import BadLedger  # noqa: PLC0415
    from firmware_sim.query import InfluxdbAccess, NotReachable  # noqa: PLC0415
    from firmware_sim.verify import verify  # noqa: PLC0415

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


COMMANDS: Final[Mapping[str, SimCommand]] = {
    "run": _run,
    "registry": _registry,
    "stories": _stories,
    "scenarios": _scenarios,
    "device": play_device,
    "profiles": _profiles,
    "replay": _replay,
    "verify": _verify,
}


if __name__ == "__main__":
    sys.exit(main())
