"""Choices at the head of a dashboard: all, one, several, and names that a careless query takes for an expression."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlencode, urlsplit

from tests.campaigns.grafana.boards import DATABASE, Board, Json
from tests.influx import query

Choice = str | list[str]

ALL: Final = "All"
TRIED_ON: Final = "water"
"""The dashboard that is judged with each case, beside all dashboards with all."""
CHOSEN_BY: Final = ("area", "site", "device")
PICTURED: Final = "water-meter"
"""In the name of the device that stands for all of them in pictures."""
ODD: Final = frozenset("./(")


@dataclass(frozen=True)
class Case:
    """A choice.

    :ivar name: of the case; empty: all.
    :ivar is_pictured: it is the one of which pictures are taken.
    :ivar is_measured: it is how people open the dashboard, and held against the bars.
    """

    name: str
    chosen: dict[str, Choice]
    is_pictured: bool = False
    is_measured: bool = False


class Values:
    """The values that tags have in a database."""

    def __init__(self, source: str, url: str, database: str = DATABASE) -> None:
        self._source, self._url, self._database = source, url, database

    def of(self, measurement: str, tag: str) -> list[str]:
        """All values of a tag in a measurement, in order."""
        if self._source == "influxdb":
            rows = query(self._url, self._database, f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"')
            return sorted({row["value"] for row in rows if row["value"]})
        match = urlencode({"match[]": f'{{__name__=~"{measurement}_.*"}}', "start": "-100y"})
        address = urlsplit(self._url)
        with closing(HTTPConnection(str(address.hostname), address.port, timeout=30)) as connection:
            connection.request("GET", f"/api/v1/label/{tag}/values?{match}")
            return sorted(json.loads(connection.getresponse().read())["data"])


def cases(board: Board, values: Values) -> Iterator[Case]:
    """Yield what is chosen on a dashboard, one after the other."""
    base = {one["name"]: choice for one in board.variables if (choice := _first(one)) is not None}
    if board.is_of_one_device:
        measurement = board.name.partition("-")[2] or "registry"  # device-water is about those of water
        for name in one_of_each_kind(values.of(measurement, "device")):
            yield Case(name, {**base, "device": name}, is_pictured=PICTURED in name, is_measured=True)
        return
    yield Case("", base, is_pictured=True, is_measured=True)
    if board.name == TRIED_ON:
        known = {tag: values.of(TRIED_ON, tag) for tag in CHOSEN_BY}
        yield Case("one", {**base, "area": [_plain(known["area"])[0]]})
        yield Case("several", {**base, "area": known["area"], "device": _plain(known["device"])[:5]})
        odd = {tag: [name for name in known[tag] if ODD & set(name)] for tag in CHOSEN_BY}
        if all(odd.values()):
            yield Case("names with . / (", {**base, **odd})


def _first(variable: Json) -> Choice | None:
    """All of what is asked for; of what has words of its own the last, which is "shown". None: as the dashboard has it."""
    if variable["type"] == "query":
        return ALL if variable.get("includeAll") else None
    if variable["type"] == "custom" and variable["name"] == "simulated":
        return str(variable["options"][-1]["value"])
    return None


def _plain(names: Sequence[str]) -> list[str]:
    return [name for name in names if not ODD & set(name)]


def one_of_each_kind(devices: Sequence[str]) -> list[str]:
    """One of the devices that differ in the number at the end alone."""
    return sorted({name.rpartition("-")[0]: name for name in _plain(devices)}.values())
