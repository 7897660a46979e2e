"""VictoriaMetrics: points put together from its export, and the question which database answers."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request

from firmware_sim.query import ANSWER_S, QUOTED, Influx, InfluxdbAccess, NotReachable, StoredPoint, opener_of
from schemas.quantities import QUANTITIES, Kind

_STATES: Final = frozenset(
    {name for rows in QUANTITIES.values() for name, row in rows.items() if row.kind is Kind.STATE}
    | {"up", "active", "acknowledged", "silenced"}
)
"""Fields that are true or false; VictoriaMetrics stores them as numbers."""
_OWN_LABELS: Final = ("__name__", "db")
_PROBE_MAX_BYTES: Final = 65536


class PointSource(Protocol):
    """A database that is asked for points."""

    def points(self, measurement: str, devices: Sequence[str], first_ms: int, last_ms: int) -> Iterator[StoredPoint]:
        """The points of ``devices`` from ``first_ms`` to ``last_ms``, both included; without devices of all.

        :raises NotReachable: when there is no answer or none to this.
        """


class VictoriaMetrics:
    """Asks VictoriaMetrics, where a field of a measurement is a metric: ``water_volume_m3``."""

    def __init__(self, database: InfluxdbAccess) -> None:
        self._database = database
        self._opener = opener_of(database)

    def points(self, measurement: str, devices: Sequence[str], first_ms: int, last_ms: int) -> Iterator[StoredPoint]:
        """The points of ``devices`` in a span of time; without devices of all."""
        found: dict[tuple[tuple[str, str], ...], dict[int, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
        for metric, times_ms, values in self._export(measurement, devices, first_ms, last_ms):
            name = metric["__name__"].removeprefix(f"{measurement}_")
            series = found[tuple(sorted(pair for pair in metric.items() if pair[0] not in _OWN_LABELS))]
            for time_ms, value in zip(times_ms, values, strict=True):
                series[time_ms][name] = bool(value) if name in _STATES else value
        for tags, times in found.items():
            for time_ms, fields in sorted(times.items()):
                yield StoredPoint(dict(tags), time_ms, fields)

    def _export(
        self, measurement: str, devices: Sequence[str], first_ms: int, last_ms: int
    ) -> Iterator[tuple[dict[str, str], list[int], list[float]]]:
        names = "|".join(re.escape(device).replace("\\", "\\\\") for device in devices)
        match = f'{{__name__=~"{measurement}_.+"' + (f',device=~"{names}"}}' if devices else "}")
        form = {"match[]": match, "start": f"{first_ms / 1000:.3f}", "end": f"{last_ms / 1000:.3f}"}
        request = Request(f"{self._database.url}/api/v1/export", urlencode(form).encode())  # noqa: S310 - the scheme was checked
        if self._database.authorization:
            request.add_header("Authorization", self._database.authorization)
        try:
            with self._opener.open(request, timeout=ANSWER_S) as response:
                for line in response:
                    row = json.loads(line)
                    yield row["metric"], row["timestamps"], row["values"]
        except HTTPError as error:
            body = error.read(QUOTED).decode(errors="replace").strip()
            raise NotReachable(f"{self._database.url} answers {error.code} to an export: {body}") from None
        except (OSError, HTTPException) as error:
            raise NotReachable(f"{self._database.url} does not answer: {getattr(error, 'reason', error)}") from None
        except (ValueError, KeyError, TypeError):
            raise NotReachable(f"{self._database.url} does not export as VictoriaMetrics does") from None


class AnyDatabase:
    """The database of an address, whichever it is: it is found out at the first question."""

    def __init__(self, database: InfluxdbAccess) -> None:
        self._database = database
        self._source: PointSource | None = None

    def points(self, measurement: str, devices: Sequence[str], first_ms: int, last_ms: int) -> Iterator[StoredPoint]:
        """The points of ``devices`` in a span of time; without devices of all."""
        if self._source is None:
            self._source = VictoriaMetrics(self._database) if self._is_victoria() else Influx(self._database)
        return self._source.points(measurement, devices, first_ms, last_ms)

    def _is_victoria(self) -> bool:
        """Ask what InfluxDB does not understand. Debian 12 has a VictoriaMetrics that tells no version of itself."""
        request = Request(f"{self._database.url}/api/v1/query?query=1")  # noqa: S310 - the scheme was checked
        if self._database.authorization:
            request.add_header("Authorization", self._database.authorization)
        try:
            with opener_of(self._database).open(request, timeout=ANSWER_S) as response:
                return bool(json.loads(response.read(_PROBE_MAX_BYTES))["status"] == "success")
        except HTTPError:
            return False
        except (OSError, HTTPException) as error:
            raise NotReachable(f"{self._database.url} does not answer: {getattr(error, 'reason', error)}") from None
        except (ValueError, KeyError, TypeError):
            return False
