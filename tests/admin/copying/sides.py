"""Databases on both sides of a copy: filled with points of every kind, and read without the gateway's own readers."""

import math
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from gateway.support.config.model import Influxdb, RollupsPlace
from tests.influx import exported, query

DAY = 86_400_000
HOUR = 3_600_000
START = 1_790_000_000_000 // DAY * DAY
DEDUP = ("-retentionPeriod=100y", "-dedup.minScrapeInterval=1ms")

Value = float | bool | str
StoredSeriesPoint = tuple[str, tuple[tuple[str, str], ...], int]
Contents = dict[StoredSeriesPoint, dict[str, Value]]
"""Measurement, tags and time → fields."""


class CopySide(NamedTuple):
    """A database."""

    service: Service
    database: str = "iot"

    @property
    def config(self) -> Influxdb:
        """The settings that lead to it."""
        return Influxdb(url=self.service.url, api="v1", bucket=self.database)

    @property
    def is_influxdb(self) -> bool:
        """Tell if it is InfluxDB 1."""
        return self.service.name == "influxdb"

    def write(self, lines: Iterable[str]) -> None:
        """Write points, and return when they can be asked for."""
        self.post(f"/write?db={self.database}&precision=ms", "\n".join(lines).encode())
        if not self.is_influxdb:
            self.post("/internal/force_flush", b"")

    def post(self, path: str, body: bytes) -> None:
        """Post something."""
        request = urllib.request.Request(f"{self.service.url}{path}", body)  # noqa: S310 - our own service
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            assert response.status in {200, 204}

    def contents(self, measurements: Iterable[str]) -> Contents:
        """All that stands in it, without texts where it has none."""
        found: Contents = {}
        for measurement in measurements:
            for tags, time_ms, field, value in self._values(measurement):
                found.setdefault((measurement, tuple(sorted(tags.items())), time_ms), {})[field] = value
        return found

    def _values(self, measurement: str) -> Iterator[tuple[Mapping[str, str], int, str, Value]]:
        if self.is_influxdb:
            names = {row["fieldKey"] for row in query(self.service.url, self.database, f'SHOW FIELD KEYS FROM "{measurement}"')}
            for row in query(self.service.url, self.database, f'SELECT * FROM "{measurement}" GROUP BY *'):  # noqa: S608
                tags = {key: text for key, text in row.items() if key not in names and key != "time" and text}
                yield from ((tags, row["time"], key, row[key]) for key in names if row.get(key) is not None)
            return
        for one in exported(self.service.url, f'{{__name__=~"{measurement}_[a-z0-9_]+"}}'):
            field = one["metric"]["__name__"].removeprefix(f"{measurement}_")
            if field.startswith("area_"):  # of hourly_area, which is another measurement
                continue
            tags = {key: text for key, text in one["metric"].items() if key not in {"__name__", "db"}}
            yield from ((tags, at, field, value) for at, value in zip(one["timestamps"], one["values"], strict=True))


def lines_of_every_kind(days: int = 3, devices: int = 4, start_ms: int = START) -> list[str]:
    """Points as a gateway writes them: numbers, states, whole numbers and texts, of readings, roll-ups and itself."""
    lines = []
    for hour in range(24 * days):
        at = start_ms + hour * HOUR
        for number in range(devices):
            tags = f"area=north,device=wm-{number},site=ward-1"
            volume, flow = round(100 + hour * 0.1 + number / 3, 3), round(math.sin(hour), 4)
            counted = f"volume_m3={volume!r},volume_sum_m3={volume!r},flow_m3_h={flow!r}"
            lines += [
                f"water,{tags} {counted},alarm_leak={hour % 5 == 0},quality={hour % 2 * 8}i,seq={hour}i {at + number}",
                f"device_health,{tags} up=true,silence_s=1.5,seq_missing=0.0 {at}",
                f"hourly,{tags} volume_used_m3={0.1 + number!r} {at}",
                f"hourly_area,area=north,domain=water volume_used_m3={0.4 + hour!r},devices={float(devices)!r} {at}",
            ]
        lines.append(f'gateway,gateway=gateway-1 clock=true,journal=0.0,pending=0.0,version="0.1.0" {at}')
    for day in range(days):
        at = start_ms + day * DAY - 7 * HOUR
        lines += [
            f"completeness,device=wm-0,domain=water,site=ward-1 expected=96.0,missing=1.0 {at}",
            f"balance,device=bulk,domain=water,step=day in=12.5,out=11.0 {at}",
            f"daily,area=north,device=wm-0,site=ward-1 volume_used_m3={2.4 + day!r} {at}",
            f"alarm,alarm=leak,device=wm-0,severity=warning,site=ward-1 active=true,since_ms={float(at)!r},value=0.2 {at}",
            f"event,device=wm-0,kind=exchange value=1.0 {at}",
            rf"registry,area=north,area_name=Phường\ Bến\ Nghé\,\ Quận\ 1,device=wm-0 lat=10.77,lon=106.7,value=1.0 {at}",
        ]
    return lines


KINDS = (
    "water",
    "device_health",
    "hourly",
    "hourly_area",
    "gateway",
    "completeness",
    "balance",
    "daily",
    "alarm",
    "event",
    "registry",
)


@contextmanager
def side(name: str, folder: Path) -> Iterator[CopySide]:
    """An empty database in a folder."""
    folder.mkdir()
    service = services.influxdb(folder) if name == "influxdb" else services.victoria_metrics(folder, args=DEDUP)
    with service:
        yield CopySide(service)


def with_second(config: Influxdb, bucket: str) -> Influxdb:
    """The same with a second place for roll-ups."""
    return config.model_copy(update={"rollups": RollupsPlace(bucket=bucket)})


def as_numbers(contents: Contents) -> Contents:
    """The same as VictoriaMetrics would have it: states as numbers, no texts."""
    return {
        point: {name: float(value) for name, value in fields.items() if name != "version"} for point, fields in contents.items()
    }
