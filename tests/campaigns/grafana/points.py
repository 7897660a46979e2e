"""The points of one database as lines, and lines into another."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.influx import query

Value = bool | int | float | str

LINES_TOGETHER = 5_000
_ANSWER_WITHIN_S = 60.0


class Point(NamedTuple):
    """A point of InfluxDB."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, Value]
    time_ms: int

    @property
    def line(self) -> str:
        """It in InfluxDB's line protocol."""
        head = ",".join([self.measurement, *(f"{key}={_quoted(text)}" for key, text in self.tags.items())])
        return f"{head} {','.join(f'{key}={_written(value)}' for key, value in self.fields.items())} {self.time_ms}"


def _quoted(tag: str) -> str:
    return re.sub(r"([ ,=])", r"\\\1", tag)


def _written(value: Value) -> str:
    if isinstance(value, float):
        return repr(value)
    return f"{value}i" if isinstance(value, int) and not isinstance(value, bool) else json.dumps(value)


def points(url: str, end_ms: int) -> Iterator[Point]:
    """Yield all points of an InfluxDB."""
    for measurement in (row["name"] for row in query(url, "iot", "SHOW MEASUREMENTS")):
        types = {row["fieldKey"]: row["fieldType"] for row in query(url, "iot", f'SHOW FIELD KEYS FROM "{measurement}"')}
        for row in query(url, "iot", f'SELECT * FROM "{measurement}" WHERE time <= {end_ms}ms GROUP BY *'):  # noqa: S608
            tags = {key: text for key, text in row.items() if key not in types and key != "time" and text}
            fields = {key: float(row[key]) if types[key] == "float" else row[key] for key in types if row[key] is not None}
            yield Point(measurement, tags, fields, row["time"])


def fill(url: str, lines: Iterable[str], database: str = "iot") -> None:
    """Write points into an InfluxDB 1 or a VictoriaMetrics."""
    rest = iter(lines)
    while some := list(islice(rest, LINES_TOGETHER)):
        sent(url, f"/write?db={database}&precision=ms", "\n".join(some))


def sent(url: str, target: str, body: str) -> None:
    """Post a text; AssertionError if it is refused."""
    address = urlsplit(url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=_ANSWER_WITHIN_S)) as connection:
        connection.request("POST", target, body.encode())
        response = connection.getresponse()
        said = response.read()
    assert response.status in {200, 204}, (response.status, said[:500])
