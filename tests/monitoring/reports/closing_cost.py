"""Measure what closing an hour and a day costs: time, CPU of this process, questions to the database, memory.

``python -m tests.monitoring.reports.closing_cost -c gateway.yaml --at 2026-10-20`` closes the hour from nine, the next and
the day, in the database that ``gateway.yaml`` names, for instance one that :mod:`make_year` has filled. Nothing is written.
"""

import argparse
import asyncio
import os
import resource
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.open_store import open_store
from gateway.monitoring.reports.boundaries import day_of, hours, midnight_ms
from gateway.monitoring.reports.rollup_points import RollupPoint
from gateway.monitoring.reports.roster import Roster
from gateway.runtime.jobs.periods.closing import PeriodCloser
from gateway.runtime.jobs.periods.sinks import AlarmFeeds, RollupWriter
from gateway.support.config.files import load
from gateway.support.registry.registry import load_registry


class _NoWriter:
    """Makes the lines and writes none."""

    lines = 0

    async def add(self, points: Iterable[RollupPoint], writing: int) -> None:
        """Make lines."""
        self.lines += sum(1 for point in points if point.line(writing))

    async def flush(self) -> None:
        """Write nothing."""


class _NoFeeds:
    """Alarms that hear nothing."""

    def day(self, *_: object) -> None:
        """Hear of no day."""

    def night(self, *_: object) -> None:
        """Hear of no night."""


def _noted(name: str) -> Any:  # noqa: ANN401 - as mock has it
    """The same way to ask, with a note of each question."""
    return patch.object(DatabaseHttp, name, autospec=True, side_effect=getattr(DatabaseHttp, name))


async def _measure(options: argparse.Namespace) -> None:
    config = load(options.config, {})
    roster = Roster(load_registry(options.config.parent / config.devices.registry).devices)
    zone = ZoneInfo(config.time.zone)
    at = date.fromisoformat(options.at)
    day = day_of(midnight_ms(at, zone), zone)
    nine, ten = list(hours(day))[9:11]
    now_ms = midnight_ms(at + timedelta(days=2), zone)
    writer, feeds = _NoWriter(), _NoFeeds()
    async with open_store(config.influxdb) as store, AsyncExitStack() as stack:
        lines, whole = stack.enter_context(_noted("lines")), stack.enter_context(_noted("whole"))
        closer = PeriodCloser(
            store, roster, zone, cast("RollupWriter", writer), cast("AlarmFeeds", feeds), now_ms, day.end_ms, writing=1
        )
        for what, work in (
            ("hour", closer.close_hours([nine])),
            ("next hour", closer.close_hours([ten])),
            ("day", closer.close_day(day)),
        ):
            lines.reset_mock()
            whole.reset_mock()
            writer.lines, began_s, cpu = 0, time.perf_counter(), sum(os.times()[:2])
            await work
            took = f"{time.perf_counter() - began_s:.1f} s, CPU {sum(os.times()[:2]) - cpu:.1f} s"
            asked = lines.call_count + whole.call_count
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sys.stdout.write(f"{what}: {took}, {asked:,} questions, {writer.lines:,} points, {peak_mb:.0f} MB\n")


def main() -> None:
    """Measure what the options name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-c", "--config", type=Path, default=Path("gateway.yaml"))
    parser.add_argument("--at", required=True, metavar="DAY", help="2026-10-20")
    asyncio.run(_measure(parser.parse_args()))


if __name__ == "__main__":
    main()
