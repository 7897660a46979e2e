"""The command line of ``gateway capacity``."""

import argparse


def _capacity(options: argparse.Namespace) -> int:
    from gateway.commands.capacity import capacity_command  # noqa: PLC0415 - a command pays only for what it uses

    return capacity_command(options)


def add_capacity(capacity: argparse.ArgumentParser) -> None:
    """The options of ``gateway capacity``."""
    capacity.set_defaults(command=_capacity)
    capacity.add_argument("--devices", type=_some, required=True, metavar="N", help="number of devices")
    capacity.add_argument("--interval", default="15min", metavar="T", help="between two readings of a device (default: 15min)")
    capacity.add_argument("--spread", metavar="T", help="in which all devices send once (default: the interval)")
    capacity.add_argument("--cabinets", type=_some, default=1, metavar="N", help="over which they are spread (default: 1)")
    capacity.add_argument("--outage", default="3h", metavar="T", help="of the database, that must cost nothing (default: 3h)")
    capacity.add_argument("--keep", default="400d", metavar="T", help="how long readings are kept (default: 400d)")
    capacity.add_argument("--keep-years", type=_some, default=10, metavar="N", help="how long roll-ups are kept (default: 10)")
    stores = ["influxdb", "victoria-metrics"]
    capacity.add_argument("--store", choices=stores, default="influxdb", help="the database (default: influxdb)")
    machines = ["pi4", "pi5", "measured", "server"]
    capacity.add_argument(
        "--machine", choices=machines, default="pi4", help="of each cabinet; measured: that of the figures (default: pi4)"
    )
    capacity.add_argument("--json", action="store_true", help="print JSON")
    capacity.add_argument("--language", choices=["vi", "en"], default="en", help="language of the table (default: en)")


def _some(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
