"""``gateway``: the command line. Each command is a function of its own module, loaded when it is called."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway import __version__
from gateway.config.files import ConfigurationFault, load
from schemas.printable import printable

OK, FAULT, CONFIGURATION, UNREACHABLE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ConfigurationFault as fault:
        for text in fault.lines:
            print(printable(text), file=sys.stderr)
        return CONFIGURATION
    except KeyboardInterrupt:
        return FAULT
    except BrokenPipeError:
        return FAULT


def _run(options: argparse.Namespace) -> int:
    from gateway.run import run  # noqa: PLC0415 - a command pays only for what it uses

    return run(load(options.config))


def _check(options: argparse.Namespace) -> int:
    from gateway.commands.check import check  # noqa: PLC0415

    return check(options.config, connect=options.connect)


def _demo(options: argparse.Namespace) -> int:
    from gateway.demo.demo import demo  # noqa: PLC0415

    return demo(devices=options.devices, seconds=options.seconds, folder=options.dir)


def _decode(options: argparse.Namespace) -> int:
    from gateway.commands.decode import decode  # noqa: PLC0415

    return decode(options)


def _rejects(options: argparse.Namespace) -> int:
    from gateway.commands.stores import rejects_command  # noqa: PLC0415

    return rejects_command(options)


def _journal(options: argparse.Namespace) -> int:
    from gateway.commands.stores import journal_command  # noqa: PLC0415

    return journal_command(options)


def _devices(options: argparse.Namespace) -> int:
    from gateway.commands.devices import devices_command  # noqa: PLC0415

    return devices_command(options)


def _profiles(options: argparse.Namespace) -> int:
    from gateway.commands.profiles import profiles_command  # noqa: PLC0415

    return profiles_command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="From MQTT to InfluxDB, and nothing lost on the way.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    with_config = argparse.ArgumentParser(add_help=False)
    with_config.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration; default gateway.yaml")

    run = commands.add_parser("run", parents=[with_config], help="run the gateway")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", parents=[with_config], help="check configuration and registry")
    check.add_argument("--connect", action="store_true", help="try broker and InfluxDB too")
    check.set_defaults(command=_check)

    demo = commands.add_parser("demo", help="broker, InfluxDB, gateway and a simulated fleet on this machine")
    demo.add_argument("--devices", type=_count, default=300, metavar="N", help="simulated devices (300)")
    demo.add_argument("--seconds", type=_count, default=60, metavar="N", help="how long; 0 until Ctrl-C (60)")
    demo.add_argument("--dir", type=Path, metavar="DIR", help="keep data and logs there; default: a temporary folder")
    demo.set_defaults(command=_demo)

    decode = commands.add_parser("decode", parents=[with_config], help="show what becomes of a payload")
    decode.add_argument("--topic", help="topic the payload came on")
    decode.add_argument("--profile", metavar="P", help="use this profile: a name, a model, or a file")
    decode.add_argument("--registry", type=Path, metavar="FILE", help="registry to use in place of the configuration's")
    kind = decode.add_mutually_exclusive_group()
    kind.add_argument("--hex", action="store_true", help="the input is hexadecimal")
    kind.add_argument("--base64", action="store_true", help="the input is base64")
    kind.add_argument("--jsonl", action="store_true", help="the input is one JSON object a line, each a message")
    decode.add_argument("--json", action="store_true", help="print JSON")
    decode.add_argument("file", nargs="?", default="-", metavar="FILE", help="payload; - is standard input")
    decode.set_defaults(command=_decode)

    rejects = commands.add_parser("rejects", parents=[with_config], help="messages and points that could not become data")
    rejects.add_argument("action", choices=["list", "show", "replay", "export", "purge"])
    rejects.add_argument("id", nargs="?", metavar="ID", help="for show: the number in the first column of list")
    rejects.add_argument("--reason", help="only this reason")
    rejects.add_argument("--device", help="only this device")
    rejects.add_argument("--json", action="store_true", help="one JSON object a line")
    rejects.set_defaults(command=_rejects)

    journal = commands.add_parser("journal", parents=[with_config], help="the store-and-forward log")
    journal.add_argument("action", choices=["status", "export", "drop", "acknowledge"])
    journal.add_argument("file", nargs="?", type=Path, metavar="FILE", help="for export: line protocol goes there")
    journal.add_argument("--json", action="store_true", help="print JSON")
    journal.set_defaults(command=_journal)

    _add_profiles(commands.add_parser("profiles", help="profiles proposed, and templates"), with_config)
    _add_devices(commands.add_parser("devices", help="the registry, and who of it reports"), with_config)
    return parser


def _add_profiles(profiles: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    profiles.set_defaults(command=_profiles)
    actions = profiles.add_subparsers(dest="action", required=True, metavar="ACTION")

    proposed = actions.add_parser(
        "propose", parents=[with_config], help="from what devices tell Home Assistant; never in force"
    )
    proposed.add_argument("--prefix", default="homeassistant", help="where discovery messages are (homeassistant)")
    proposed.add_argument("--seconds", type=_count, default=10, metavar="N", help="how long to listen at the broker (10)")
    proposed.add_argument("--jsonl", type=Path, metavar="FILE", help="a recording in place of the broker, as for decode")
    proposed.add_argument("--out", type=Path, metavar="FILE", help="write there; default: standard output")

    template = actions.add_parser("template", help="a profile to copy and fill in")
    template.add_argument("name", nargs="?", metavar="NAME", help="which; left out: what there is")


def _add_devices(devices: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    devices.set_defaults(command=_devices)
    actions = devices.add_subparsers(dest="action", required=True, metavar="ACTION")

    listed = actions.add_parser("list", parents=[with_config], help="every device, and when it was heard")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")

    exchanged = actions.add_parser("exchange", parents=[with_config], help="say that a device's meter was exchanged")
    exchanged.add_argument("id", metavar="ID", help="the device")
    exchanged.add_argument("--field", help="only this register, as volume_m3; else all of the device")

    imported = actions.add_parser("import", parents=[with_config], help="take devices from a CSV file into the registry")
    imported.add_argument("file", type=Path, metavar="FILE.csv", help="columns as the keys of devices.yaml; params.NAME")
    imported.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    imported.add_argument("--json", action="store_true", help="print JSON")

    covered = actions.add_parser("coverage", parents=[with_config], help="per area and domain: how many report")
    form = covered.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    covered.add_argument("--language", choices=["vi", "en"], help="of the table; default: the configuration's")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


if __name__ == "__main__":
    sys.exit(main())
