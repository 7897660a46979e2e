"""``python -m tests.campaigns.months``: a fleet's month on real parts, on a fast clock, and every account of it is true.

Meters are exchanged, reset, roll over, send garbage and come late; the gateway is killed, once with all that it had kept; some
nights are without the database. Then reports, roll-ups, completeness and balances of each device and day are held against what
the simulator knows was consumed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.campaigns.months.campaign import Months, Row
from tests.campaigns.months.plan import MonthsPlan
from tests.campaigns.rig.room import ProgressLine, add_keep, carried_out

FASTEST: Final = 3_600.0
"""Simulated seconds a second."""
DEVICE_SPEED: Final = 360_000.0
"""The same, times devices: the gateway works out an hour of 500 devices in some seconds, and must not fall days behind."""
_SHOWN: Final = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 with the first discrepancies, 2 when it cannot begin, 130 after Ctrl-C."""
    options = _options(argv)
    speed = options.speed or min(FASTEST, DEVICE_SPEED / options.devices)
    plan = MonthsPlan(options.devices, options.days, speed, options.exchanges, options.kills, options.outages, options.seed)

    def work(folder: Path) -> bool:
        line = ProgressLine()
        rows = Months(plan, folder, options.victoria_metrics, line.show).run()
        line.end()
        sys.stdout.write(table(rows))
        return not any(row.faults for row in rows)

    return carried_out("months", ("mosquitto", "victoria-metrics" if options.victoria_metrics else "influxd"), options, work)


def table(rows: Sequence[Row]) -> str:
    """The results for people, each with its first discrepancies."""
    width = max(len(row.what) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{'FALSE' if row.faults else 'true ':5}  {row.what:{width}}  {row.result}")
        lines += [f"         {fault}" for fault in row.faults[:_SHOWN]]
        lines += [f"         ... and {len(row.faults) - _SHOWN:,} more"] if len(row.faults) > _SHOWN else []
    return "\n".join(lines) + "\n"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.months", description=__doc__)
    parser.add_argument("--devices", type=int, default=500, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--days", type=int, default=31, metavar="N", help="how many local days (%(default)s)")
    parser.add_argument("--exchanges", type=int, default=100, metavar="N", help="exchanges, half told days later (%(default)s)")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="SIGKILLs of the gateway (%(default)s)")
    parser.add_argument("--outages", type=int, default=3, metavar="N", help="nights without the database (%(default)s)")
    parser.add_argument("--speed", type=float, metavar="X", help="simulated seconds a second (as the period job keeps up with)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed plans the same (%(default)s)")
    parser.add_argument("--victoria-metrics", action="store_true", help="in place of InfluxDB 1")
    add_keep(parser)
    options = parser.parse_args(argv)
    if (
        min(options.devices, options.days) < 1
        or min(options.exchanges, options.kills, options.outages) < 0
        or (options.speed or 1) <= 0
    ):
        parser.error("--devices and --days are at least 1, --speed more than 0, the others not negative")
    return options


if __name__ == "__main__":
    sys.exit(main())
