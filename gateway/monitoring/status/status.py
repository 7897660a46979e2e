"""The gateway's status at this moment: for pages, metrics and the point that it writes about itself."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict

from gateway import __version__
from gateway.core.batching.batch import Acknowledger
from gateway.core.batching.catch_up import Progress
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.rates import Rates
from gateway.core.evaluate import Evaluator
from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.waits import Waits
from gateway.core.ledger import Ledger
from gateway.core.status.history import Filling, History
from gateway.core.status.silence import Presence
from gateway.core.status.verdict import (
    Finding,
    Fleet,
    of_alarms,
    of_certificates,
    of_data,
    of_devices,
    of_room,
    of_stores,
    worst_first,
)
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.events import Events
from gateway.ingest.storage.journal import JournalUse
from gateway.ingest.storage.recovery.tally import Tally
from gateway.ingest.storage.settlement import QuarantineAccount
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.status import troubles
from gateway.monitoring.status.known_devices import DeviceVerdicts, KnownDevices
from gateway.support.clock import WallClock
from gateway.support.commit import running_commit
from gateway.support.config.model import Config
from gateway.support.registry.shares import ManagementSection

_DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class JournalState:
    """The journal's contents, measured every few seconds.

    :ivar room_bytes: growth up to a limit, its own or that of the disk; None before the first measurement.
    """

    tally: Tally
    progress: Progress
    used_bytes: int = 0
    batches: int = 0
    oldest_ms: int | None = None
    rejects: Mapping[str, int] = field(default_factory=dict)
    room_bytes: int | None = None
    free_bytes: int | None = None
    filling: Filling = field(default_factory=Filling)

    def note(self, stock: JournalUse, used_bytes: int) -> None:
        """Store a measurement."""
        self.used_bytes, self.batches, self.oldest_ms = used_bytes, stock.batches, stock.oldest_ms

    def note_room(self, now_s: float, room_bytes: int, free_bytes: int) -> None:
        """Store the room that is left."""
        self.room_bytes, self.free_bytes = room_bytes, free_bytes
        self.filling.note(now_s, self.used_bytes)

    def seconds_to_full(self) -> float | None:
        """Seconds until there is no room, at the pace of the last minutes, 0 if there is none; None while it does not grow."""
        if self.room_bytes is None:
            return None
        return self.filling.seconds_left(self.room_bytes) if self.room_bytes > 0 else 0.0

    def oldest_s(self, now_ms: int) -> float:
        """Age of the oldest batch; 0 if there is none."""
        return 0.0 if self.oldest_ms is None else max(0, now_ms - self.oldest_ms) / 1000


def standby_document(standby: Standby) -> dict[str, object]:
    """``standby`` of ``/api/status``."""
    return {
        "machine": standby.name,
        "role": standby.role.value,
        "term": standby.term,
        "others": {name: partner.role.value for name, partner in sorted(standby.partners.items())},
        "awaited_journals": standby.awaited_journals,
    }


class CatchUp(TypedDict):
    """``catch_up`` of ``/api/status``.

    :ivar readings_in: readings written since the journal was last empty.
    :ivar per_s: None while unknown, for example while InfluxDB is away.
    :ivar since: the time at which the oldest waiting reading was stored, in ms; measured every few seconds.
    """

    readings_left: int
    readings_in: int
    per_s: float | None
    seconds_left: float | None
    since: int | None


@dataclass(slots=True)
class Status:
    """References to the parts whose state is shown.

    :ivar certificates: the setting that names them → their end, in ms.
    :ivar day_completeness: domain → the share of the readings of the newest closed day that arrived; empty before the first.
    :ivar standby: this machine in its pair; None: it stands alone.
    :ivar management: the broker's HTTP API, by which gateways that share sites out are watched; None: nobody asks it.
    """

    config: Config
    evaluator: Evaluator
    acknowledger: Acknowledger
    ledger: Ledger
    events: Events
    codecs: AsyncCodecs
    quarantine: QuarantineAccount
    journal: JournalState
    devices: KnownDevices
    verdicts: DeviceVerdicts
    alarms: AlarmKeeper
    clock: WallClock
    link: LinkBudget
    certificates: dict[str, int] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)
    history: History = field(default_factory=History)
    day_completeness: Mapping[str, float] = field(default_factory=dict)
    standby: Standby | None = None
    waits: Waits = field(default_factory=Waits)
    management: ManagementSection | None = None

    @property
    def stands_by(self) -> bool:
        """True while another machine is to hear the devices in its place."""
        return self.standby is not None and self.standby.role is PairRole.PASSIVE

    def not_ready(self) -> str:
        """The reason why readings cannot be made durable now; empty if they can."""
        if self.events.influxdb_up or not self.events.journal_trouble:
            return ""
        return f"InfluxDB: {self.events.influxdb_trouble or 'not tried yet'}; journal: {self.events.journal_trouble}"

    def troubles(self) -> list[Finding]:
        """Findings about the gateway itself and what it is connected to."""
        events, evaluator = self.events, self.evaluator
        now_ms = self.clock.now_ms()
        jumps = evaluator.unit_jumps.told(now_ms)
        return [
            *troubles.of_connections(events),
            *troubles.of_port(events.open_port),
            *troubles.of_session(events.session, now_ms, shared=self.config.mqtt.shares is not None),
            *troubles.of_pair(self.standby, self.waits.told, time.monotonic()),
            *troubles.of_members(self.devices.silence.membership, events, now_ms),
            *troubles.of_moves(self.waits.told),
            *troubles.of_the_way(events, now_ms),
            *troubles.of_secrets(self.config, self.management),
            *troubles.of_disk(events),
            *troubles.of_receivers(self.alarms.events, now_ms),
            *troubles.of_losses(self.journal.tally),
            *troubles.of_codecs(self.codecs),
            *troubles.of_senders(events.floods, jumps),
            *troubles.of_strangers(events, self.config.limits.devices, time.monotonic()),
            *troubles.of_itself(events, clock_doubted=evaluator.trust.doubted, imbalance=self.ledger.imbalance),
        ]

    def findings(self, fleet: Fleet) -> list[Finding]:
        """Everything that people should know: troubles, silence, clocks, rejects and losses, stores that fill."""
        config, events = self.config, self.events
        rejects = events.rejects_lately.counts(time.monotonic())
        found = self.troubles()
        if not self.stands_by:  # it hears no device, and its alarms are those of the live machine, which tells them
            found += of_alarms(*self.alarms.weigh())
            found += of_devices(fleet, self.history.silent_a_day_ago(self.clock.now_ms()))
        found += of_certificates(self.certificate_days())
        found += of_data(rejects, events.quarantine.lost, self.ledger.total("expired"))
        found += of_stores(
            journal=(self.journal.used_bytes, config.journal.max_bytes),
            quarantine=(self.quarantine.stock.bytes, config.devices.quarantine_max_bytes),
        )
        found += of_room(self.seconds_to_full(), self.journal.free_bytes, config.journal.min_free_bytes)
        return worst_first(found)

    def certificate_days(self) -> dict[str, float]:
        """Days until certificates end, below 0 after that, by the setting that names them."""
        now_ms = self.clock.now_ms()
        return {which: (end_ms - now_ms) / _DAY_MS for which, end_ms in self.certificates.items()}

    def seconds_to_full(self) -> float | None:
        """Seconds until the journal has no room, 0 if it has none; None unless readings wait that InfluxDB does not take."""
        left = self.journal.seconds_to_full()
        return None if left and (self.events.influxdb_up or not self.ledger.pending["journal"]) else left

    def catch_up(self) -> CatchUp | None:
        """The backlog in the journal and its progress; None if there is none."""
        left = self.ledger.backlog
        if not left:
            return None
        per_s = self.journal.progress.per_s(time.monotonic()) if self.events.influxdb_up else None
        return {
            "readings_left": left,
            "readings_in": self.journal.progress.brought_in,
            "per_s": per_s,
            "seconds_left": left / per_s if per_s else None,
            "since": self.journal.oldest_ms,
        }

    def document(self, fleet: Fleet) -> dict[str, object]:
        """``/api/status`` without its sentences."""
        total = fleet.total
        return {
            "version": __version__,
            "commit": running_commit(),
            "gateway": self.config.mqtt.client_id,
            "since": self.ledger.since_ms,
            "now": self.clock.now_ms(),
            "ready": not self.not_ready(),
            "mqtt": {
                "connected": self.events.mqtt_connected,
                "url": self.events.mqtt_url or self.config.mqtt.url,
                "unacknowledged": self.acknowledger.owed,
            },
            "standby": None if self.standby is None else standby_document(self.standby),
            "influxdb": {
                "up": self.events.influxdb_up,
                "url": self.config.influxdb.url,
                "read_url": self.config.influxdb.asked_url,
                "bucket": self.config.influxdb.bucket,
            },
            "journal": {
                "bytes": self.journal.used_bytes,
                "batches": self.journal.batches,
                "max_bytes": self.config.journal.max_bytes,
                "room_bytes": self.journal.room_bytes,
                "seconds_to_full": self.seconds_to_full(),
                "oldest_s": self.journal.oldest_s(self.clock.now_ms()),
                "missing": self.journal.tally.missing,
                "missing_since": self.journal.tally.since_ms or None,
            },
            "catch_up": self.catch_up(),
            "link": {
                "bytes": self.link.total_bytes,
                "bytes_per_s": round(self.link.per_s(time.monotonic())),
                "max_bytes_per_s": self.link.max_bytes_per_s,
            },
            "codecs": {
                "suspended": self.codecs.suspended,
                "trouble": self.codecs.refused or self.codecs.trouble,
                "restarts": self.codecs.restarts,
                "pending": self.codecs.pending,
                "confinement": self.codecs.unprotected,
            },
            "clock_trusted": not self.evaluator.trust.doubted,
            "messages": self.events.messages_received,
            "rates": self.rates.document(),
            "ledger": self.ledger.document(),
            "written": dict(self.ledger.outcomes["written"]),
            "rejects": dict(self.events.rejects),
            "rejects_kept": dict(self.journal.rejects),
            "dropped": {cause.value: count for cause, count in self.events.fields_dropped.items()},
            "ignored": {cause.value: count for cause, count in self.events.messages_ignored.items()},
            "devices": {presence.value: total[presence] for presence in Presence},
            "unregistered": fleet.unregistered,
        }
