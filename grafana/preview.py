"""Draws a dashboard from a live database as one HTML page: ``python -m grafana.preview water --influxdb http://127.0.0.1:8086``.

For those who build or review a dashboard. It is a drawing of what the panels would show, not Grafana.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from html import escape
from itertools import chain, count
from pathlib import Path
from typing import Final

from grafana.answers import DAY_MS, Asked, AskedInfluxDb, AskedVictoriaMetrics, Page
from grafana.drawn import panel_html
from grafana.layout import lines
from grafana.model import Dashboard, Section
from grafana.tables import DASHBOARDS
from grafana.text import both

INTERVAL_A_DAY_MS: Final = 600_000
"""The interval of figures for each day shown."""
STYLE: Final = (
    ":root { --page: #fff; } body { font: 14px system-ui, sans-serif; margin: 1rem; }"  # labels stay readable on a curve
    " .panels { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px; }"
    " section { border: 1px solid #ccc; padding: 6px; overflow: hidden; min-width: 0; }"
    " h2 { grid-column: 1 / -1; font-size: 1.1rem; margin: .6rem 0 0; } h3 { font-size: .85rem; margin: 0 0 4px; }"
    " .legend { color: #444; }"
    " .figure { font-size: 1.8rem; margin: 0; } .empty { color: #777; } p { margin: 2px 0; font-size: .8rem; }"
    " table { border-collapse: collapse; font-size: .8rem; width: 100%; } td, th { text-align: left; padding: 1px 6px; }"
)


def page_html(board: Dashboard, database: Asked, page: Page) -> str:
    """The dashboard as one page."""
    title = both(board.vi, board.en)
    panels = "".join(_panels(board, database, page))
    return (
        f'<!doctype html><html lang="vi"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f'<h1>{escape(title)}</h1><div class="panels">{panels}</div></html>\n'
    )


def _panels(board: Dashboard, database: Asked, page: Page) -> Iterator[str]:
    """The sections with their panels; a closed one shows those that have an answer."""
    numbers = count(1)
    for section in board.sections:
        drawn = list(_drawn(section, database, page, numbers))
        if drawn:
            yield f"<h2>{escape(both(section.vi, section.en))}</h2>{''.join(drawn)}"


def _drawn(section: Section, database: Asked, page: Page, numbers: Iterator[int]) -> Iterator[str]:
    for place in chain.from_iterable(lines(section.panels)):
        answers = database.answers(place.panel, page)
        if answers and (any(rows for _, rows in answers) or not section.closed):
            yield panel_html(next(numbers), place, answers, page.of(place.panel))


def main(arguments: list[str] | None = None) -> int:
    """0: written; 3: the database does not answer."""
    parser = argparse.ArgumentParser(prog="python -m grafana.preview", description="Draw a dashboard from a live database.")
    parser.add_argument("dashboard", choices=[board.name for board in DASHBOARDS])
    database = parser.add_mutually_exclusive_group(required=True)
    database.add_argument("--influxdb", metavar="URL", help="InfluxDB 1 that needs no password for reading")
    database.add_argument("--victoria-metrics", metavar="URL")
    parser.add_argument("--bucket", default="iot", help="database of InfluxDB (default: iot)")
    parser.add_argument("--days", type=int, help="days shown (default: those of the dashboard)")
    parser.add_argument("--until", type=datetime.fromisoformat, metavar="TIME", help="end of the time shown (default: now)")
    parser.add_argument("--device", help="the device of a dashboard of one device")
    parser.add_argument("--out", type=Path, default=Path("preview.html"), help="file to write (default: preview.html)")
    options = parser.parse_args(arguments)
    (board,) = (board for board in DASHBOARDS if board.name == options.dashboard)
    now_ms = time.time_ns() // 1_000_000 if options.until is None else round(1000 * options.until.timestamp())
    choice = {"device": [options.device]} if options.device else {}
    days = options.days or board.days
    page = Page(now_ms - days * DAY_MS, now_ms, days * INTERVAL_A_DAY_MS, choice, shows_simulated=True)
    url = options.influxdb or options.victoria_metrics
    asked = AskedInfluxDb(url, options.bucket) if options.influxdb else AskedVictoriaMetrics(url)
    try:
        options.out.write_text(page_html(board, asked, page), encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"{url} does not answer: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
