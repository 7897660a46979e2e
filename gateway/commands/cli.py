"""``gateway``: the command line. Each command is a function of its own module, loaded when it is called."""

import argparse
import gc
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway import __version__
from gateway.commands.cli_capacity import add_capacity
from gateway.commands.cli_devices import add_devices
from gateway.commands.cli_setup import add_setup
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.folder_owner import NobodysFolder, as_owner
from schemas.printable import printable

OK, FAULT, CONFIGURATION, UNREACHABLE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ConfigurationFault as fault:
        for text in fault.lines:
            print(printable(text), file=sys.stderr)
        return CONFIGURATION
    except NobodysFolder as fault:
        print(printable(f"{fault.filename}: {fault.strerror}"), file=sys.stderr)
        return CONFIGURATION
    except KeyboardInterrupt:
        return FAULT
    except BrokenPipeError:
        return FAULT


def _run(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing is read yet that could be read again; by default it would end us
    gc.disable()  # imports, registry and profiles stay: a search for garbage among them would take a tenth of a start
    from gateway.commands.run import run  # noqa: PLC0415 - a command pays only for what it uses

    config = load(options.config)
    with as_owner(config.journal.path):
        return run(config)


def _check(options: argparse.Namespace) -> int:
    if options.profile is not None:
        if options.config or options.connect:
            raise ConfigurationFault(["check: a profile is checked by itself: leave -c and --connect out"])
        from gateway.commands.check.profiles import check_one_profile  # noqa: PLC0415

        check_one_profile(options.profile)
        return OK
    from gateway.commands.check.check import check  # noqa: PLC0415

    return check(options.config, connect=options.connect)


def _demo(options: argparse.Namespace) -> int:
    from gateway.commands.demo.demo import demo  # noqa: PLC0415

    return demo(devices=options.devices, seconds=options.seconds, folder=options.dir)


def _decode(options: argparse.Namespace) -> int:
    from gateway.commands.devices.decode import decode  # noqa: PLC0415

    return decode(options)


def _rejects(options: argparse.Namespace) -> int:
    from gateway.commands.stores import rejects_command  # noqa: PLC0415

    return rejects_command(options)


def _journal(options: argparse.Namespace) -> int:
    from gateway.commands.stores import journal_command  # noqa: PLC0415

    return journal_command(options)


def _unroutable(options: argparse.Namespace) -> int:
    from gateway.commands.unroutable import unroutable_command  # noqa: PLC0415

    return unroutable_command(options)


def _profiles(options: argparse.Namespace) -> int:
    from gateway.commands.devices.profiles import profiles_command  # noqa: PLC0415

    return profiles_command(options)


def _report(options: argparse.Namespace) -> int:
    from gateway.commands.reports.report import report_command  # noqa: PLC0415

    return report_command(options)


def _status(options: argparse.Namespace) -> int:
    from gateway.commands.status import status_command  # noqa: PLC0415

    return status_command(options)


def _audit(options: argparse.Namespace) -> int:
    from gateway.commands.privacy.audit import audit_command  # noqa: PLC0415

    return audit_command(options)


def _backup(options: argparse.Namespace) -> int:
    from gateway.commands.backup import backup_command  # noqa: PLC0415

    return backup_command(options)


def _restore(options: argparse.Namespace) -> int:
    from gateway.commands.restore import restore_command  # noqa: PLC0415

    return restore_command(options)


def _export(options: argparse.Namespace) -> int:
    from gateway.commands.reports.open_export import open_export  # noqa: PLC0415

    return open_export(options)


def _alarms(options: argparse.Namespace) -> int:
    from gateway.commands.alarms import alarms_command  # noqa: PLC0415

    return alarms_command(options)


def _standby(options: argparse.Namespace) -> int:
    from gateway.commands.standby import standby_command  # noqa: PLC0415

    return standby_command(options)


def _move(options: argparse.Namespace) -> int:
    from gateway.commands.devices.move import move_command  # noqa: PLC0415

    return move_command(options)


class _TellVersion(argparse.Action):
    """Says what runs; git is asked by nobody else's command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from gateway.support.commit import running_commit  # noqa: PLC0415

        print(f"{__version__}, commit {running_commit()}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="Gateway that delivers sensor readings from MQTT to InfluxDB.")
    parser.add_argument("--version", action=_TellVersion, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    with_config = argparse.ArgumentParser(add_help=False)
    with_config.add_argument("-c", "--config", type=Path, metavar="FILE", help="configuration file (default: gateway.yaml)")

    run = commands.add_parser("run", parents=[with_config], help="run the gateway")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", parents=[with_config], help="check configuration, registry and profiles")
    check.add_argument("--connect", action="store_true", help="also connect to the broker and InfluxDB")
    check.add_argument(
        "profile", nargs="?", type=Path, metavar="PROFILE", help="file of one profile: check it alone, with the tests inside it"
    )
    check.set_defaults(command=_check)

    _add_status(commands.add_parser("status", parents=[with_config], help="show how the gateways of this machine are"))

    demo = commands.add_parser("demo", help="run a broker, InfluxDB, the gateway and simulated devices")
    demo.add_argument("--devices", type=_count, default=300, metavar="N", help="number of simulated devices (default: 300)")
    demo.add_argument("--seconds", type=_count, default=60, metavar="N", help="seconds to run; 0: until Ctrl-C (default: 60)")
    demo.add_argument("--dir", type=Path, metavar="DIR", help="folder that keeps data and logs (default: a temporary one)")
    demo.set_defaults(command=_demo)

    decode = commands.add_parser("decode", parents=[with_config], help="show step by step how a message is decoded")
    decode.add_argument("--topic", help="topic of the message")
    decode.add_argument("--profile", metavar="P", help="profile to use: a name, a model or a file")
    decode.add_argument("--registry", type=Path, metavar="FILE", help="registry to use instead of the configured one")
    kind = decode.add_mutually_exclusive_group()
    kind.add_argument("--hex", action="store_true", help="the input is hexadecimal")
    kind.add_argument("--base64", action="store_true", help="the input is base64")
    kind.add_argument("--jsonl", action="store_true", help="the input has one message per line, as a JSON object")
    decode.add_argument("--json", action="store_true", help="print JSON")
    decode.add_argument("--sums", action="store_true", help="show the sums of counters too, as if each were first met here")
    decode.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="file with the payload; -: standard input (default)"
    )
    decode.set_defaults(command=_decode)

    rejects = commands.add_parser("rejects", parents=[with_config], help="list or process again what could not become readings")
    rejects.add_argument(
        "action",
        choices=["list", "show", "replay", "export", "purge"],
        help="show: one reject; replay: process again; export: print as JSON lines; purge: delete",
    )
    rejects.add_argument("id", nargs="?", metavar="ID", help="one reject: the number in the first column of list")
    rejects.add_argument("--reason", help="only this reason")
    rejects.add_argument("--device", help="only this device")
    rejects.add_argument("--json", action="store_true", help="print one JSON object per line")
    rejects.set_defaults(command=_rejects)

    _add_journal(commands.add_parser("journal", parents=[with_config], help="show or handle readings that wait for InfluxDB"))
    _add_move(commands.add_parser("move", parents=[with_config], help="give a site to another of several gateways"))
    _add_standby(commands.add_parser("standby", parents=[with_config], help="say that the other machine of a pair is lost"))
    _add_unroutable(commands.add_parser("unroutable", parents=[with_config], help="count what no gateway reads on RabbitMQ"))
    _add_profiles(commands.add_parser("profiles", help="propose profiles, print templates"), with_config)
    add_devices(commands.add_parser("devices", help="list, register, import, enroll or exchange devices"), with_config)
    _add_alarms(commands.add_parser("alarms", help="list alarms and their rules, acknowledge them, plan work"), with_config)
    _add_report(commands.add_parser("report", parents=[with_config], help="report consumption, balances or completeness"))
    _add_export(commands.add_parser("export", help="write open data: figures of areas, for everybody"), with_config)
    _add_audit(commands.add_parser("audit", help="list who changed what; verify that nothing was taken out"), with_config)
    _add_backup(commands.add_parser("backup", parents=[with_config], help="put all that makes this gateway into one file"))
    _add_restore(commands.add_parser("restore", parents=[with_config], help="make a gateway of a backup"))
    add_setup(commands.add_parser("setup", help="set up broker, database, certificates, and the tokens of people"), with_config)
    add_capacity(commands.add_parser("capacity", help="work out the machines, disks and links that devices need"))
    return parser


def _add_standby(standby: argparse.ArgumentParser) -> None:
    standby.set_defaults(command=_standby)
    standby.add_argument("action", choices=["gone"], help="the machine and its journal are lost for good: wait for neither")
    standby.add_argument("machine", metavar="MACHINE", help="its mqtt.standby.machine")


def _add_unroutable(unroutable: argparse.ArgumentParser) -> None:
    unroutable.set_defaults(command=_unroutable)
    unroutable.add_argument("--replay", action="store_true", help="have RabbitMQ bring it to the gateways that read it now")


def _add_status(status: argparse.ArgumentParser) -> None:
    status.set_defaults(command=_status)
    status.add_argument("--all", action="store_true", help="all that have settings in DIR/gateway*/gateway.yaml")
    status.add_argument("--under", type=Path, default=Path("/etc"), metavar="DIR", help="where --all looks (default: /etc)")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--language", choices=["vi", "en"], default="en", help="language of the text (default: en)")


def _add_audit(audit: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    audit.set_defaults(command=_audit)
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", parents=[with_config], help="list all changes, the newest first")
    listed.add_argument("--json", action="store_true", help="print one JSON object per line")
    verified = actions.add_parser("verify", parents=[with_config], help="check the chain of entries")
    verified.add_argument(
        "--known",
        action="append",
        default=[],
        metavar="NUMBER:HASH",
        help="an entry noted elsewhere, such as in the log of another machine; may be given again",
    )


def _add_backup(backup: argparse.ArgumentParser) -> None:
    backup.set_defaults(command=_backup)
    backup.add_argument("file", type=Path, metavar="FILE", help="the archive to write, such as gateway-2026-11-26.tar.gz")
    backup.add_argument("--to", metavar="WHO", help="who gets it, or where it is kept: told when a device is forgotten")
    backup.add_argument(
        "--accounts",
        type=Path,
        default=Path("/var/lib/mosquitto/dynamic-security.json"),
        metavar="FILE",
        help="the broker's accounts (default: where Debian has them)",
    )
    backup.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a further file or folder, such as that of an authority of your own; may be given again",
    )


def _add_restore(restore: argparse.ArgumentParser) -> None:
    restore.set_defaults(command=_restore)
    restore.add_argument("file", type=Path, metavar="FILE", help="the archive; -c FILE puts the configuration elsewhere")
    restore.add_argument("--dry-run", action="store_true", help="verify the archive, and list its files and their places")
    restore.add_argument("--replace", action="store_true", help="set files aside that are there already")
    restore.add_argument(
        "--without-journal", action="store_true", help="leave out readings that waited; the old machine has sent them"
    )
    restore.add_argument(
        "--forgotten",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a list of the forgotten, from the old machine (FILE.forgotten beside the archive is read anyway)",
    )


def _add_export(export: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    kinds = export.add_subparsers(dest="kind", required=True, metavar="KIND")
    opened = kinds.add_parser("open", parents=[with_config], help="the figures of a day, of areas of at least ten devices")
    opened.set_defaults(command=_export)
    opened.add_argument("--day", metavar="D", help="the day, such as 2026-10-31 (default: yesterday)")


def _add_journal(journal: argparse.ArgumentParser) -> None:
    journal.add_argument(
        "action",
        choices=["status", "export", "drop", "acknowledge"],
        help="drop: delete all waiting readings; acknowledge: end the alarm about lost readings",
    )
    journal.add_argument("file", nargs="?", type=Path, metavar="FILE", help="file that export writes, in line protocol")
    journal.add_argument("--json", action="store_true", help="print JSON")
    journal.set_defaults(command=_journal)


def _add_move(move: argparse.ArgumentParser) -> None:
    move.set_defaults(command=_move)
    move.add_argument(
        "share", metavar="SHARE", help="a site, or another share of mqtt.shares: ward-2/water, spBv1.0/GROUP, a topic"
    )
    move.add_argument("--to", required=True, metavar="GATEWAY", help="the client id of the gateway that reads it from now on")
    move.add_argument(
        "--no-wait", action="store_true", help="change the file and end; the same command shows later how far it is"
    )
    move.add_argument(
        "--gone", metavar="GATEWAY", help="do not wait for this one: its machine and its journal are lost for good"
    )


def _add_report(report: argparse.ArgumentParser) -> None:
    report.set_defaults(command=_report)
    report.add_argument(
        "kind",
        choices=["consumption", "balance", "completeness"],
        help="what was used; what a parent measured less what its children did; readings received of those expected",
    )
    report.add_argument("--from", dest="first", required=True, metavar="D", help="first day: 2026-10-01, or 2026-10")
    report.add_argument("--to", dest="last", required=True, metavar="D", help="last day, included: 2026-10-31, or 2026-10")
    report.add_argument("--by", choices=["device", "area", "site", "domain", "parent"], help="what to add up (default: device)")
    report.add_argument(
        "--step", choices=["hour", "day", "month"], default="month", help="length of the periods (default: month)"
    )
    report.add_argument("--zone", help="time zone of the days (default: time.zone)")
    form = report.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--json", action="store_true", help="print one JSON object per line")
    report.add_argument("--language", choices=["vi", "en"], help="language of the table (default: as configured)")


def _add_alarms(alarms: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    alarms.set_defaults(command=_alarms)
    actions = alarms.add_subparsers(dest="action", required=True, metavar="ACTION")

    listing = argparse.ArgumentParser(add_help=False, parents=[with_config])
    listing.add_argument("--json", action="store_true", help="print one JSON object per line")
    actions.add_parser("list", parents=[listing], help="list the active alarms")
    actions.add_parser("rules", parents=[listing], help="show what each rule looks at, with its limits and their source")
    past = actions.add_parser("history", parents=[listing], help="list what was raised and what ended, the newest first")
    past.add_argument("--device", metavar="ID", help="only this device, or site")

    deciding = argparse.ArgumentParser(add_help=False, parents=[with_config])
    deciding.add_argument("--by", required=True, metavar="NAME", help="name of the person who decides this")
    known = actions.add_parser("ack", parents=[deciding], help="acknowledge an alarm: somebody sees to it")
    known.add_argument("id", metavar="ID", help="the alarm, from the third column of list")
    known.add_argument("--note", metavar="TEXT", help="a note for others")
    planned = actions.add_parser("silence", parents=[deciding], help="plan work: nobody is told of alarms meanwhile")
    where = planned.add_mutually_exclusive_group()
    where.add_argument("--site", help="the devices of this site (default: all sites)")
    where.add_argument("--device", metavar="ID", help="this device alone")
    planned.add_argument("--until", required=True, metavar="T", help="2h, or 2026-12-01T17:00 in the configured zone")
    planned.add_argument("--note", required=True, metavar="TEXT", help="the work that is done")
    actions.add_parser("silences", parents=[listing], help="list planned work")
    over = actions.add_parser("unsilence", parents=[with_config], help="end planned work now")
    over.add_argument("number", type=_count, metavar="NUMBER", help="the work, from the first column of silences")


def _add_profiles(profiles: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    profiles.set_defaults(command=_profiles)
    actions = profiles.add_subparsers(dest="action", required=True, metavar="ACTION")

    proposed = actions.add_parser("propose", parents=[with_config], help="draft profiles from what devices tell Home Assistant")
    proposed.add_argument(
        "--prefix", default="homeassistant", help="topic prefix of discovery messages (default: homeassistant)"
    )
    proposed.add_argument(
        "--seconds", type=_count, default=10, metavar="N", help="seconds to listen at the broker (default: 10)"
    )
    proposed.add_argument("--jsonl", type=Path, metavar="FILE", help="read a recording instead of the broker, as in decode")
    proposed.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: standard output)")

    template = actions.add_parser("template", help="print a profile to fill in")
    template.add_argument("name", nargs="?", metavar="NAME", help="template to print; without a name: list all")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
