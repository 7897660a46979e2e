"""The parts of a gateway that write to its file, joined as the pipeline joins them, and what the file holds.

Broker and InfluxDB are lists here: what was acknowledged, and what was posted.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from gzip import decompress
from typing import Any

from mqtt5 import RetainHandling

from gateway.core.batching.batch import Body
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.core.message import Message, Outcome, QuarantinedMessage, Reading, Refusal, WaitCause
from gateway.core.readings.counters import CounterState
from gateway.ingest.delivery.backlog import BoundedJournal
from gateway.ingest.events import Events
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.ingest.replay import work
from gateway.ingest.storage import journal, keyvalue, quarantine
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import DeviceMemory
from gateway.ingest.storage.device_snapshots import DeviceSnapshots
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine import QuarantineRow
from gateway.ingest.storage.quarantine_lanes import QuarantineIn, QuarantineOut, ReleasedKeys
from gateway.ingest.storage.settlement import Limits, QuarantineAccount, Replayed
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection
from schemas.quantities import GROWTH
from schemas.rejects import RejectReason
from tests.core.alarms.alarming import Bed
from tests.ingest.delivery.far_broker import FarBroker
from tests.ingest.delivery.joined import JoinedLanes
from tests.stored_rejects import stored_rejects

NOW_MS = 1_793_491_200_250


def readings(*values: float) -> list[Reading]:
    """Readings of a meter that say nothing but these."""
    return [Reading(f"water,device=m1 ph={value} {NOW_MS}", "water") for value in values]


def refusal(number: int, payload: bytes = b"?") -> Refusal:
    """A message without data."""
    return Refusal(RejectReason.BAD_JSON, "not JSON", f"t/r{number}", payload, "decode", NOW_MS, f"r{number}", "water")


def waiting(number: int, key: str = "q1", payload: bytes = b"?") -> QuarantinedMessage:
    """A message of a device that is not registered."""
    return QuarantinedMessage(
        WaitCause.UNKNOWN_DEVICE, key, None, f"t/{key}/{number}", payload, retain=False, arrival_ms=NOW_MS + number
    )


@dataclass(slots=True)
class InfluxDB:
    """A server that notes the moment at which each line was first posted; absent until it is ``up``."""

    moment: Callable[[], int]
    up: bool = False
    lines: dict[str, int] = field(default_factory=dict)
    link: LinkBudget = field(default_factory=LinkBudget)

    async def write(self, gzip: bytes) -> Answer:
        """Post a body."""
        if not self.up:
            return Answer(503)
        for line in decompress(gzip).decode().splitlines():
            self.lines.setdefault(line, self.moment())
        return Answer(204)


class FileKeeper(FarBroker, JoinedLanes):
    """A gateway without its sockets. A loop is running and the file is open.

    :ivar acknowledged: messages that the broker need not keep any more, and at what moment it was told so.
    """

    def __init__(
        self,
        file: Database,
        *,
        quarantine_max_bytes: int = 2**20,
        rejects_max_bytes: int = 2**20,
        moment: Callable[[], int] = lambda: 0,
    ) -> None:
        """:param moment: how much was done to the disk so far."""
        self.file, self.influxdb = file, InfluxDB(moment)
        store = BoundedJournal(file, JournalSection(max_bytes=2**20, min_free_bytes=0), WallClock())
        super().__init__(self.influxdb, store, self, rejects_max_bytes=rejects_max_bytes)
        self._moment = moment
        self.acknowledged: dict[int, int] = {}
        self.memory = DeviceMemory(self.events, WallClock())
        self.streams = Streams(memory=self.memory)
        self.devices = self.streams.devices
        self._next_packet_id = 1
        self.account, self.released = QuarantineAccount(self.ledger, self.events), ReleasedKeys(WallClock())
        limits, queue = Limits(rejects_max_bytes, quarantine_max_bytes), self.queue
        self.quarantine_in = QuarantineIn(
            file, self.account, self.released, queue.release, lambda: queue.under_pressure, limits
        )
        way_in = (file, self.account, self.released, self.quarantine_in)
        self.quarantine_out = QuarantineOut(
            *way_in, self.rejects, self.backlog.grew, limits, WallClock(), _work, self.backlog.has_room
        )
        self.births = KeptValueWriter(file, self.queue.release)
        self.subscriptions = Subscriptions(file, self.subscribe, {"a/#": RetainHandling.SEND_ALWAYS})
        self.device_snapshots = DeviceSnapshots(file, self.events, self.streams, self.memory, Bed().alarms, 10_000, WallClock())
        self.breaker.open(Answer(503))

    def find_backlog(self) -> None:
        """Find the backlog that the file holds from before."""
        stock = self.store.stock()
        self.ledger.receive(stock.readings, "journal", "journal")
        self.backlog.grew.set()
        self.quarantine_in.find_stock()
        self.device_snapshots.load()

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """The tasks that run side by side."""
        return {
            "live lane": self.live_lane.run(),
            "spool": self.spool.run(),
            "rejects": self.reject_writer.run(),
            "drain lane": self.drain_lane.run(),
            "quarantine in": self.quarantine_in.run(),
            "quarantine out": self.quarantine_out.run(),
            "births": self.births.run(),
            "subscriptions": self.subscriptions.run(),
        }

    def message(
        self,
        *,
        good: Sequence[Reading] = (),
        bad: Sequence[Refusal] = (),
        wait: Sequence[QuarantinedMessage] = (),
        births: dict[str, str | None] | None = None,
    ) -> int:
        """A message comes from the broker; its identifier."""
        outcome = Outcome("water")
        outcome.readings, outcome.refusals = list(good), list(bad)
        batch = self.queue.add(outcome, asyncio.get_running_loop().time())
        if wait:
            self.queue.add_quarantined(batch, list(wait))
            self.quarantine_in.keep(batch, list(wait))
        if births:
            self.births.save(births, batch)
        packet_id, self._next_packet_id = self._next_packet_id, self._next_packet_id + 1
        self.acknowledger.owe(batch, packet_id, packet_id)
        self.live_lane.pump()
        return packet_id

    def acknowledge(self, packet_ids: list[int]) -> None:
        """As the broker."""
        self.acknowledged.update(dict.fromkeys(packet_ids, self._moment()))

    def resume_reading(self) -> None:
        """As the broker, which is never asked to rest."""

    def subscribe(self, wanted: dict[str, RetainHandling], stale: list[str]) -> None:
        """As the broker."""

    def hear(self, name: str, value: float) -> None:
        """A device sends a reading of its counter; that is remembered of it."""
        device = self.devices.setdefault(name, Device(name, None))
        device.last_seen_ms = NOW_MS
        device.counters = device.counters or CounterState()
        device.counters.judge("volume_m3", GROWTH["volume_m3"], value, NOW_MS)


async def _as_reading(message: Message, arrival_ms: int) -> Outcome:
    """A pipeline in which what waited is a reading once it may come again."""
    outcome = Outcome("water")
    outcome.readings = [Reading(f"water,device={message.topic} ph=7 {arrival_ms}", "water")]
    return outcome


async def _work(rows: list[QuarantineRow]) -> Replayed:
    return await work(rows, _as_reading)


@dataclass(frozen=True, slots=True)
class Contents:
    """All that the file keeps for us, read as the gateway reads it."""

    journal: dict[int, Body]
    rejects: dict[int, Refusal]
    quarantine: dict[int, QuarantinedMessage]
    kept: dict[str, str]
    devices: dict[str, str]


def contents(file: Database) -> Contents:
    """Read it; everything must be intact."""
    entries = file.run_here(journal.everything, most=10_000)
    assert all(entry.intact for entry in entries)
    waits: dict[int, QuarantinedMessage] = {}
    for key in file.run_here(quarantine.keys):
        rows = file.run_here(quarantine.select_key, key.key, most=10_000)
        assert len(rows) == key.messages, "what is counted of the quarantine is not what it holds"
        waits |= {number: message for _, (number, message) in rows if message}
    assert len(waits) == file.run_here(quarantine.stock).messages
    memory = DeviceMemory(Events(), WallClock())
    DeviceSnapshots(file, Events(), Streams(), memory, Bed().alarms, 10_000, WallClock()).load()
    return Contents(
        {entry.row: entry.body for entry in entries},
        dict(file.run_here(stored_rejects)),
        waits,
        file.run_here(keyvalue.get_prefix, ""),
        dict(memory.lines),
    )


def missing(file: Database) -> int:
    """Readings that a gateway that starts on this file would call lost."""
    BoundedJournal(file, JournalSection(), WallClock()).stock()
    return file.tally.give_up(NOW_MS)


def settings(file: Database) -> tuple[int, int, str]:
    """Bytes of a page, whether freed pages can be given back (2), and how commits are made durable."""
    query = "SELECT * FROM pragma_page_size, pragma_auto_vacuum, pragma_journal_mode"
    found: tuple[int, int, str] = file.run_here(lambda connection: connection.execute(query).fetchone())
    return found
