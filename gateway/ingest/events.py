"""Events that matter to people: one function for each, which counts it and logs it.

Counters and log lines come from here alone, so they cannot disagree. The counters are plain numbers;
:mod:`gateway.monitoring.status.metrics` shows them to Prometheus.
"""

import logging
import time
from collections import Counter
from typing import Final

from gateway.core.batching.fair_shares import Flood
from gateway.core.batching.rates import Histogram, RecentCounts, RecentOrigins
from gateway.core.devices.broker_drops import BrokerDrops
from gateway.core.gateways.standby import PairRole
from gateway.core.message import Outcome, Refusal
from gateway.core.status.members import Reception
from gateway.core.status.verdict import ORIGINS_WITHIN_MIN, REJECTS_WITHIN_MIN, Finding, Level
from gateway.ingest.waiting_events import QuarantineEvents, SessionEvents
from gateway.support.logs import RareLog
from schemas.rejects import DropCause, IgnoreCause

log = logging.getLogger("gateway")

_MINUTE_S: Final = 60.0
_REJECTS_SAID_MAX: Final = 100
"""Log lines with the same key are at least a minute apart: a thousand faulty devices would fill the disk."""


FLOODS_SAID: Final = 10
"""Most floods that are named at a time; of more the worst."""


class Events:
    """The gateway's counters and log lines."""

    def __init__(
        self, reception: Reception | None = None, drops: BrokerDrops | None = None, quarantine: QuarantineEvents | None = None
    ) -> None:
        self.messages_received = 0
        self.messages_ignored: Counter[IgnoreCause] = Counter()
        self.fields_dropped: Counter[DropCause] = Counter()
        self.rejects: Counter[str] = Counter()
        self.rejects_kept: Counter[str] = Counter()
        self.delivery = Histogram()
        self.requests: dict[str, Histogram] = {}
        self.live_answers = Histogram()
        self.codec_warnings: Counter[str] = Counter()
        self.journal_written_bytes = 0
        self.influxdb_up = False
        self.influxdb_trouble = ""
        self.mqtt_connected = False
        self.mqtt_url = ""
        self.is_subscribed = False
        self.mqtt_trouble = ""
        self.stands_by = False
        self.leader_to_be = ""
        self.journal_trouble = ""
        self.damage: Finding | None = None
        self.sums_trouble = ""
        self.refused_subscriptions: dict[str, str] = {}
        self.session = SessionEvents()
        self.quarantine = quarantine or QuarantineEvents()
        self.reload_trouble: list[str] = []
        self.floods: list[Flood] = []
        self.open_port = 0
        self.readers_ended = 0
        self.rejects_lately = RecentCounts(REJECTS_WITHIN_MIN)
        self.turned_away_lately = RecentOrigins(ORIGINS_WITHIN_MIN)
        self.reception = reception or Reception()
        self.changed_ids: list[str] = []
        self.drops = drops or BrokerDrops()
        self.gaps: tuple[int, int] = (0, 0)
        self.gaps_ms = 0
        self._said_of_broker: set[str] = set()
        self._rarely = RareLog()
        self._rejects_said: tuple[float, int] = (0.0, 0)

    def processed(self, outcome: Outcome) -> None:
        """A message was processed; called only if there is something to count."""
        if outcome.ignored is not None:
            self.messages_ignored[outcome.ignored] += 1
        for _, cause in outcome.dropped:
            self.fields_dropped[cause] += 1

    def rejected(self, refusal: Refusal, *, kept: bool) -> None:
        """A message, object or point became a reject; ``kept``: its bytes are on disk."""
        reason = refusal.reason.value
        self.rejects[reason] += 1
        self.rejects_lately.count(reason, time.monotonic())
        if kept:
            self.rejects_kept[reason] += 1
        minute = time.monotonic() // _MINUTE_S
        if minute != self._rejects_said[0]:
            self._rejects_said = minute, 0
        said = self._rejects_said[1]
        if said >= _REJECTS_SAID_MAX:
            return
        self._rejects_said = minute, said + 1
        sender, why = refusal.device or refusal.topic, refusal.detail.splitlines()[0] if refusal.detail else ""
        text = "reject %s from %s: %s"
        self._rarely.say(f"reject {reason} {sender}", logging.WARNING, text, reason, sender or "unknown", why)

    def reader_ended(self, client: str, why: str) -> None:
        """A connection to the pages was closed, because others need its place."""
        self.readers_ended += 1
        self._rarely.say(f"reader {why}", logging.WARNING, "HTTP: a connection from %s was closed: it %s", client, why)

    def codec_warned(self, codec: str, warnings: list[str]) -> None:
        """A codec decoded a frame and gave warnings."""
        self.codec_warnings[codec] += len(warnings)
        self._rarely.say(f"codec {codec}", logging.WARNING, "codec %s warns: %s", codec, warnings[0])

    def meter_exchanged(self, device: str, counters: list[str]) -> None:
        """An operator recorded the exchange of a meter."""
        log.info("the meter of %s was exchanged; counters that start again: %s", device, ", ".join(counters) or "none known")

    def flooded(self, floods: list[Flood]) -> None:
        """These devices now send so much that they would starve the others; the worst first."""
        for flood in floods[:FLOODS_SAID]:
            self._rarely.say(f"flood {flood.topic}", logging.WARNING, "%s", flood.describe())
        self.floods = floods

    def port_looked_at(self, open_port: int) -> None:
        """It was seen if a limit of what devices send is loaded; ``open_port``: the port that has none, 0 if all is well."""
        if open_port and not self.open_port:
            log.warning("port %d: nothing limits what one device sends to the broker (nftables)", open_port)
        self.open_port = open_port

    def turned_away(self, origins: Counter[str], devices_max: int) -> None:
        """Messages of unregistered devices were refused at the limit of such devices; by topic prefix."""
        (most, number), *_ = self.turned_away_lately.count_origins(origins, time.monotonic())
        text = (
            "%d unregistered devices are known, limits.devices: %d messages of others are refused, %d of them from %s#; "
            "registered devices keep their places"
        )
        self._rarely.say("turned away", logging.WARNING, text, devices_max, origins.total(), number, most)

    def aged(self, names: list[str]) -> None:
        """Unregistered devices that were silent for a long time made room for others."""
        text = "%d unregistered devices that were silent for an hour made room for others, %s among them"
        self._rarely.say("aged", logging.INFO, text, len(names), names[0])

    def broker_told(self, payload: bytes, now_ms: int, *, retained: bool) -> None:
        """The broker published its count of dropped messages."""
        self.messages_received -= 1
        if new := self.drops.told(payload, now_ms, retained=retained):
            log.error(
                "the broker dropped %d messages: the queue of a receiver was full; a device floods, or the receiver was away "
                "too long; see max_queued_messages and max_queued_bytes in its settings",
                new,
            )

    def many_gaps(self, devices: int, readings: int, now_ms: int) -> None:
        """Many devices miss readings at once."""
        text = "%d readings of %d devices are missing at once: the broker's queue was full, or the network failed"
        self._rarely.say("gaps", logging.WARNING, text, readings, devices)
        self.gaps, self.gaps_ms = (devices, readings), now_ms

    def rejects_not_kept(self, number: int, why: str) -> None:
        """Rejects were counted without keeping their bytes."""
        self._rarely.say("rejects not kept", logging.WARNING, "%d rejects not kept: %s", number, why)

    def strangers_not_kept(self, number: int, prefix: str) -> None:
        """Rejects of unregistered devices were counted without keeping their bytes: their share of the store is used up."""
        text = "%d rejects of unregistered devices not kept, the last from %s#: they have used up their share of the store"
        self._rarely.say("rejects of unregistered not kept", logging.WARNING, text, number, prefix)

    def answered(self, outcome: str, seconds: float, *, live: bool = True) -> None:
        """A write of the live or the drain lane was answered, or timed out."""
        if live:
            self.live_answers.observe(seconds)
        histogram = self.requests.get(outcome)
        if histogram is None:
            histogram = self.requests[outcome] = Histogram()
        histogram.observe(seconds)

    def trouble(self, why: str) -> None:
        """InfluxDB cannot take readings; they go to the journal."""
        if not self.influxdb_trouble:
            log.warning("InfluxDB does not take readings, they go to the journal: %s", why)
        self.influxdb_up = False
        self.influxdb_trouble = why

    def recovered(self, after_s: float) -> None:
        """InfluxDB takes readings again."""
        if self.influxdb_trouble:
            log.info("InfluxDB takes readings again after %.1f s", after_s)
        self.influxdb_up = True
        self.influxdb_trouble = ""

    def catching_up(self, brought_in: int, left: int, per_s: float | None) -> None:
        """The backlog is being written."""
        estimate = f", at {per_s:.0f} a second about {left / per_s:.0f} s more" if per_s else ""
        text = "writing the backlog: %d readings written, %d left%s"
        self._rarely.say("catch-up", logging.INFO, text, brought_in, left, estimate)

    def drained(self, readings: int, took_s: float) -> None:
        """The journal is empty again."""
        text = "the journal is empty again; %d readings of the backlog written in %.1f s"
        self._rarely.say("drained", logging.INFO, text, readings, took_s)

    def journal_refused(self, why: str) -> None:
        """The journal fails too: readings wait in memory and are not acknowledged."""
        if not self.journal_trouble:
            log.error("the journal cannot store readings, they wait in memory unacknowledged: %s", why)
        self.journal_trouble = why

    def journal_absent(self, why: str) -> None:
        """The gateway has no journal: readings go straight to InfluxDB, and wait at the broker while it is away."""
        if why != self.journal_trouble:
            log.error("the gateway runs without its journal until the file can be opened: %s", why)
        self.journal_trouble = why

    def journal_took(self, size_bytes: int) -> None:
        """The journal stores readings again."""
        if self.journal_trouble:
            log.info("the journal stores readings again")
        self.journal_trouble = ""
        self.journal_written_bytes += size_bytes

    def sums_awaited(self, devices: int, why: str) -> None:
        """The sums of devices cannot be read: their points are written without."""
        if not self.sums_trouble:
            text = "%d devices await their sums from InfluxDB; until it answers their points are written without: %s"
            log.warning(text, devices, why)
        self.sums_trouble = why

    def sums_taken_over(self, devices: int) -> None:
        """InfluxDB was asked for sums, and had those of so many devices."""
        if self.sums_trouble or devices:
            log.info("the sums of %d devices go on where they stood in InfluxDB", devices)
        self.sums_trouble = ""

    def state_lost(self, name: str, why: str) -> None:
        """Device snapshots cannot be read."""
        log.warning("the stored state of %s cannot be read; the device starts without it: %s", name, why)

    def ids_changed(self, changed: list[str], perhaps: list[str]) -> None:
        """Devices have another id than in the past; for ``perhaps`` that shows when they send."""
        self.changed_ids = changed
        for what, ids in (("have", changed), ("may have, where their names are not plain,", perhaps)):
            if ids:
                log.warning("%d devices %s another id from now on: %s", len(ids), what, ", ".join(ids[:20]))

    def device_renamed(self, name: str, source: str, former: str) -> None:
        """A device has another id than the one an earlier version of the gateway gave it."""
        text = (
            "%r, called %s until now, is %s from now on: names with the same plain letters would be one device. InfluxDB has "
            "its past under %s; to go on there, register it: id: %s, source: %r"
        )
        log.warning(text, source, former, name, former, former, source)

    def given_up(self, readings: int) -> None:
        """The journal was full; the oldest readings made room."""
        self._rarely.say("expired", logging.ERROR, "the journal is full: its %d oldest readings made room", readings)

    def row_damaged(self, row: int, readings: int) -> None:
        """A row of the journal is damaged."""
        log.error("journal row %d is damaged; %d readings in it are lost", row, readings)

    def salvaging(self, name: str) -> None:
        """The readable part of a damaged journal is salvaged."""
        self.damage = Finding("journal_damaged", Level.TROUBLE, {"file": name})

    def not_salvaged(self, name: str, why: str) -> None:
        """A file that was set aside cannot be read now; the next start tries again."""
        self.damage = Finding("not_salvaged", Level.TROUBLE, {"file": name}, why)
        log.error(
            "journal: nothing of %s can be read: %s; repair it and start the gateway again, or remove the file", name, why
        )

    def salvaged(self, name: str, saved: int, lost: int) -> None:
        """The salvage of a damaged journal has ended."""
        self.damage = None
        log.error("%s: %d readings of it are saved, %d are lost, as are those in unreadable rows", name, saved, lost)

    def missing(self, readings: int, name: str) -> None:
        """Readings that the journal should hold are lost, and nobody has acknowledged that yet."""
        if readings:
            log.error("%d readings that %s should hold are lost; `gateway journal acknowledge` ends this alarm", readings, name)

    def missing_acknowledged(self, readings: int) -> None:
        """An operator has acknowledged the missing readings."""
        log.info("acknowledged: %d readings of the journal are lost", readings)

    def backlog_found(self, readings: int) -> None:
        """The journal holds readings of an earlier run."""
        if readings:
            log.info("the journal holds %d readings of an earlier run", readings)

    def started(self, faults: list[str]) -> None:
        """Devices lack parameters of their profiles. The gateway starts anyway: other readings must not wait for them."""
        for text in faults:
            log.error("a device cannot be read in full: %s", text)
        self.reload_trouble = faults

    def exposed(self, lines: list[str]) -> None:
        """A password or token can be read by others."""
        for text in lines:
            log.warning("%s", text)

    def reloaded(self, devices: int, profiles: int) -> None:
        """A new registry and its profiles are active."""
        log.info("the registry is active: %d devices, %d profiles", devices, profiles)
        self.reload_trouble = []

    def reload_failed(self, lines: list[str]) -> None:
        """Registry, profile or codec are faulty; the old ones stay active."""
        for text in lines:
            log.error("the old registry and profiles stay active: %s", text)
        self.reload_trouble = lines

    def connected(self, url: str, now_ms: int, *, session_present: bool) -> None:
        """The broker accepted the connection."""
        log.info("connected to %s, session %s", url, "resumed" if session_present else "new")
        self.reception.regain(now_ms)
        self.mqtt_connected = True
        self.mqtt_url = url
        self.mqtt_trouble = ""
        self._said_of_broker.clear()

    def disconnected(self, why: str, now_ms: int) -> None:
        """The connection to the broker ended or was refused."""
        if why not in self._said_of_broker:  # each address has its own reason
            self._said_of_broker.add(why)
            log.warning("not connected to the broker: %s", why)
        self.reception.lose(now_ms)
        self.mqtt_connected = self.is_subscribed = False
        self.mqtt_trouble = why

    @property
    def broker_reached(self) -> bool:
        """True while the broker is there: the session is open, or this machine stands by and watches."""
        return self.mqtt_connected or self.stands_by

    def leader_named(self, name: str, before: str) -> None:
        """The files name a leader of several gateways; ``before``: the one that they named at the start."""
        if name not in {before, self.leader_to_be}:
            log.warning("%s is to lead in place of %s: restart %s first, then the others", name, before, before)
        self.leader_to_be = name if name != before else ""

    def watch_stands(self, url: str) -> None:
        """The watch of the other machine has heard all that the broker retains."""
        log.info("watching the other machine at %s", url)
        if not self.mqtt_connected:
            self.mqtt_trouble = ""

    def watch_lost(self, why: str) -> None:
        """The watch of the other machine ended, or could not be opened."""
        if why != self.mqtt_trouble:
            log.warning("not watching the other machine: %s", why)
        if not self.mqtt_connected:
            self.mqtt_trouble = why

    def alarms_not_carried(self, pattern: str, why: str) -> None:
        """The account may not read the alarms of the other machine."""
        log.warning("the broker refused the subscription %s: %s; a take-over raises all alarms anew", pattern, why)

    def role_changed(self, machine: str, role: PairRole, others: list[str]) -> None:
        """This machine takes the session, or stands back."""
        log.warning("%s is %s now; others that were heard: %s", machine, role.value, ", ".join(others) or "none")

    def subscribed(self, filters: int, refused: dict[str, str]) -> None:
        """The broker answered a subscription to ``count`` topic filters; ``refused``: filter → reason."""
        for pattern, why in refused.items():
            log.error("the broker refused the subscription %s: %s; see its access list", pattern, why)
        log.info("subscribed to %d topic filters", filters - len(refused))
        self.is_subscribed = len(refused) < filters
        self.refused_subscriptions = refused

    def refused_too(self, refused: dict[str, str]) -> None:
        """The broker refused some of the states that are asked for topic by topic; one stands for all."""
        if refused:
            pattern, why = next(iter(refused.items()))
            self._rarely.say("states refused", logging.ERROR, "the broker refused the subscription %s: %s", pattern, why)
            if not any(other.endswith("/status") for other in self.refused_subscriptions):
                self.refused_subscriptions = self.refused_subscriptions | {pattern: why}
