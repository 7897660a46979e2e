"""A small interpreter of Grafana's rules: query, reduce, threshold, `for`, no data, and whom it would tell of what.

It follows what Grafana documents: a series that disappears counts as normal after two evaluations without it; no series at all,
or a query that fails, is judged as the rule says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.grafana.as_documented import Refused, filled, posted, series

Labels = tuple[tuple[str, str], ...]
Numbers = dict[Labels, float]
"""The newest number of each series."""

NO_DATA: Labels = ()
_MISSING_MAX = 2
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {"gt": float.__gt__, "lt": float.__lt__}


def ask_influxdb(url: str, model: Mapping[str, Any], begin_ms: int, now_ms: int) -> Numbers:
    """Ask InfluxDB, and reduce each series to its last number that is not null."""
    text = filled(model["query"], {"timeFilter": f"time >= {begin_ms}ms and time <= {now_ms}ms"})
    found: Numbers = {}
    for one in series(url, text):
        (number,) = [row[1] for row in one["values"] if row[1] is not None][-1:] or (None,)
        if number is not None:
            found[_labels(one.get("tags", {}))] = float(number)
    return found


def ask_victoria_metrics(url: str, model: Mapping[str, Any], begin_ms: int, now_ms: int) -> Numbers:
    """Ask VictoriaMetrics for one instant, which is what an instant query of Grafana does."""
    assert model["instant"], begin_ms
    form = {"query": filled(model["expr"], {}), "time": f"{now_ms / 1000:.3f}", "nocache": 1}
    answer = posted(f"{url}/api/v1/query", form)
    return {_labels(one["metric"]): float(one["value"][1]) for one in answer["data"]["result"]}


@dataclass
class Instance:
    """One series of a rule."""

    since_s: int | None = None
    is_told: bool = False
    missing: int = 0


@dataclass
class Evaluator:
    """One rule on one database.

    :ivar told: minute, ``firing`` or ``resolved``, labels.
    """

    rule: Mapping[str, Any]
    ask: Callable[[Mapping[str, Any], int, int], Numbers]
    told: list[tuple[int, str, Labels]] = field(default_factory=list)
    _instances: dict[Labels, Instance] = field(default_factory=dict)

    def evaluate(self, begin_ms: int, minute: int) -> None:
        """Evaluate it at a minute of the story."""
        query, reduce, threshold = self.rule["data"]
        assert (reduce["model"]["type"], reduce["model"]["expression"], reduce["model"]["reducer"]) == ("reduce", "A", "last")
        assert (threshold["model"]["type"], threshold["model"]["expression"], self.rule["condition"]) == ("threshold", "B", "C")
        ((word, limit),) = ((c["evaluator"]["type"], *c["evaluator"]["params"]) for c in threshold["model"]["conditions"])
        now_ms = begin_ms + minute * 60_000
        back_s = query["relativeTimeRange"]["from"] - query["relativeTimeRange"]["to"]
        try:
            numbers = self.ask(query["model"], now_ms - back_s * 1000, now_ms)
            states = {labels: _COMPARED[word](number, float(limit)) for labels, number in numbers.items()}
            otherwise = self.rule["noDataState"]
        except Refused:
            states, otherwise = {}, self.rule["execErrState"]
        if not states:
            assert otherwise in {"Alerting", "OK"}
            states = dict.fromkeys(self._instances, False) | {NO_DATA: otherwise == "Alerting"}
        for labels, is_bad in states.items():
            self._judge(labels, minute, is_bad=is_bad)
        for labels in self._instances.keys() - states.keys():
            self._instances[labels].missing += 1
            if self._instances[labels].missing >= _MISSING_MAX:
                self._judge(labels, minute, is_bad=False)

    def _judge(self, labels: Labels, minute: int, *, is_bad: bool) -> None:
        instance = self._instances.setdefault(labels, Instance())
        instance.missing = 0
        if not is_bad:
            if instance.is_told:
                self.told.append((minute, "resolved", labels))
            self._instances[labels] = Instance()
            return
        instance.since_s = minute * 60 if instance.since_s is None else instance.since_s
        if not instance.is_told and minute * 60 - instance.since_s >= int(self.rule["for"].removesuffix("s")):
            instance.is_told = True
            self.told.append((minute, "firing", labels))


def _labels(tags: Mapping[str, str]) -> Labels:
    return tuple(sorted((tag, text) for tag, text in tags.items() if text and tag not in {"__name__", "db"}))
