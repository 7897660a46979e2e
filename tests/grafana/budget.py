"""The time that the queries of a dashboard take with 3,000 meters: ``python -m tests.grafana.budget [DASHBOARD]``.

Both databases are filled with readings every 15 minutes of the last two days, which is more than any query reads, the roll-ups
by hour of eight days (read for up to three), those by day of 31 days, alarms, and the health of the last quarter of an hour.
All devices are chosen. Printed are, for each database and time shown, the seconds of all queries asked as a browser does, some
at a time, and the CPU seconds that the database took for them, which a busy machine changes less.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from os import sysconf
from pathlib import Path
from typing import Final, NamedTuple

from gateway.demo import services
from gateway.demo.services import Service
from grafana.answers import Page, questions
from grafana.ask import Question
from grafana.model import Panel
from grafana.tables import DASHBOARDS
from tests.grafana.asked import asked
from tests.grafana.known_points import DAY_MS, HOUR_MS, MINUTE_MS, ZONE_MS, post

METERS: Final = 3000
AREAS: Final = 20
SITES: Final = 100
LINES_TOGETHER: Final = 20_000
BROWSER_CONNECTIONS: Final = 6
BARS_S: Final = {1: 2.0, 30: 5.0}
"""Days shown → the seconds that all queries of a dashboard may take together."""


class Spent(NamedTuple):
    """The time for all questions of a dashboard.

    :ivar wall_s: on the clock, from the first question to the last answer.
    :ivar cpu_s: of the database's processors.
    :ivar slowest: seconds from question to answer, and the panel.
    """

    wall_s: float
    cpu_s: float
    slowest: list[tuple[float, str]]


def lines(now_ms: int) -> Iterator[str]:
    """The points of all meters."""
    hour_ms, day_ms = now_ms // HOUR_MS * HOUR_MS, (now_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    for n, meter in product(range(2 * 96), range(METERS)):
        yield f"water,{_tags(meter)} {_reading(meter, n)} {now_ms - n * 15 * MINUTE_MS - meter * 100}"
    for n, meter in product(range(1, 8 * 24), range(METERS)):
        yield f"hourly,{_tags(meter)} {_rolled(meter, n)} {hour_ms - n * HOUR_MS}"
    for n, meter in product(range(1, 32), range(METERS)):
        yield from _of_day(meter, n, day_ms - n * DAY_MS)
    for n, meter in product((31, 61, 92, 122), range(METERS)):
        yield f"monthly,{_tags(meter)} {_rolled(meter, n)} {day_ms - n * DAY_MS}"
    for n, meter in product(range(15), range(METERS)):
        fields = f"clock_offset_s=1.5,seq_missing=0,silence_s={meter % 900},up={_is(meter % 50)}"
        yield f"device_health,{_tags(meter)} {fields} {now_ms - n * MINUTE_MS}"
    for meter in range(METERS):
        place = f"interval_s=900,lat={10 + meter / METERS},lon={105 + meter % SITES / SITES},value=1"
        yield f"registry,{_tags(meter)} {place} {now_ms - 20 * MINUTE_MS}"
    for n, meter in product(range(24 * 12), range(0, METERS, 50)):
        fields = f"acknowledged=false,active=true,silenced=false,since_ms={now_ms - DAY_MS},value=1"
        tags = f"alarm=device_silent,{_tags(meter)},domain=water,severity=warning"
        yield f"alarm,{tags} {fields} {now_ms - n * 5 * MINUTE_MS}"


def _of_day(meter: int, n: int, time_ms: int) -> Iterator[str]:
    tags = _tags(meter)
    yield f"daily,{tags} {_rolled(meter, n)},flow_night_min_m3_h={meter % 13 / 10} {time_ms}"
    yield f"completeness,{tags},domain=water estimated=0,expected=96,on_time=95,received=95,suspect=0 {time_ms}"
    if meter % 100 == 0:
        yield f"balance,{tags},domain=water,step=day in=100,out={70 + meter % 29} {time_ms}"


def _tags(meter: int) -> str:
    return f"area=A{meter % AREAS},device=w-{meter},site=site-{meter % SITES}"


def _is(value: int) -> str:
    return str(bool(value)).lower()


def _reading(meter: int, n: int) -> str:
    volume = 1000 + (192 - n) / 4
    quality = "chlorine_mg_l=0.5,ph=7.1,turbidity_ntu=1," if meter % 100 == 1 else ""
    tank = "fill_pct=50,level_m=2," if meter % 100 == 2 else ""
    states = f"alarm_burst=false,alarm_leak={_is(meter % 500 == 0)}"
    more = f"flow_m3_h={meter % 7 + n / 96},{tank}{quality}pressure_kpa={200 + meter % 100}"
    return f"{states},{more},quality=0i,volume_m3={volume},volume_sum_m3={volume}"


def _rolled(meter: int, n: int) -> str:
    gauges = ["flow_{}_m3_h", "pressure_{}_kpa", *(["ph_{}", "chlorine_{}_mg_l"] if meter % 100 == 1 else [])]
    spreads = ",".join(f"{gauge.format(end)}={n % 5 + meter % 7}" for gauge in gauges for end in ("max", "mean", "min"))
    return f"{spreads},volume_reverse_used_m3=0,volume_used_m3={1 + n % 3}"


def fill(service: Service, made: Iterable[str]) -> None:
    """Write points."""
    rest = iter(made)
    while some := list(islice(rest, LINES_TOGETHER)):
        post(service, "/write?db=iot&precision=ms", "\n".join(some))
    if service.name == "victoria-metrics":
        post(service, "/internal/force_flush", "")


def spent(service: Service, name: str, page: Page) -> Spent:
    """Ask all questions of a dashboard, as many at a time as a browser does."""
    (board,) = (board for board in DASHBOARDS if board.name == name)

    def timed(row: tuple[Panel, Question]) -> tuple[float, str]:
        begin_s = time.perf_counter()
        asked(service).answer(row[1], page.of(row[0]))
        return time.perf_counter() - begin_s, row[0].title

    begin_s, begin_cpu_s = time.perf_counter(), _cpu_s(service)
    with ThreadPoolExecutor(BROWSER_CONNECTIONS) as pool:
        rows = list(pool.map(timed, questions(board)))
    return Spent(time.perf_counter() - begin_s, _cpu_s(service) - begin_cpu_s, sorted(rows, reverse=True))


def _cpu_s(service: Service) -> float:
    fields = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def main(arguments: list[str] | None = None) -> int:
    """0: within the bars; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m tests.grafana.budget", description="Time the queries of a dashboard.")
    parser.add_argument("dashboard", nargs="?", default="water", choices=[board.name for board in DASHBOARDS])
    name = parser.parse_args(arguments).dashboard
    is_within = True
    now_ms = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for service in (services.influxdb(Path(folder)), services.victoria_metrics(Path(folder), args=["-retentionPeriod=2y"])):
            with service:
                fill(service, lines(now_ms))
                for days, bar_s in BARS_S.items():
                    took = spent(service, name, Page(now_ms - days * DAY_MS, now_ms))
                    _tell(service.name, days, bar_s, took)
                    is_within = is_within and took.wall_s <= bar_s
    return 0 if is_within else 1


def _tell(database: str, days: int, bar_s: float, took: Spent) -> None:
    rows = [f"  {seconds:6.3f} s  {title}" for seconds, title in took.slowest[:5]]
    spent_s = f"{took.wall_s:.2f} s (at most {bar_s:g} s), {took.cpu_s:.2f} s of CPU"
    head = f"{database}, {days} days: {len(took.slowest)} queries in {spent_s}"
    sys.stdout.write("\n".join([head, *rows, ""]))


if __name__ == "__main__":
    sys.exit(main())
