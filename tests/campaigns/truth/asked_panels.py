"""Panels: what Grafana's own parts make of the dashboards, in a browser (``tests.campaigns.grafana``)."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from tests.campaigns.grafana.boards import Board, Json, described, make
from tests.campaigns.grafana.driver import judge
from tests.campaigns.grafana.server import serve
from tests.campaigns.truth.calendar import DAY_S, FIRST_DAY_S, HOUR_S, period_at
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import CHECKOUT, Store

BUNDLE: Final = CHECKOUT / ".cache" / "grafana-judge" / "v13" / "bundle"
"""Grafana's parts: ``make judge-grafana`` fetches them, where there is node."""
_DOUBT: Final = "in doubt"
_EARLIER: Final = {" the day before": DAY_S, " a week before": 7 * DAY_S}
_UNITS: Final = {"water": "m3", "power": "kwh"}


class Shown(NamedTuple):
    """Figures of a panel over time.

    :ivar word: the flow of its lines; empty: each line has its own word as its name.
    :ivar by_area: a line an area; else all areas are added up.
    :ivar step: of its figures; empty: hours or days, as it finds best.
    """

    domain: str
    word: str = ""
    by_area: bool = False
    step: str = ""


def _by_area(domain: str, *words: str) -> dict[str, Shown]:
    return {f"{word.capitalize()} per hour": Shown(domain, word, by_area=True) for word in words}


SHOWN: Final = {
    "province": {
        "Water: supplied and used by hour, beside the day before": Shown("water"),
        "Energy: supplied and used by hour, beside the day before": Shown("power"),
    },
    "water": {
        "Supplied and used": Shown("water"),
        "Water that earns nothing": Shown("water", "lost", step="day"),
        "Used per day": Shown("water", "used", by_area=True, step="day"),
        "Used per month": Shown("water", "used", by_area=True, step="month"),
        **_by_area("water", "supplied", "used"),
    },
    "power": {
        "Load curve": Shown("power"),
        "Energy lost": Shown("power", "lost", step="day"),
        **_by_area("power", "supplied", "used", "produced"),
    },
}
"""Dashboard → title of a panel → what it shows, as its description says."""


def panel_answers(store: Store, ranges: Sequence[tuple[int, int]]) -> Iterator[Answer]:
    """All figures of groups that panels show over ranges of some days; ValueError if a panel is missing or fails."""
    name, kind = ("influxdb", "influxdb") if store.is_influxdb else ("victoriametrics", "prometheus")
    with tempfile.TemporaryDirectory(prefix="panels-") as folder:
        made = make(name, "en", Path(folder))
        sources = described(made.sources(), {kind: store.url})
        with serve(BUNDLE, {source["uid"]: store.url for source in sources}) as address, judge(address, "en") as judged:
            for board in (board for board in made.boards() if board.name in SHOWN):
                for asked in ranges:
                    with judged.judged(_job(board, sources, asked)) as (report, _):
                        yield from _answers(board.name, report["panels"], asked)


def _job(board: Board, sources: list[Json], asked: tuple[int, int]) -> Json:
    return {
        "dashboard": board.model,
        "sources": sources,
        "from_ms": asked[0] * 1000,
        "to_ms": asked[1] * 1000,
        "variables": {one["name"]: "All" for one in board.variables if one.get("includeAll")},
        "openRows": True,
    }


def _answers(board: str, found: list[Json], asked: tuple[int, int]) -> Iterator[Answer]:
    by_title = {panel["title"]: panel for panel in found}
    missing = SHOWN[board].keys() - by_title.keys()
    failed = [fault["text"] for panel in found for fault in panel["faults"] if fault["kind"] == "error"]
    if missing or failed:
        raise ValueError(f"{board}: no panel {sorted(missing)}; {failed}")
    for title, shown in SHOWN[board].items():
        lines = {str(name): values for name, values in _lines(by_title[title])}
        for name, values in lines.items():
            if _DOUBT not in name:
                doubts = dict(lines.get(_doubt_of(name, shown), ()))
                yield from _of_line(name, values, doubts, shown, asked)


def _lines(panel: Json) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield each line: its name and its points."""
    for frame in panel["frames"]:
        times = next((field["values"] for field in frame["fields"] if field["type"] == "time"), ())
        for field in frame["fields"]:
            if field["type"] == "number":
                yield (
                    field["displayName"],
                    [(at, value) for at, value in zip(times, field["values"], strict=False) if value is not None],
                )


def _doubt_of(name: str, shown: Shown) -> str:
    return f"{name} {_DOUBT}" if shown.by_area or not shown.word else _DOUBT


def _of_line(
    name: str, values: list[tuple[float, float]], doubts: dict[float, float], shown: Shown, asked: tuple[int, int]
) -> Iterator[Answer]:
    ending = next((ending for ending in _EARLIER if name.endswith(ending)), "")
    word = shown.word or name.removesuffix(ending)
    figure, subject = f"{word}_{_UNITS[shown.domain]}", f"area:{name}" if shown.by_area else f"areas:{shown.domain}"
    step = shown.step or _step([at for at, _ in values])
    for at_ms, value in values:
        shown_at, period = (period_at(step, round(at_ms / 1000) - before_s) for before_s in (0, _EARLIER.get(ending, 0)))
        if asked[0] <= shown_at.begin_s and shown_at.end_s <= asked[1] and period.begin_s >= FIRST_DAY_S:
            yield Answer(f"panels {step}", subject, figure, period, value, Marks(doubts.get(at_ms)))


def _step(times: list[float]) -> str:
    """Tell hours from days by the time between two figures."""
    nearest_s = min((after - before for before, after in pairwise(times)), default=HOUR_S * 1000) / 1000
    return "hour" if nearest_s < DAY_S else "day"
