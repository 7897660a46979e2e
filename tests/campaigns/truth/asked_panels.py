"""Panels: the queries of the dashboards, read as data, with their variables filled in as Grafana would for "All"."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from tests.campaigns.truth.calendar import DAY_S, HOUR_S, ZONE, Period, period_at
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import CHECKOUT, Store, fetched

_DASHBOARDS: Final = CHECKOUT / "grafana" / "dashboards"
_NAMES: Final = ("water", "power", "province")
_STEPS: Final = {"hourly": "hour", "daily": "day", "monthly": "month"}
_SECONDS: Final = {"hour": HOUR_S, "day": DAY_S, "month": DAY_S}
_FIELD: Final = re.compile(r"\b(?:used|supplied|produced|lost)_(?:m3|kwh)\b")
_DOUBT: Final = "in doubt"
_DERIVED: Final = ("measured", "suspect", "estimated", "topk", "top(", " / ")
_DOMAINS: Final = {"m3": "water", "kwh": "power"}


class Query(NamedTuple):
    """A query of a panel that shows one figure, or how much of it is in doubt, step by step.

    :ivar figure: empty: the share in doubt.
    :ivar by_area: one series an area; else all areas are added up.
    """

    panel: str
    text: str
    step: str
    figure: str
    by_area: bool


def panel_answers(store: Store, from_s: int, to_s: int) -> Iterator[Answer]:
    """All figures of groups that panels show, over a range of some days."""
    known = list(queries(store))
    doubts: dict[tuple[str, str, Period], float] = {}
    for query in known:
        for area, period, share in _asked(store, query, from_s, to_s) if not query.figure else ():
            place = query.panel, area, period
            doubts[place] = max(share, doubts.get(place, 0.0))  # a panel of two figures has two
    for query in known:
        for area, period, value in _asked(store, query, from_s, to_s) if query.figure else ():
            subject = f"area:{area}" if query.by_area else f"areas:{_DOMAINS[query.figure.rpartition('_')[2]]}"
            if from_s <= period.begin_s and period.end_s <= to_s and (area or not query.by_area):
                marks = Marks(doubts.get((query.panel, area, period), doubts.get((query.panel, "", period))))
                yield Answer(f"panels {query.step}", subject, query.figure, period, value, marks)


def queries(store: Store) -> Iterator[Query]:
    """The queries with one figure and a step, from the files of a store's dashboards."""
    folder = _DASHBOARDS / ("influxdb" if store.is_influxdb else "victoriametrics")
    for name in _NAMES:
        for panel in _panels(json.loads((folder / f"{name}.json").read_text())["panels"]):
            for target in panel.get("targets", ()):
                text = str(target.get("query") or target.get("expr") or "")
                is_doubt = _DOUBT in text or _DOUBT in str(target.get("legendFormat"))
                found = _query(f"{name} {panel.get('id')}", text, is_doubt=is_doubt)
                if found is not None:
                    yield found


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))


def _query(panel: str, text: str, *, is_doubt: bool) -> Query | None:
    """Return a query that is understood: of areas by hour, day or month, with nothing else worked out of it."""
    measured = set(re.findall(r"(hourly|daily|monthly)_area", text))
    figures = set(_FIELD.findall(text.replace("_area_", "_area ")))
    is_series = "GROUP BY time(" in text or text.startswith(("(sum", "(1 - sum"))
    is_understood = is_doubt or (len(figures) == 1 and not any(word in text for word in _DERIVED))
    if len(measured) != 1 or not is_series or not is_understood or "sum_over_time" in text:
        return None
    by_area = ', "area"' in text or "by (area)" in text
    return Query(panel, text, _STEPS[measured.pop()], "" if is_doubt else figures.pop(), by_area)


def _filled(text: str, from_s: int, to_s: int) -> str:
    """Fill the variables in."""
    known = {
        "${area:regex}": ".*",
        "${site:regex}": ".*",
        "${device:regex}": ".*",
        "${site:raw}": ".*",
        "${device:raw}": ".*",
        "${simulated:raw}": "sim-.*",
        "$timeFilter": f"time >= {from_s}s AND time < {to_s}s",
        "${__from}": str(from_s * 1000),
        "${__to}": str(to_s * 1000),
        "${__range_s}": str(to_s - from_s),
        "$__range_s": str(to_s - from_s),
        "$__range": f"{to_s - from_s}s",
        "$__rate_interval": "1h",
        "$__interval": "1h",
    }
    for name, value in known.items():
        text = text.replace(name, value)
    if "$" in text.replace("$/", ""):
        raise ValueError(f"a variable of a panel is not known: {text}")
    return text


def _asked(store: Store, query: Query, from_s: int, to_s: int) -> Iterator[tuple[str, Period, float]]:
    """Yield area, period and value."""
    text = _filled(query.text, from_s, to_s)
    if store.is_influxdb:
        status, answer = fetched(store.url, "/query?" + urlencode({"db": "iot", "epoch": "ms", "q": text}))
        if status != 200 or "error" in json.loads(answer)["results"][0]:
            raise ValueError(f"{query.panel}: {answer[:300]}")
        for series in json.loads(answer)["results"][0].get("series", ()):
            for at_ms, value in series["values"]:
                if value is not None:
                    yield series.get("tags", {}).get("area", ""), _period(query.step, at_ms / 1000), value
        return
    step_s = _SECONDS[query.step]
    ask = {"query": text, "start": from_s // step_s * step_s, "end": to_s // step_s * step_s, "step": step_s}
    status, answer = fetched(store.url, "/api/v1/query_range?" + urlencode(ask))
    if status != 200:
        raise ValueError(f"{query.panel}: {answer[:300]}")
    for series in json.loads(answer)["data"]["result"]:
        for at_s, value in series["values"]:
            yield series["metric"].get("area", ""), _period(query.step, at_s), float(value)


def _period(step: str, at_s: float) -> Period:
    """Return the period of a bar: days of VictoriaMetrics stand at midnight in UTC, which is seven in the morning."""
    at = datetime.fromtimestamp(at_s, ZONE).replace(minute=0, second=0)
    at = at if step == "hour" else at.replace(hour=0)
    at = at.replace(day=1) if step == "month" else at
    return period_at(step, round(at.timestamp()))
