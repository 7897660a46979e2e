"""The points of one database as lines, and lines into another."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from tests.influx import query

WRITTEN: Final[Mapping[str, str]] = {"float": "{!r}", "integer": "{}i"}
"""Type of a field → how a number of it is written."""
LINES_TOGETHER: Final = 5_000
_ANSWER_WITHIN_S: Final = 60.0


def stored(url: str, end_ms: int) -> Iterator[str]:
    """Yield all points of an InfluxDB as lines."""
    for measurement in (row["name"] for row in query(url, "iot", "SHOW MEASUREMENTS")):
        types = {row["fieldKey"]: row["fieldType"] for row in query(url, "iot", f'SHOW FIELD KEYS FROM "{measurement}"')}
        for row in query(url, "iot", f'SELECT * FROM "{measurement}" WHERE time <= {end_ms}ms GROUP BY *'):  # noqa: S608
            tags = [f"{key}={_quoted(text)}" for key, text in row.items() if key not in types and key != "time" and text]
            fields = [f"{key}={_written(row[key], types[key])}" for key in types if row[key] is not None]
            yield f"{','.join([measurement, *tags])} {','.join(fields)} {row['time']}"


def _quoted(tag: str) -> str:
    return re.sub(r"([ ,=])", r"\\\1", tag)


def _written(value: object, kind: str) -> str:
    return WRITTEN[kind].format(value) if kind in WRITTEN else json.dumps(value)


def fill(url: str, lines: Iterable[str]) -> None:
    """Write points into an InfluxDB 1 or a VictoriaMetrics."""
    rest = iter(lines)
    while some := list(islice(rest, LINES_TOGETHER)):
        sent(url, "/write?db=iot&precision=ms", "\n".join(some))


def sent(url: str, target: str, body: str) -> None:
    """Post a text; AssertionError if it is refused."""
    address = urlsplit(url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=_ANSWER_WITHIN_S)) as connection:
        connection.request("POST", target, body.encode())
        response = connection.getresponse()
        said = response.read()
    assert response.status in {200, 204}, (response.status, said[:500])
