"""A gateway without shells under a simulated fleet: the pure core, the pure engine of alarms, and what the jobs feed to it.

Weeks of readings pass in seconds. What it keeps is held against the truth by the functions of ``firmware-sim verify``.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta, timezone
from statistics import fmean

import yaml

from firmware_sim.alarm_check import Raised
from firmware_sim.compare import LedgerRow
from firmware_sim.firmware import Firmware
from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.query import StoredPoint
from firmware_sim.registry import registry_yaml
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.cast import Role
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.story import midnight_after
from gateway.core.alarms.alarm import Change
from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.shipped import SHIPPED
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Stream, Streams
from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from gateway.core.readings.sums import SumsMode
from gateway.core.status.health import registered_devices
from gateway.core.status.silence import Silence
from schemas.quantities import SUM_OF
from schemas.registry import registry_adapter
from schemas.scenario import Scenario
from tests.core.line_protocol import Point, by_previous_byte, split
from tests.core.making import RULES, trusted_clock

ORDINARY = scenario("normal")
VIETNAM = timezone(timedelta(hours=7))
EPOCH = date(1970, 1, 1)
USUAL = ("flow_m3_h", "pressure_kpa", "mean_speed_km_h")
"""Quantities of which the engine asks for what is usual."""
USUAL_DAYS, LEAST_DAYS = 14, 3
SETTLED_S = 6 * HOUR_S
"""So long after midnight nights and days are judged."""
ROUND_S = 120.0
SPREAD = 0.1
COUNTERS = SUM_OF.keys() | set(SUM_OF.values()) | {"quality"}


class CoreGateway:
    """The core, with what it was told and what it made of it.

    :ivar points: counters and sums of all readings.
    :ivar raised: the alarms so far.
    :ivar rows: with ``keeps_all`` the rows of the ledger, beside whole points.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        span: SimulatedSpan,
        *,
        keeps_points: bool,
        keeps_all: bool = False,
        behaving: Scenario = ORDINARY,
    ) -> None:
        registry = registry_adapter.validate_python(
            yaml.safe_load(
                registry_yaml(
                    [replace(role.device, source=role.witness.source.base) for role in roles],
                    span.interval_s,
                    behaving.together[1],
                )
            )
        )
        self.points: list[StoredPoint] = []
        self._alarms = Alarms(SHIPPED, Silence(), RULES, VIETNAM)
        self._alarms.replace_registry(registry.by_id(), 0)
        self._processor = Processor(
            Streams(registry.by_id()), RULES, trusted_clock(), sums=SumsMode.FROM_ZERO, alarms=self._alarms
        )
        self._span = span
        self._keeps_points = keeps_points
        self._keeps_all = keeps_all
        self._behaving = behaving
        self.rows: list[LedgerRow] = []
        self.by_series: dict[tuple[str, tuple[tuple[str, str], ...]], dict[int, StoredPoint]] = defaultdict(dict)
        self._roles = roles
        self._hourly: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._nightly: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._received: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._open: dict[tuple[str, str], tuple[int, str]] = {}
        self.raised: list[Raised] = []

    def run(self) -> None:
        """Let all readings of the run pass, in the order in which they are sent, with rounds and nightly jobs between them."""
        round_s, judged_s = self._span.begin_s, midnight_after(self._span.begin_s) + SETTLED_S
        for sent_s, messages in self._sent():
            while round_s <= sent_s:
                self._round(round_s)
                round_s += ROUND_S
                if round_s >= judged_s:
                    self._judge_day(judged_s)
                    judged_s += DAY_S
            for message in messages:
                self._take(message, round(sent_s * 1000))
        self._tell(round(self._span.end_s * 1000))

    def stored(self, measurement: str) -> Iterator[StoredPoint]:
        """Yield the points of a measurement, as a database keeps them: one for each series and time."""
        for (of, _), series in self.by_series.items():
            if of == measurement:
                yield from series.values()

    def standing(self) -> list[Raised]:
        """All alarms, those that have not ended too."""
        still = [Raised(alarm, place, site, at_ms, None) for (alarm, place), (at_ms, site) in self._open.items()]
        return sorted([*self.raised, *still], key=lambda raised: (raised.raised_ms, raised.alarm, raised.place))

    def _sent(self) -> Iterator[tuple[float, list[OutgoingMessage]]]:
        count = len(self._roles)
        first_s = min(role.witness.first_s for role in self._roles)
        slots = []
        for number, role in enumerate(self._roles):
            wait_s = number / count * SPREAD * self._span.interval_s if role.witness.first_s == first_s else 0.0
            slots.append((role.witness.first_s, wait_s, Firmware(role.device, self._behaving, 1, radio=role.radio), role))
        slots.sort(key=lambda slot: slot[0] + slot[1])
        tick = 0
        while first_s + tick * self._span.interval_s < self._span.end_s + 6 * self._span.interval_s:
            for begin_s, wait_s, firmware, _ in slots:
                at_s = begin_s + tick * self._span.interval_s
                yield at_s + wait_s, firmware.measure(at_s, round(at_s * 1000))
            tick += 1

    def _take(self, message: OutgoingMessage, now_ms: int) -> None:
        outcome = self._processor.process(StoredMessage(message.topic, message.payload, retain=False, duplicate=False), now_ms)
        rows = [json.loads(row) | {"at": now_ms} for row in message.rows]
        expected = [row["expect"] for row in rows if "expect" in row]
        assert [refusal.reason for refusal in outcome.refusals] == expected, outcome.refusals
        assert len(outcome.readings) + outcome.duplicates + len(outcome.refusals) == len(rows), "each has one fate"
        if self._keeps_all:
            self.rows += rows
        if not outcome.readings:
            return
        stream = self._processor.streams.resolve(message.topic)
        assert isinstance(stream, Stream)
        for reading in outcome.readings:
            for line in reading.lines.split("\n"):
                self._look(_fast(line), stream.device.name)
        self._tell(now_ms)

    def _look(self, point: Point, name: str) -> None:
        """Note what the roll-ups would of a point."""
        values = point.values
        day, hour = divmod(point.time_ms // 3_600_000 + 7, 24)
        if self._keeps_all:
            kept = self.by_series[point.measurement, tuple(point.tags.items())]
            standing = kept.setdefault(point.time_ms, StoredPoint(point.tags, point.time_ms, {}))
            standing.fields.update(point.fields)
        if self._keeps_points and not SUM_OF.keys().isdisjoint(values):
            self.points.append(
                StoredPoint(point.tags, point.time_ms, {key: point.fields[key] for key in COUNTERS & point.fields.keys()})
            )
        self._received[name][day].add(point.time_ms)
        for field in USUAL:
            if field in values:
                self._hourly[name, field][24 * day + hour].append(float(values[field]))
        if hour < 5 and "flow_m3_h" in values:
            self._nightly[name][day].append(float(values["flow_m3_h"]))

    def _round(self, now_s: float) -> None:
        now_ms = round(now_s * 1000)
        for _ in self._alarms.tick(now_ms, registered_devices(self._processor.streams)):
            pass
        self._tell(now_ms)

    def _judge_day(self, now_s: float) -> None:
        """Feed the night before and the day before, and what is usual."""
        now_ms, today = round(now_s * 1000), round((now_s - SETTLED_S) / HOUR_S + 7) // 24
        for device in list(registered_devices(self._processor.streams)):
            self._judge_device(device, today, now_ms)
        self._tell(now_ms)

    def _judge_device(self, device: Device, today: int, now_ms: int) -> None:
        per_day = DAY_S / self._span.interval_s
        night = self._nightly[device.name].get(today)
        if night is not None:
            coverage = len(night) / (5 * HOUR_S / self._span.interval_s)
            self._alarms.night(device, EPOCH + timedelta(today), min(night), min(coverage, 1.0), now_ms)
        if (now_ms / 1000 - self._span.begin_s) > DAY_S + SETTLED_S + 1:
            self._alarms.day(device, len(self._received[device.name].get(today - 1, ())) / per_day, now_ms)
        usual = {}
        for field in USUAL:
            hours = self._hourly.get((device.name, field))
            if hours is not None:
                usual[field] = [_usual(hours, today, hour) for hour in range(24)]
        if usual:
            self._alarms.usual(device.name, usual)

    def _tell(self, now_ms: int) -> None:
        del now_ms
        for change in self._alarms.states.drain().transitions:
            key = (change.key.alarm, change.key.place)
            if change.change is Change.RAISED:
                assert key not in self._open, "raised while it stands"
                self._open[key] = change.at_ms, change.tags.site
            elif change.change is Change.CLEARED:
                at_ms, site = self._open.pop(key)
                self.raised.append(Raised(*key, site, at_ms, change.at_ms))


def _usual(hours: dict[int, list[float]], today: int, hour: int) -> float | None:
    """The mean of an hour over the last days, where enough of them are known."""
    days = [fmean(hours[24 * day + hour]) for day in range(today - USUAL_DAYS, today) if 24 * day + hour in hours]
    return fmean(days) if len(days) >= LEAST_DAYS else None


def _fast(line: str) -> Point:
    """The point of a line, by the reading of one server: there are many."""
    series, fields, time_ms = split(line, " ", by_previous_byte)
    measurement, *tags = series.split(",")
    values = dict(part.split("=") for part in fields.split(","))
    return Point(
        measurement, dict(tag.split("=") for tag in tags), {key: _value(text) for key, text in values.items()}, int(time_ms)
    )


def _value(text: str) -> float | int | bool:
    if text[0] in "tTfF":
        return text[0] in "tT"
    return int(text[:-1]) if text.endswith("i") else float(text)
