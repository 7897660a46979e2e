"""Macros of a query, replaced as Grafana does before it sends it."""

import re
from collections.abc import Mapping

from tests.influx import query

Values = list[str] | str
"""The chosen values, or the text that stands for "all" and is used as it is."""

USED = re.compile(r"\$\{(\w+):regex\}")


def interpolated(text: str, now_ms: int, choice: Mapping[str, Values] | None = None, interval: str = "1m") -> str:
    """``text`` with time range, interval and variables in place. The range begins inside an interval, as it does."""
    begin_ms = now_ms - 24 * 3_600_000
    text = text.replace("$timeFilter", f"time >= {begin_ms}ms and time <= {now_ms}ms")
    text = text.replace("$__interval", interval).replace("$__rate_interval", "5m")
    return USED.sub(lambda match: _regex((choice or {})[match[1]]), text)


def choose(variables: list[dict[str, object]], url: str, now_ms: int, wanted: Mapping[str, list[str]]) -> dict[str, Values]:
    """The variables of a dashboard in order, each asked after those before it; "all" where nothing is wanted."""
    choice: dict[str, Values] = {}
    for variable in variables:
        found = [str(row["value"]) for row in query(url, "iot", interpolated(str(variable["query"]), now_ms, choice))]
        name = str(variable["name"])
        if name in wanted:
            assert set(wanted[name]) <= set(found), (name, found)
            choice[name] = wanted[name]
        else:
            choice[name] = str(variable["allValue"]) if "allValue" in variable else found
    return choice


def _regex(values: Values) -> str:
    if isinstance(values, str):
        return values
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", lambda match: "\\" + match[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
