"""The command line of ``gateway devices``."""

import argparse
from pathlib import Path
from typing import Final

_KEYS: Final = {
    "source": "name that its meter sends under, if that is not the id",
    "site": "site",
    "domain": "water, power, traffic or urban",
    "area": "code of its area",
    "parent": "id of the device that measures what flows to it",
    "profile": "profile that reads its messages",
    "model": "model as its maker names it",
    "serial": "serial number",
    "interval": "time between two messages: 15min, 1h, or seconds",
    "silent_after": "time without a message after which it is silent (default: three intervals)",
    "lat": "latitude in degrees",
    "lon": "longitude in degrees",
    "address": "postal address, or how to find it",
    "installed": "day on which it was put up: 2026-11-26",
}


def _devices(options: argparse.Namespace) -> int:
    from gateway.commands.devices.devices import devices_command  # noqa: PLC0415

    return devices_command(options)


def add_devices(devices: argparse.ArgumentParser, with_config: argparse.ArgumentParser) -> None:
    """The actions of ``gateway devices``."""
    devices.set_defaults(command=_devices)
    actions = devices.add_subparsers(dest="action", required=True, metavar="ACTION")

    listed = actions.add_parser("list", parents=[with_config], help="list all devices, and when each was last heard")
    listed.add_argument("--json", action="store_true", help="print one JSON object per line")

    of_device = _registry_keys(with_config)
    added = actions.add_parser("add", parents=[of_device], help="register a device")
    added.add_argument("id", metavar="ID", help="as in its topic, or its EUI in any writing")
    edited = actions.add_parser("edit", parents=[of_device], help="change or move a device; an empty value takes a key away")
    edited.add_argument("id", metavar="ID", help="the device")
    retired = actions.add_parser("retire", parents=[with_config], help="take a device out of the registry")
    retired.add_argument("id", metavar="ID", help="the device; what it measured stays in the database")

    enrolled = actions.add_parser("enroll", parents=[with_config], help="give devices their accounts on the broker")
    enrolled.add_argument("id", nargs="*", metavar="ID", help="the device; several need --sheet or --csv")
    enrolled.add_argument("--all", action="store_true", help="all devices of the registry")
    enrolled.add_argument("--sheet", type=Path, metavar="FILE.html", help="labels with QR codes, to print")
    enrolled.add_argument("--csv", type=Path, metavar="FILE.csv", help="accounts as a table")
    enrolled.add_argument("--replace", action="store_true", help="give a new account in place of one that is there")
    enrolled.add_argument(
        "--file",
        type=Path,
        metavar="FILE.json",
        help="the accounts of a broker that is stopped: fast, for thousands",
    )
    revoked = actions.add_parser("revoke", parents=[with_config], help="take the account of a device away, and cut it off")
    revoked.add_argument("id", metavar="ID", help="the device")

    exchanged = actions.add_parser("exchange", parents=[with_config], help="record that the meter of a device was exchanged")
    exchanged.add_argument("id", metavar="ID", help="the device")
    exchanged.add_argument("--at", metavar="T", help="when: '2026-11-20 14:30', or 2h for two hours ago (default: now)")
    exchanged.add_argument("--final", type=float, metavar="R", help="last register of the old meter")
    exchanged.add_argument("--register", type=float, metavar="R", help="first register of the new meter")
    exchanged.add_argument("--source", metavar="NEW_ID", help="name that the new meter sends under, for the registry")
    exchanged.add_argument("--field", help="only this register, such as volume_m3 (default: all)")
    exchanged.add_argument("--force", action="store_true", help="also with a register that seems to be a mistake")

    summed = actions.add_parser("resum", parents=[with_config], help="work out the sums of a device again, from the database")
    summed.add_argument("id", metavar="ID", help="the device")
    summed.add_argument("--from", dest="since", required=True, metavar="T", help="since when: '2026-11-20 14:30', or 40d")

    exported = actions.add_parser("export", parents=[with_config], help="write all that is known of a device into a ZIP file")
    exported.add_argument("id", metavar="ID", help="the device")
    exported.add_argument("--out", type=Path, metavar="FILE.zip", help="the file to write (default: ID.zip)")
    exported.add_argument("--to", metavar="WHO", help="who gets it; told when the device is forgotten")

    forgotten = actions.add_parser(
        "forget", parents=[with_config], help="remove all that is known of a device, from every place"
    )
    forgotten.add_argument("id", nargs="?", metavar="ID", help="the device")
    forgotten.add_argument("--check", action="store_true", help="only tell what is known of it, by place")
    forgotten.add_argument(
        "--again", action="store_true", help="all who were forgotten, in the database: after it was restored from a backup"
    )

    imported = actions.add_parser("import", parents=[with_config], help="import devices from a CSV file into the registry")
    imported.add_argument(
        "file",
        type=Path,
        metavar="FILE.csv",
        help="CSV file with the keys of devices.yaml as columns; params.NAME for parameters",
    )
    imported.add_argument("--dry-run", action="store_true", help="show the changes without writing them")
    imported.add_argument("--json", action="store_true", help="print JSON")

    covered = actions.add_parser("coverage", parents=[with_config], help="show how many devices report, by area and domain")
    form = covered.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    covered.add_argument("--language", choices=["vi", "en"], help="language of the table (default: as configured)")


def _registry_keys(with_config: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Options for the keys of ``devices.yaml``."""
    keys = argparse.ArgumentParser(add_help=False, parents=[with_config])
    for key, what in _KEYS.items():
        keys.add_argument(f"--{key.replace('_', '-')}", metavar=key.upper(), help=what)
    keys.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of its profile; may be given again"
    )
    return keys
