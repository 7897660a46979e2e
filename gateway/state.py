"""What the gateway knows of itself at this moment: for pages, metrics and the point it writes about itself."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

from gateway import __version__
from gateway.codecs.caller import Codecs
from gateway.core.acknowledger import Acknowledger
from gateway.core.batching import Body, encode
from gateway.core.catch_up import Progress
from gateway.core.coverage import Coverage, Heard, coverage, is_reporting
from gateway.core.ledger import Ledger
from gateway.core.message import Reading
from gateway.core.points import escape_tag
from gateway.core.process import Processor
from gateway.core.streams import Device, Streams
from gateway.delivery.deliver import Delivery
from gateway.disk.journal import Stock
from gateway.disk.quarantine_keeper import Quarantine
from gateway.disk.replay import Committed, Replayed
from gateway.disk.tally import Tally
from gateway.events import Events
from gateway.settings.config import Config
from schemas.registry import RegisteredDevice


@dataclass(slots=True)
class JournalState:
    """What stands in the journal, measured now and then.

    :ivar tally: what of it is missing.
    """

    tally: Tally
    used_bytes: int = 0
    batches: int = 0
    oldest_ms: int | None = None

    def note(self, stock: Stock, used_bytes: int) -> None:
        """Take a measurement."""
        self.used_bytes, self.batches, self.oldest_ms = used_bytes, stock.batches, stock.oldest_ms

    def missing(self) -> str:
        """The alarm about missing readings, for people."""
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.tally.since_ms / 1000))
        return (
            f"{self.tally.missing} readings that {self.tally.database.name} should hold are lost, noticed {since}: see what "
            "became of the disk; `gateway journal acknowledge` ends this alarm"
        )

    @property
    def oldest_s(self) -> float:
        """Age of the oldest batch; 0 when there is none."""
        return 0.0 if self.oldest_ms is None else max(0.0, time.time() - self.oldest_ms / 1000)


class CatchUp(TypedDict):
    """``catch_up`` of ``/api/status``.

    :ivar readings_in: came in since the journal was last empty.
    :ivar per_s: None while that cannot be said, as while InfluxDB is away.
    :ivar since: when the oldest of those that wait was stored, in ms; looked at every few seconds.
    """

    readings_left: int
    readings_in: int
    per_s: float | None
    seconds_left: float | None
    since: int | None


@dataclass(slots=True)
class GatewayState:
    """References to all that can be asked.

    :ivar areas: code → name of each area, as the registry in force names them.
    """

    config: Config
    processor: Processor
    delivery: Delivery
    acknowledger: Acknowledger
    ledger: Ledger
    events: Events
    codecs: Codecs
    quarantine: Quarantine
    journal: JournalState
    areas: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)

    def find_backlog(self, stock: Stock, used_bytes: int) -> None:
        """What stands in the journal at the start was received by an earlier run, and is pending now."""
        self.ledger.receive(stock.readings, "journal", "journal")
        self.journal.note(stock, used_bytes)
        self.events.backlog_found(stock.readings)

    def salvaged(self, bodies: list[Body]) -> None:
        """Rows of a damaged journal stand in the new one now."""
        self.ledger.receive(sum(body.readings for body in bodies), "journal", "journal")

    def gone(self, readings: int) -> None:
        """Readings that an earlier run stored in the journal are lost; nobody can say of which domain they were."""
        self.ledger.receive(readings, "journal", "journal")
        self.ledger.settle("lost", {"unknown": readings} if readings else {}, "journal")

    def replayed(self, result: Replayed, done: Committed) -> None:
        """Rejects were sent through again: their readings are in the journal now, in quarantine, or at their end."""
        self.ledger.receive(result.received, "replay", "journal")
        self.ledger.settle("duplicate", result.duplicates, "journal")
        for refusal in result.refused:
            self.events.rejected(refusal, kept=True)
            self.ledger.settle("rejected", {refusal.domain: 1}, "journal")
        self.ledger.receive(len(result.waiting), "replay", "quarantine")
        self.ledger.settle("expired", done.made_room, "quarantine")

    def all_devices(self) -> Iterator[Device]:
        """Every device that was met, and every registered one that was not."""
        streams = self.processor.streams
        met = list(streams.devices.values())
        yield from met
        known = {id(device.registered) for device in met}
        for registered in _registered(streams):
            if id(registered) not in known:
                yield Device(registered.id, registered)

    def device_list(self) -> list[dict[str, object]]:
        """``/api/devices``: all of them, in order of name."""
        now_ms = time.time_ns() // 1_000_000
        return [device_document(device, now_ms) for device in sorted(self.all_devices(), key=lambda device: device.name)]

    def own_line(self) -> str:
        """The gateway's point about itself."""
        pending = sum(self.ledger.pending.values())
        trusted = not self.processor.trust.doubted
        journal = float(self.ledger.pending["journal"])
        fields = f'clock={trusted!r},journal={journal},pending={float(pending)},version="{__version__}"'
        return f"gateway,gateway={escape_tag(self.config.mqtt.client_id)} {fields} {time.time_ns() // 1_000_000}"

    def own_point(self) -> bytes:
        """The same, ready to post."""
        return encode([Reading(self.own_line(), "gateway")]).gzip

    def device_counts(self) -> dict[str, int]:
        """Devices by state: heard lately, silent (registered ones that were never heard too), and those not registered."""
        now_ms, streams = time.time_ns() // 1_000_000, self.processor.streams
        devices = streams.devices.values()
        online = sum(is_online(device, now_ms) for device in devices)
        unknown = sum(device.registered is None for device in devices)
        never = {id(device) for device in streams.registry.values()} - {id(device.registered) for device in devices}
        return {"online": online, "silent": len(devices) - online + len(never), "unknown": unknown}

    def coverage(self, now_ms: int) -> Coverage:
        """How much of the registry reports. With 20,000 devices it takes a while, and may be asked in another thread."""
        streams = self.processor.streams
        met = list(streams.devices.values())
        heard = {device.name: Heard(device.last_seen_ms) for device in met if device.last_seen_ms}
        return coverage(_registered(streams), heard, now_ms)

    def not_ready(self) -> str:
        """Why readings cannot be made durable now; empty when they can."""
        if self.events.influxdb_up or not self.events.journal_trouble:
            return ""
        return f"InfluxDB: {self.events.influxdb_trouble or 'not asked yet'}; journal: {self.events.journal_trouble}"

    def troubles(self) -> list[str]:
        """All that is wrong now, for people."""
        events, codecs = self.events, self.codecs
        found = [
            f"MQTT: {events.mqtt_trouble}" if not events.mqtt_connected else "",
            *[f"MQTT: subscription {pattern} refused: {why}" for pattern, why in events.refused_subscriptions.items()],
            f"InfluxDB: {events.influxdb_trouble}" if events.influxdb_trouble else "",
            f"journal: {events.journal_trouble}" if events.journal_trouble else "",
            f"journal: {events.damage_trouble}" if events.damage_trouble else "",
            f"journal: {self.journal.missing()}" if self.journal.tally.missing else "",
            f"quarantine: {events.quarantine_trouble}" if events.quarantine_trouble else "",
            f"no codec can be called: {codecs.trouble}" if codecs.trouble else "",
            *[f"codec {key} is suspended, its messages wait: it {why}; mend it" for key, why in codecs.suspended.items()],
            *[
                f"the registers of {jump.make} ({', '.join(jump.devices)} ...) show {jump.factor:g} times as much: a firmware "
                "that counts in another unit?"
                for jump in self.processor.judge.unit_jumps.told(time.time_ns() // 1_000_000)
            ],
            *[flood.describe() for flood in events.floods],
            "the gateway's clock is doubted" if self.processor.trust.doubted else "",
            f"ledger: {self.ledger.imbalance} readings unaccounted for" if self.ledger.imbalance else "",
        ]
        return [text for text in found + events.reload_trouble if text]

    def catch_up(self) -> CatchUp | None:
        """What waits in the journal and how it comes in; None: nothing waits."""
        left = self.ledger.pending["journal"]
        if not left:
            return None
        per_s = self.progress.per_s(time.monotonic()) if self.events.influxdb_up else None
        return {
            "readings_left": left,
            "readings_in": self.progress.brought_in,
            "per_s": per_s,
            "seconds_left": left / per_s if per_s else None,
            "since": self.journal.oldest_ms,
        }

    def document(self) -> dict[str, object]:
        """``/api/status``."""
        return {
            "version": __version__,
            "gateway": self.config.mqtt.client_id,
            "since": self.ledger.since_ms,
            "now": time.time_ns() // 1_000_000,
            "ready": not self.not_ready(),
            "troubles": self.troubles(),
            "mqtt": {
                "connected": self.events.mqtt_connected,
                "url": self.config.mqtt.url,
                "unacknowledged": self.acknowledger.owed,
            },
            "influxdb": {"up": self.events.influxdb_up, "url": self.config.influxdb.url, "bucket": self.config.influxdb.bucket},
            "journal": {
                "bytes": self.journal.used_bytes,
                "batches": self.journal.batches,
                "oldest_s": self.journal.oldest_s,
                "missing": self.journal.tally.missing,
                "missing_since": self.journal.tally.since_ms or None,
            },
            "catch_up": self.catch_up(),
            "codecs": {
                "suspended": self.codecs.suspended,
                "trouble": self.codecs.trouble,
                "restarts": self.codecs.restarts,
                "pending": self.codecs.pending,
            },
            "clock_trusted": not self.processor.trust.doubted,
            "messages": self.events.messages_received,
            "ledger": self.ledger.document(),
            "written": dict(self.ledger.outcomes["written"]),
            "rejects": dict(self.events.rejects),
            "dropped": {cause.value: count for cause, count in self.events.fields_dropped.items()},
            "ignored": {cause.value: count for cause, count in self.events.messages_ignored.items()},
            "devices": self.device_counts(),
        }


def _registered(streams: Streams) -> Iterable[RegisteredDevice]:
    """Each entry of the registry once; it may stand there under two writings of its id."""
    return {id(entry): entry for entry in streams.registry.values() if isinstance(entry, RegisteredDevice)}.values()


def is_online(device: Device, now_ms: int) -> bool:
    """Whether a device was heard lately and did not say goodbye."""
    return device.online is not False and is_reporting(device.last_seen_ms, _interval(device), now_ms)


def _interval(device: Device) -> timedelta | None:
    return device.registered.interval if isinstance(device.registered, RegisteredDevice) else None


def device_document(device: Device, now_ms: int) -> dict[str, object]:
    """A device as it is now; where it stands and how often it sends are known of registered ones."""
    registered = device.registered if isinstance(device.registered, RegisteredDevice) else None
    interval = _interval(device)
    return {
        "id": device.name,
        "registered": registered is not None,
        "online": is_online(device, now_ms),
        "last_seen": device.last_seen_ms or None,
        "site": registered.site if registered else None,
        "domain": registered.domain if registered else None,
        "area": registered.area if registered else None,
        "interval_s": interval.total_seconds() if interval else None,
        "seq_missing": device.seq_missing,
        "clock_offset_s": None if device.offset_ms is None else device.offset_ms / 1000,
    }
