"""The time that the queries of dashboards take with 3,600 devices: ``python -m tests.grafana.budget DASHBOARD ...``.

Both databases are filled (:mod:`tests.grafana.many_points`), and all devices are chosen. Printed are, for each dashboard and
time shown, the CPU seconds that the database took for the queries of all panels, those in closed rows too, and of all marks,
and the seconds on the clock, asked as a browser does, some at a time. A busy machine changes these more. How busy it is tells
a plain question beside them: the readings of an hour, counted.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice, product
from os import sysconf
from pathlib import Path
from typing import Final, NamedTuple

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from grafana.ask import Ask, Each, Over, Step
from grafana.model import Panel
from grafana.tables import DASHBOARDS
from schemas.quantities import DOMAINS
from tests.grafana.answers import Page, asked, panels_of
from tests.grafana.known_points import DAY_MS, HOUR_MS, post
from tests.grafana.many_points import lines

LINES_TOGETHER: Final = 5_000
BROWSER_CONNECTIONS: Final = 6
PLAIN_TIMES: Final = 20
SLOWEST: Final = 6
STARTS: Final = (services.influxdb, partial(services.victoria_metrics, args=["-retentionPeriod=2y"]))
BARS_S: Final = {1: 1.5, 30: 2.0}
"""Days shown → the CPU seconds of the database that all queries of a dashboard may take together."""
FILLED_BY: Final = {"environment": "urban"}
"""Dashboard → the domain of its devices, where its name is another and it is not of water's."""
ONE_DEVICE: Final = {"device": ["w-7"]}


class Spent(NamedTuple):
    """The time for all questions of a dashboard.

    :ivar wall_s: on the clock, from the first question to the last answer.
    :ivar cpu_s: of the database's processors.
    :ivar slowest: seconds from question to answer, and the panel.
    """

    wall_s: float
    cpu_s: float
    slowest: list[tuple[float, str]]


def domain_of(name: str) -> str:
    """The domain whose devices fill the database for a dashboard."""
    return name if name in DOMAINS else FILLED_BY.get(name, "water")


def fill(service: Service, made: Iterable[str]) -> None:
    """Write points."""
    rest = iter(made)
    while some := list(islice(rest, LINES_TOGETHER)):
        post(service, "/write?db=iot&precision=ms", "\n".join(some))
    if service.name == "victoria-metrics":
        post(service, "/internal/force_flush", "")


def spent(service: Service, name: str, page: Page) -> Spent:
    """Ask all panels of a dashboard, as many at a time as a browser does; a dashboard of one device about one."""
    (board,) = (board for board in DASHBOARDS if board.name == name)
    if any(variable.is_single for variable in board.variables):
        page = replace(page, choice=ONE_DEVICE)

    def timed(panel: Panel) -> tuple[float, str]:
        begin_s = time.perf_counter()
        asked(service).answers(panel, page)
        return time.perf_counter() - begin_s, panel.title

    begin_s, begin_cpu_s = time.perf_counter(), _cpu_s(service)
    with ThreadPoolExecutor(BROWSER_CONNECTIONS) as pool:
        rows = list(pool.map(timed, panels_of(board)))
    return Spent(time.perf_counter() - begin_s, _cpu_s(service) - begin_cpu_s, sorted(rows, reverse=True))


def _cpu_s(service: Service) -> float:
    fields = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def plain_cpu_s(service: Service, domain: str, now_ms: int) -> float:
    """The CPU seconds of a plain question: the readings of the last hour, counted by site."""
    begin_s = _cpu_s(service)
    for _ in range(PLAIN_TIMES):
        counted = Ask(domain, "quality", Each.COUNT, Step.RANGE, Over.SUM, ("site",))
        asked(service).answer(counted, Page(now_ms - HOUR_MS, now_ms))
    return (_cpu_s(service) - begin_s) / PLAIN_TIMES


def main(arguments: list[str] | None = None) -> int:
    """0: within the bars; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m tests.grafana.budget", description="Time the queries of dashboards.")
    names = [board.name for board in DASHBOARDS]
    parser.add_argument("dashboards", nargs="*", default=["water"], metavar="DASHBOARD", help=", ".join(names))
    chosen = parser.parse_args(arguments).dashboards
    is_within = True
    now_ms = time.time_ns() // 1_000_000
    for domain in dict.fromkeys(map(domain_of, chosen)):
        boards = [name for name in chosen if domain_of(name) == domain]
        with tempfile.TemporaryDirectory() as folder:
            for start in STARTS:
                with start(Path(folder)) as service:
                    fill(service, lines(now_ms, domain))
                    for name, (days, bar_s) in product(boards, BARS_S.items()):
                        took = spent(service, name, Page(now_ms - days * DAY_MS, now_ms))
                        _tell(service.name, name, days, bar_s, took, plain_cpu_s(service, domain, now_ms))
                        is_within = is_within and took.cpu_s <= bar_s
    return 0 if is_within else 1


def _tell(database: str, name: str, days: int, bar_s: float, took: Spent, plain_s: float) -> None:
    rows = [f"  {seconds:6.3f} s  {title}" for seconds, title in took.slowest[:SLOWEST]]
    spent_s = f"{took.cpu_s:.2f} s of CPU (at most {bar_s:g} s) for {len(took.slowest)} panels and marks"
    head = f"{database}, {name}, {days} days: {spent_s} in {took.wall_s:.2f} s, {took.cpu_s / plain_s:.0f} plain questions"
    sys.stdout.write("\n".join([head, *rows, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
