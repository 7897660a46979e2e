"""Queries of a database's contents, sent to the database itself."""

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.waiting import PATIENCE_S

InfluxRow = dict[str, Any]


def query(url: str, db: str, q: str) -> list[InfluxRow]:
    """The rows of an InfluxQL query, columns and GROUP BY tags by name, ``time`` in ms. Raises on an InfluxQL error."""
    answer = json.loads(_post(url, "/query", {"db": db, "q": q, "epoch": "ms"}))
    rows = []
    for result in answer["results"]:
        assert "error" not in result, result["error"]
        for series in result.get("series", ()):
            tags = series.get("tags", {})
            rows += [tags | dict(zip(series["columns"], values, strict=True)) for values in series.get("values", ())]
    return rows


def exported(url: str, match: str) -> list[InfluxRow]:
    """The series of VictoriaMetrics that match, each with ``metric``, ``values`` and ``timestamps`` (ms)."""
    _post(url, "/internal/force_flush", {})
    return [json.loads(line) for line in _post(url, "/api/v1/export", {"match[]": match}).splitlines()]


def _post(url: str, path: str, form: dict[str, str]) -> bytes:
    address = urlsplit(url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        body = response.read()
        assert response.status in {200, 204}, (response.status, body)
        return body
