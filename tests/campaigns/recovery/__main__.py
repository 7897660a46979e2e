"""``python -m tests.campaigns.recovery``: the recovery of a province after an outage of its centre, as a table and a picture.

The cabinets run the gateway's own lanes; links and the centre are models, with what ``make bench`` measured of the database.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.commands.capacity import STORES
from schemas.durations import parse_duration
from tests.campaigns.recovery.picture import picture
from tests.campaigns.recovery.province import DELAY_MAX_S, Province, Recovery, recover

PICTURE: Final = Path(__file__).parents[3] / "docs" / "pictures" / "recovery.svg"
PAGE: Final = Path(__file__).parents[3] / "docs" / "edge.md"
BEGIN, END = "<!-- from here to the end mark written by make recovery -->", "<!-- end of what make recovery writes -->"
_SHOWN: Final = ("with the budget", "without")
"""Those that the picture shows."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 when the province with its budget holds the bar, 1 when it does not, 2 for options that fit nothing."""
    options = _options(argv)
    province = province_of(options)
    recoveries = {}
    with _quiet():
        for name, variant in variants(province).items():
            sys.stderr.write(f"{name} ...\n")
            recoveries[name] = recover(variant)
    lines = list(table(recoveries))
    sys.stdout.write("\n".join([*lines, ""]))
    if options.write:
        PICTURE.write_text(picture({name: recoveries[name] for name in _SHOWN}), encoding="utf-8")
        _write(lines)
    return 0 if recoveries[_SHOWN[0]].holds else 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep every cabinet from telling that its database is away."""
    log = logging.getLogger("gateway")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def variants(province: Province) -> dict[str, Province]:
    """The province, and what becomes of it without what protects its centre."""
    return {
        "with the budget": province,
        "with it, without jitter": replace(province, jitter=False),
        "without": replace(province, max_bytes_per_s=None),
        "without, without jitter and yielding": replace(province, max_bytes_per_s=None, jitter=False, shares=False),
    }


def province_of(options: argparse.Namespace) -> Province:
    """The province that the options describe."""
    interval_s = parse_duration(options.interval).total_seconds()
    return Province(
        cabinets=options.cabinets,
        per_s=options.devices / options.cabinets / interval_s,
        outage_s=parse_duration(options.outage).total_seconds(),
        store=STORES[options.store],
        cores=options.cores,
        max_bytes_per_s=options.budget,
        seed=options.seed,
    )


def table(recoveries: Mapping[str, Recovery]) -> Iterator[str]:
    """The table of recoveries, in Markdown."""
    yield (
        "| the links | recovered in | most points a second, of what the centre can write | its cores, busiest second | "
        f"writes in line | live readings: p50, p99, longest delay | bar (100 %, {DELAY_MAX_S:g} s) |"
    )
    yield "|---|---|---|---|---|---|---|"
    for name, found in recoveries.items():
        took = "never" if found.took_s is None else f"{found.took_s:,.0f} s"
        delays = ", ".join(f"{seconds:.2f}" for seconds in (found.p50_s, found.p99_s, found.max_s))
        cells = (
            name,
            took,
            f"{max(found.points.values()):,} of {found.limit:,.0f}",
            f"{found.busiest:.0%}",
            found.waiting,
            f"{delays} s",
            "held" if found.holds else "missed",
        )
        yield f"| {' | '.join(map(str, cells))} |"


def _write(lines: list[str]) -> None:
    """Put the table into the page, between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"]), encoding="utf-8")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.campaigns.recovery", description=__doc__)
    parser.add_argument("--cabinets", type=_some, default=200)
    parser.add_argument("--devices", type=_some, default=200_000, help="of all cabinets")
    parser.add_argument("--interval", type=_span, default="15min", help="between two readings of a device")
    parser.add_argument("--outage", type=_span, default="3h", help="of the centre")
    parser.add_argument("--store", choices=STORES, default="influxdb")
    parser.add_argument("--cores", type=_some, default=2, help="of the centre, each as one of the machine of the figures")
    parser.add_argument("--budget", type=_some, default=8000, help="bytes a second of each link (influxdb.max_bytes_per_s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write table and picture into docs")
    return parser.parse_args(argv)


def _some(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _span(text: str) -> str:
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: nothing would happen in it")
    return text


if __name__ == "__main__":
    sys.exit(main())
