"""``python -m tests.campaigns.truth``: figures that one may bill, on every surface.

A town with a known truth lives for a month on a fast clock: meters are exchanged, reset, stuck, clocks are wrong, parts
stop. Then all surfaces are asked for all figures. A figure is right, or it is marked, or the campaign fails.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.campaigns.truth.campaign import Campaign, judged_again
from tests.campaigns.truth.judge import MARKED_MOST, Verdict
from tests.campaigns.truth.table import table

A_MONTH = 28
STORES = ("influxdb", "victoria-metrics")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 when a figure is wrong and not marked, or differs, too many are marked, or an alarm is missing."""
    options = _options(argv)
    if options.judge:
        return _told(judged_again(options.judge, options.days, options.seed, is_small=options.small), options.days)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="truth-"))
    folder.mkdir(parents=True, exist_ok=True)
    begun_s = time.monotonic()
    campaign = Campaign(
        options.days, options.seed, options.speed, options.store or list(STORES), options.small, not options.fast, _tell
    )
    try:
        found = campaign.run(folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"\n{options.days} days, seed {options.seed}, in {time.monotonic() - begun_s:,.0f} s\n")
    return _told(found, options.days)


def _told(found: Mapping[str, Verdict], days: int) -> int:
    for store, verdict in found.items():
        sys.stdout.write(table(store, verdict))
    most = MARKED_MOST if days >= A_MONTH else 1.0
    return int(not all(verdict.is_good and verdict.marked_share <= most for verdict in found.values()))


def _tell(text: str) -> None:
    """Show progress on one line; what ends with a line break stays."""
    if text.endswith("\n") or sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}" if sys.stderr.isatty() else text)
        sys.stderr.flush()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.truth", description=__doc__)
    parser.add_argument("--days", type=int, default=31, metavar="N", help="how many local days (%(default)s)")
    parser.add_argument("--speed", type=float, default=1800.0, metavar="X", help="simulated seconds a second (%(default)g)")
    parser.add_argument("--store", action="append", choices=STORES, help="one of the stores (both)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same town (%(default)s)")
    parser.add_argument("--small", action="store_true", help="a village of twelve devices")
    parser.add_argument("--fast", action="store_true", help="no last day at 60 times real speed with stops and wrong clocks")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep all files there")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="judge the answers once more that were kept there")
    options = parser.parse_args(argv)
    if options.days < 1 or options.speed <= 0:
        parser.error("--days is at least 1, --speed more than 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
