"""A gateway's period job on a real database, with a clock that is set: the gateway is built, and nothing else of it runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.ingest.database.store import Store, StoredSeries, TimeSpan
from gateway.ingest.storage.database import Database
from gateway.runtime.pipeline.build import Parts
from gateway.support.config.files import load
from gateway.support.config.model import Config
from tests.clocks import SetClock
from tests.core.making import message, topic
from tests.influx import exported, query
from tests.monitoring.reports.stores import Filled

SETTLED = 20 * 60_000
"""So long after its end an hour is closed in any case."""

Found = dict[str, dict[int, float]]
"""Device → beginning of a period → the newest value there."""


class _SimulatedClock(SetClock):
    """A clock that the database's date says nothing about."""

    is_real = False


@dataclass(frozen=True)
class ClosingRig:
    """A gateway in a folder."""

    folder: Path
    filled: Filled

    def config(self, devices: Sequence[Mapping[str, object]], zone: str) -> Config:
        """Write its configuration."""
        (self.folder / "devices.yaml").write_text(json.dumps({"devices": devices, "areas": {"north": "North"}}))
        return config_of(self.folder, self.filled.service.url, zone)

    def run(self, config: Config, at_ms: int, story: Callable[["Running"], Awaitable[None]]) -> None:
        """Run a gateway from a time on, as far as the story goes; a later run goes on from the same file."""
        with _opened(config.journal.path) as database:

            async def begun() -> None:
                clock = _SimulatedClock(at_ms)
                parts = Parts(config, database, clock)
                async with parts.delivery.destination:
                    await story(Running(self.filled, parts, clock))

            asyncio.run(begun())

    def newest(self, measurement: str, name: str, window: TimeSpan, devices: Sequence[str]) -> Found:
        """The newest value of a field by device and beginning of its period."""

        async def asked(store: Store) -> Found:
            found: Found = {}
            async for series, rows in store.rows(measurement, [name], window, devices):
                for time_ms, (value,) in rows:
                    if value is not None:
                        found.setdefault(_label(series), {})[time_ms // 900_000 * 900_000] = value
            return found

        self.filled.write([])
        return self.filled.ask(asked)

    def writings(self, measurement: str, name: str, window: TimeSpan, devices: Sequence[str]) -> dict[str, list[int]]:
        """All times of points, by device."""

        async def asked(store: Store) -> dict[str, list[int]]:
            found = store.rows(measurement, [name], window, devices)
            return {_label(series): [time_ms for time_ms, _ in rows] async for series, rows in found}

        self.filled.write([])
        return self.filled.ask(asked)

    def points(self, measurement: str, name: str) -> list[tuple[dict[str, str], int, float]]:
        """All points with a field: tags, time and value."""
        self.filled.write([])
        url = self.filled.service.url
        if self.filled.service.name == "influxdb":
            rows = query(url, "iot", f'SELECT "{name}" FROM "{measurement}" GROUP BY *')  # noqa: S608 - our own
            return [
                ({tag: row[tag] for tag in row if tag not in {"time", name} and row[tag]}, row["time"], row[name])
                for row in rows
            ]
        return [
            ({tag: text for tag, text in one["metric"].items() if tag not in {"__name__", "db"}}, time_ms, value)
            for one in exported(url, f"{measurement}_{name}")
            for time_ms, value in zip(one["timestamps"], one["values"], strict=True)
        ]


@dataclass(frozen=True)
class Running:
    """A gateway that was built."""

    filled: Filled
    parts: Parts
    clock: SetClock

    async def close(self, at_ms: int) -> None:
        """Let the job look at a time."""
        self.clock.at_ms = at_ms
        job = self.parts.closing.job
        if job.is_due():
            await job.close_ended()
            await job.save()

    def receive(self, device: str, reading: Mapping[str, object]) -> None:
        """Let the core process a reading, and write its point."""
        outcome = self.parts.processing.processor.process(message(dict(reading), topic(device, site="s")), self.clock.at_ms)
        assert not outcome.refusals
        self.filled.write(line for found in outcome.readings for line in found.lines.split("\n"))


def config_of(folder: Path, url: str, zone: str) -> Config:
    """Write the configuration of a gateway whose registry stands in the same folder."""
    document = {
        "influxdb": {"url": url, "api": "v1"},
        "journal": {"path": str(folder / "journal.db")},
        "devices": {"registry": str(folder / "devices.yaml")},
        "time": {"zone": zone},
    }
    file = folder / "gateway.yaml"
    file.write_text(json.dumps(document))
    return load(file)


def _label(series: StoredSeries) -> str:
    return f"{series.device} {series.channel}".strip()


@contextmanager
def _opened(path: Path) -> Iterator[Database]:
    database = Database(path)
    database.open()
    try:
        yield database
    finally:
        database.close()
