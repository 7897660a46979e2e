"""``gateway setup copy``: all that stands in one database into another, while the gateway runs, and the switch between them."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway.admin.copying.copier import Copier, CopyPlan, CopyResult, Difference, Tell, plan, route, where
from gateway.admin.copying.target import ProgressFile
from gateway.commands import FAULT, UNREACHABLE, reaching
from gateway.commands.running import is_running
from gateway.commands.terminal import ProgressLine, add_path, say, show, tell, with_config
from gateway.ingest.database.store import StoreFault
from gateway.monitoring.reports.boundaries import midnight_ms
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault, blaming, load
from gateway.support.config.model import Config
from gateway.support.private_files import make_folder

_FIRST: Final = date(2020, 1, 1)
"""No reading is older: an earlier time of a device is not believed."""
_MONTHS: Final = timedelta(days=62)
_SHOWN: Final = 10
_SAY_EVERY_S: Final = 30.0
_AGAIN: Final = "; give the command again, and it goes on"

_LIVE: Final = """
The gateway goes on writing to the old database. Next:
  1. stop it (systemctl stop gateway), and every other gateway that writes there; the broker keeps what comes meanwhile
  2. give this command again: it copies what was written since, and compares
  3. put the section influxdb of {target} into {config}, and start the gateway"""
_DONE: Final = """
Both are the same. Put the section influxdb of {target} into {config}, and start the gateway. Its journal and the broker give
the new database what came meanwhile; nothing more goes to the old one."""


def add_options(copy: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup copy``."""
    with_config(copy, setup_copy)
    new = "a gateway.yaml whose section influxdb leads to the new database"
    copy.add_argument("--to", type=Path, required=True, metavar="FILE", help=new)
    copy.add_argument("--since", type=_day, metavar="D", help="the first day to copy, such as 2026-01-01 (default: all)")
    add_path(copy, "--progress", "FILE", "file that keeps how far it is (default: copy.json, beside the journal)")
    copy.add_argument("--dry-run", action="store_true", help="say from where to where, and copy nothing")


def setup_copy(config: Config, options: argparse.Namespace) -> int:
    """Copy and compare; 1 if something differs, 3 if a database does not answer or refuses."""
    target = load(options.to)
    if route(config.influxdb, config.influxdb) == route(target.influxdb, target.influxdb):
        raise ConfigurationFault([f"{options.to}: influxdb: is the database that the gateway writes to already"])
    try:
        with reaching(StoreFault, advice=_AGAIN):
            return asyncio.run(_copy(config, target, options))
    except KeyboardInterrupt:
        print(f"interrupted{_AGAIN}", file=sys.stderr)
        return UNREACHABLE


async def _copy(config: Config, target: Config, options: argparse.Namespace) -> int:
    zone, is_final = ZoneInfo(config.time.zone), not _runs(config)
    planned = await plan(config.influxdb, target.influxdb)
    async with AsyncExitStack() as stack:
        for client in planned.clients:
            await stack.enter_async_context(client)
        _say_plan(config, target, planned, is_final=is_final)
        if options.dry_run:
            return 0
        file = ProgressFile(options.progress or _folder(config) / "copy.json")
        progress = file.load(route(config.influxdb, target.influxdb), midnight_ms(options.since or _FIRST, zone))
        reach_ms = round((config.time.max_past + _MONTHS) / timedelta(milliseconds=1))
        now_ms = wall_clock(config, os.environ).now_ms()
        line = ProgressLine(sys.stderr)
        result = await Copier(planned.jobs, progress, file, now_ms, reach_ms, is_final, _telling(line, now_ms)).run()
        line.clear()
    return _say_result(result, options, is_final=is_final)


def _runs(config: Config) -> bool:
    """Tell if the gateway runs; ConfigurationFault if we may not see it: a copy beside one that runs would be the last."""
    folder = config.journal.path.parent
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationFault([f"{folder}: may not be used: run the command as the gateway's user, or as root"])
    return is_running(config)


def _folder(config: Config) -> Path:
    folder = config.journal.path.parent
    with blaming(f"{folder}: cannot be made"):
        make_folder(folder)
    return folder


def _telling(line: ProgressLine, now_ms: int) -> Tell:
    """Say how far a copy is: on a terminal on one line, elsewhere now and then."""
    said_s = time.monotonic()

    def tell(name: str, at_ms: int, points: int) -> None:
        nonlocal said_s
        text = f"{name}: up to {datetime.fromtimestamp(min(at_ms, now_ms) / 1000, UTC).date()}, {points:,} points copied"
        line.say(text)
        if not sys.stderr.isatty() and time.monotonic() - said_s > _SAY_EVERY_S:
            said_s = time.monotonic()
            print(text, file=sys.stderr)

    return tell


def _say_plan(config: Config, target: Config, planned: CopyPlan, *, is_final: bool) -> None:
    show(f"from {where(config.influxdb)} ({planned.source.name})")
    show(f"to   {where(target.influxdb)} ({planned.target.name})")
    second = target.influxdb.of_rollups()
    if second is not None:
        show(f"     {where(second)} (roll-ups too)")
    if planned.left_out:
        show(f"left out, since no gateway writes them: {', '.join(planned.left_out)}")
    state = "no gateway runs here: what is copied and compared now is final" if is_final else "the gateway runs"
    print(f"{state}\n")


def _say_result(result: CopyResult, options: argparse.Namespace, *, is_final: bool) -> int:
    for name, values in result.values.items():
        show(f"{name}: {values:,} values compared")
    print(f"days that were copied again: {result.again:,}")
    names = {"target": options.to, "config": options.config or "gateway.yaml"}
    if not is_final:
        if result.differences:
            print(f"still differing, since they are being written: {len({one.day_ms for one in result.differences})} days")
        say(_LIVE.format(**names))
        return 0
    if not result.differences:
        say(_DONE.format(**names))
        return 0
    for line in _described(result.differences[:_SHOWN]):
        tell(line)
    more = len(result.differences) - _SHOWN
    print(
        f"{f'and {more} more: ' if more > 0 else ''}the new database does not have what the old one has. Does it keep long "
        "enough? VictoriaMetrics and InfluxDB 3 do not replace a value that was worked out again: copy to an empty one",
        file=sys.stderr,
    )
    return FAULT


def _described(differences: Iterable[Difference]) -> Iterable[str]:
    for one in differences:
        day = datetime.fromtimestamp(one.day_ms / 1000, UTC).date()
        what = f"{one.measurement} {one.field}, {day}"
        if one.there.number < one.here.number:
            yield f"{what}: {one.here.number:,} values here, {one.there.number:,} there"
        else:
            yield f"{what}: the values add up to {one.here.sum!r} here, to {one.there.sum!r} there"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write for example 2026-01-01") from error
