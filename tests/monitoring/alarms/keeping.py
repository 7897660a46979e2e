"""Parts of the tests of alarms outside the core: a keeper on a file, with an engine and a clock that a test sets."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.core.alarms.rules import Rule
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import PlannedWork
from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.folding import posts
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.outbox import INFLUXDB, WEBHOOK
from tests.clocks import SetClock
from tests.core.alarms.alarming import Bed, above, registered, rule
from tests.core.making import HOUR_MS, NOW_MS

HOT = rule(above("temperature_c", 30.0), name="hot")
COLD_C, HOT_C = 20.0, 40.0


class Kept:
    """One run of a gateway, as far as its alarms go."""

    def __init__(self, file: Database, *rules: Rule, at_ms: int = NOW_MS, follows: bool = False) -> None:
        self.file = file
        self.bed = Bed(*(rules or (HOT,)))
        self.clock = SetClock(at_ms)
        self.keeper = AlarmKeeper(self.bed.alarms, file, self.clock, has_webhook=True, follows=follows)
        self.registry = {"d1": registered("d1")}
        self.bed.device("d1", self.registry["d1"])
        self.keeper.load(self.registry)

    def send(self, after_ms: int, temperature_c: float, device: str = "d1") -> None:
        """Send a reading, and commit what comes of it."""
        self.clock.at_ms = NOW_MS + after_ms
        self.bed.push(NOW_MS + after_ms, {"temperature_c": temperature_c}, device)
        self.commit()

    def commit(self) -> None:
        """Commit what changed."""
        asyncio.run(self.keeper.commit())

    def plan(self, for_ms: int = HOUR_MS, *, site: str = "", device: str = "") -> int:
        """Plan work from now on."""
        now_ms = self.clock.now_ms()
        return asyncio.run(self.keeper.plan(PlannedWork(now_ms, now_ms + for_ms, "Lan", "a new pump", site, device)))

    def end_work(self, number: int) -> bool:
        """End planned work."""
        return asyncio.run(self.keeper.end_work(number))

    def acknowledge(self, name: str, note: str = "") -> bool:
        """Acknowledge an alarm."""
        return asyncio.run(self.keeper.acknowledge(name, "Lan", note))

    @property
    def active(self) -> list[str]:
        """The ids of the active alarms."""
        return [state.key.id for state in self.keeper.active()]

    @property
    def told(self) -> list[str]:
        """All that waits for the webhook: ``raised hot@d1``."""
        return [f"{document['change']} {document['id']}" for document in self.notices()]

    def notices(self) -> list[dict[str, Any]]:
        """The documents that wait for the webhook, of a folded notice both."""
        return [json.loads(body) for notice in self.keeper.outbox.first(WEBHOOK, 100_000) for body, _ in posts(notice.body)]

    @property
    def points(self) -> list[str]:
        """The points that wait for InfluxDB."""
        return [notice.body for notice in self.keeper.outbox.first(INFLUXDB, 100_000)]

    @property
    def history(self) -> list[str]:
        """The history on disk, the oldest first."""
        return [f"{change.change} {change.key.id}" for _, change in reversed(self.file.run_here(stored.history))]


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    """The file of a gateway."""
    file = Database(folder / "journal.db")
    file.open()
    try:
        yield file
    finally:
        file.close()
