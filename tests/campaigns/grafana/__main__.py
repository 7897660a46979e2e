"""``python -m tests.campaigns.grafana``: the dashboards, judged by Grafana's own published parts in Chromium.

Each dashboard is loaded, filled in, asked of a real database, transformed and drawn as Grafana does it. Exit status: 0, or 1 if
something is wrong with one. Without addresses of databases the two days of ``gateway demo`` are judged.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page

from gateway.commands.demo.services import CHECKOUT
from tests.campaigns.grafana import report, rules
from tests.campaigns.grafana.boards import LANGUAGES, STORES, Board, Json, Made, described, make
from tests.campaigns.grafana.cases import Case, Values, cases
from tests.campaigns.grafana.driver import Judge, judge, picture
from tests.campaigns.grafana.report import Verdict
from tests.campaigns.grafana.schema import unknown_to_grafana
from tests.campaigns.grafana.server import serve
from tests.campaigns.grafana.world import CACHE, World, kept_world, now_ms
from tests.web.pages.small_png import small

README_PICTURES = CHECKOUT / "docs" / "pictures" / "dashboards"
VERSIONS = ("13", "11")
SOURCES = {"influxdb": "influxdb", "victoriametrics": "prometheus"}


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, and tell."""
    options = _options(argv)
    begun_s = time.monotonic()
    verdicts: list[Verdict] = []
    others: list[str] = []
    with _world(options) as world:
        for store in STORES if options.store == "both" else [options.store]:
            with _made(options, store) as made:
                for verdict in _boards(options, store, made, world):
                    _say(report.told(verdict))
                    verdicts.append(verdict)
                if not options.board:
                    others += [f"{store}: {text}" for text in _others(made, world)]
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "report.json"
    file.write_text(json.dumps([one.as_json() for one in verdicts], ensure_ascii=False, indent=1), encoding="utf-8")
    _say("".join(f"{text}\n" for text in others))
    _say(f"\nGrafana {options.version}, {options.store}, in {time.monotonic() - begun_s:,.0f} s; more in {file}\n")
    _say(report.table(verdicts))
    return int(any(list(verdict.faults()) for verdict in verdicts) or bool(others) or not verdicts)


@contextmanager
def _world(options: argparse.Namespace) -> Iterator[World]:
    """The databases that were named, else those of the demo."""
    if options.influxdb or options.victoria_metrics:
        end_ms = now_ms() if options.until is None else round(1000 * options.until.timestamp())
        yield World(options.influxdb or "", options.victoria_metrics or "", end_ms)
        return
    with kept_world(_say) as world:
        yield world


@contextmanager
def _made(options: argparse.Namespace, store: str) -> Iterator[Made]:
    """The files that were named, else those that the gateway makes for a store."""
    if options.dashboards:
        yield Made(options.dashboards)
        return
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        yield make(store, options.language, Path(folder))


def _boards(options: argparse.Namespace, store: str, made: Made, world: World) -> Iterator[Verdict]:
    """Judge the dashboards of a store."""
    sources = described(made.sources(), world.urls)
    databases = {source["uid"]: world.urls[source["type"]] for source in sources}
    values = Values(SOURCES[store], world.urls[SOURCES[store]])
    boards = [board for board in made.boards() if options.board in {None, board.name}]
    with serve(CACHE / f"v{options.version}" / "bundle", databases) as address, judge(address, options.language) as judged:
        for board in boards:
            for case in cases(board, values):
                yield _judged(options, store, judged, board, case, _job(board, case, sources, world.end_ms))


def _others(made: Made, world: World) -> Iterator[str]:
    """Yield the faults of the dashboards' form for older versions of Grafana, and of the rules of alerts."""
    yield from unknown_to_grafana(made)
    sources = {source["uid"]: source for source in made.sources() if source["type"] in world.urls}
    yield from rules.faults(made.rules(), sources, world.urls, world.end_ms)


def _job(board: Board, case: Case, sources: list[Json], end_ms: int) -> Json:
    return {
        "dashboard": board.model,
        "sources": sources,
        "from_ms": end_ms - board.length_ms,
        "to_ms": end_ms,
        "variables": case.chosen,
        "openRows": True,
    }


def _judged(options: argparse.Namespace, store: str, judged: Judge, board: Board, case: Case, job: Json) -> Verdict:
    """Judge a dashboard with its rows open; pictures show it as it opens."""
    with judged.judged(job) as (found, _):
        verdict = Verdict(store, options.language, board.name, case.name, found, tuple(judged.complaints), case.is_measured)
    if case.is_pictured and (options.pictures or options.readme):
        with judged.judged({**job, "openRows": options.open_rows}) as (_, page):
            _pictures(options, f"{store}-{options.language}-{board.name}-{options.version}", board, page)
    return verdict


def _pictures(options: argparse.Namespace, name: str, board: Board, page: Page) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    first = options.out / f"{name}.png"
    picture(page, first, is_whole=False)
    if options.pictures:
        picture(page, options.out / f"{name}-whole.png", is_whole=True)
    if options.readme:
        ending = "" if options.language == "en" else f"-{options.language}"
        (README_PICTURES / f"{board.name}{ending}.png").write_bytes(small(first.read_bytes()))


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.grafana", description=__doc__)
    parser.add_argument("--board", metavar="NAME", help="one dashboard (all)")
    parser.add_argument("--store", choices=[*STORES, "both"], default="influxdb", help="(%(default)s)")
    parser.add_argument("--version", choices=VERSIONS, default="13", help="of Grafana's parts (%(default)s)")
    parser.add_argument("--language", choices=LANGUAGES, default="vi", help="of the dashboards (%(default)s)")
    parser.add_argument("--influxdb", metavar="URL", help="an InfluxDB that needs no password for reading")
    parser.add_argument("--victoria-metrics", metavar="URL")
    parser.add_argument("--until", type=datetime.fromisoformat, metavar="TIME", help="end of the time shown (now)")
    parser.add_argument("--dashboards", type=Path, metavar="DIR", help="what `gateway setup grafana` wrote (it is asked)")
    parser.add_argument("--pictures", action="store_true", help="take pictures: of the first 1440 x 900, and of the whole")
    about = "take those of the README: the first screens, with fewer colours; English is without the mark of its language"
    parser.add_argument("--readme", action="store_true", help=about)
    parser.add_argument("--open-rows", action="store_true", help="with all rows open in the pictures")
    parser.add_argument("--out", type=Path, default=CACHE / "out", metavar="DIR", help="for report and pictures (%(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
