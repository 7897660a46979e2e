"""The world put together: courses, registers and messages of all devices, and what is told. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import ceil
from random import Random
from typing import Any, Final, NamedTuple
from zlib import crc32

from tests.campaigns.truth.calendar import AFTER_S, BEGIN_S, DAY_S, FIRST_DAY_S, HOUR_S, SLOT_S, at_s
from tests.campaigns.truth.courses import SHAPES, Course, course, netted, steady, summed
from tests.campaigns.truth.faults import FAULTS, LEAKS, NO_FLOW, THEFTS, Fault
from tests.campaigns.truth.registers import DECIMALS, Counter, Exchanged, Quiet, Register, quiet_times
from tests.campaigns.truth.tank import Tank
from tests.campaigns.truth.town import FEEDS, LOST_AN_HOUR, SMALL, WITH_FLOW, Meter, is_meter, town, zones_of

_FIELDS: Final = {"water": "volume_m3", "power": "energy_import_kwh", "traffic": "vehicle_count_total"}
_TARIFFS: Final = {"q01": (("energy_import_t1_kwh", 0.6), ("energy_import_t2_kwh", 0.4))}
_SECOND_TAKES: Final = 0.7
_TWICE: Final = 2


class Message(NamedTuple):
    """A message as a device sends it."""

    at_s: float
    topic: str
    payload: str


class Flows(NamedTuple):
    """The two directions of a meter."""

    taken: Course
    given: Course | None


class World:
    """Everything that is true.

    :ivar days: whole local days that are judged.
    """

    def __init__(self, days: int, seed: int, *, is_small: bool = False) -> None:
        self.days = days
        self.seed = seed
        self.meters = town(SMALL if is_small else None)
        self.by_id = {meter.id: meter for meter in self.meters}
        lasting = FIRST_DAY_S + days * DAY_S - DAY_S
        known = [fault for fault in FAULTS if fault.device in self.by_id]
        self.faults = [
            f for f in known if at_s(f.day, f.hour) + max(f.hours, f.told_h or 0.0) * 3600 < lasting or f.hours > 600
        ]
        self.end_s = FIRST_DAY_S + days * DAY_S + AFTER_S
        self._slots = ceil((self.end_s - BEGIN_S) / SLOT_S) + 1
        self._flows: dict[str, Flows] = {}

    def flows(self, device: str) -> Flows:
        """Return what flows through a meter."""
        if device not in self._flows:
            self._flows[device] = self._made(self.by_id[device])
        return self._flows[device]

    def _first_s(self, meter: Meter) -> int:
        """The first knot: all devices of a domain that are joined by feeds share it, others have their own."""
        is_joined = bool(meter.zone or zones_of(meter))
        chance = crc32(f"{self.seed} {meter.domain if is_joined else meter.id}".encode())
        return BEGIN_S + 60 + chance % 780

    def _own(self, meter: Meter, shape: str, mean: float) -> Course:
        is_whole = DECIMALS[meter.domain] == 0
        seed = f"{self.seed} {meter.id} {shape}"
        return course(shape, mean, self._first_s(meter), self._slots, seed, is_whole=is_whole)

    def _made(self, meter: Meter) -> Flows:
        given = self._own(meter, "sun", meter.solar) if meter.solar else None
        if meter.shape in SHAPES:
            own = self._own(meter, meter.shape, meter.mean)
            leaks = [(at_s(day, 0.0), more) for device, day, more in LEAKS if device == meter.id]
            return Flows(summed(own, steady(own.first_s, len(own.slots), *leaks)) if leaks else own, given)
        feeds = zones_of(meter)
        if not feeds:
            return Flows(self._own(meter, "steady", 0.001), given)
        if feeds[0].zone == "tank":
            return Flows(self.tanks[meter.id].inflow, None)
        return self._passed(feeds[0].zone, feeds[0].share)

    def _passed(self, zone: str, share: float) -> Flows:
        """Return what a feed passes: its share of what its zone takes."""
        behind = [self.flows(meter.id) for meter in self._members(zone)]
        lost = [(0.0, LOST_AN_HOUR.get(zone, 0.0)), *((at_s(day, 0.0), more) for where, day, more in THEFTS if where == zone)]
        first = behind[0].taken
        whole = summed(*(one.taken for one in behind), steady(first.first_s, len(first.slots), *lost))
        exports = [one.given for one in behind if one.given is not None]
        if exports:
            return Flows(*netted(whole, summed(*exports)))
        if share == 1.0:
            return Flows(whole, None)
        larger = [round(amount * _SECOND_TAKES) for amount in whole.slots]
        slots = larger if share == _SECOND_TAKES else [a - b for a, b in zip(whole.slots, larger, strict=True)]
        return Flows(Course(whole.first_s, slots), None)

    def _members(self, zone: str) -> list[Meter]:
        return [meter for meter in self.meters if meter.zone == zone]

    @cached_property
    def tanks(self) -> Mapping[str, Tank]:
        """The feed of a tank → the tank."""
        outlets = [meter for meter in self.meters if meter.zone == "tank" and is_meter(meter)]
        return {feed.meter: Tank(self.flows(outlet.id).taken) for outlet in outlets for feed in FEEDS if feed.zone == "tank"}

    def counters(self, device: str) -> list[Counter]:
        """The counters of a device."""
        meter = self.by_id[device]
        if not is_meter(meter):
            return []
        flows, decimals = self.flows(device), DECIMALS[meter.domain]
        if meter.domain == "urban":
            names = ["rain_mm"] if device.startswith("rg") else ["people_in_total"]
            return [Counter(names[0], flows.taken, meter.start, decimals)]
        found = [Counter(_FIELDS[meter.domain], flows.taken, meter.start, decimals)]
        if flows.given is not None:
            found.append(Counter("energy_export_kwh", flows.given, meter.start / 2, decimals))
        for field, share in _TARIFFS.get(device, ()):
            part = Course(flows.taken.first_s, [round(amount * share) for amount in flows.taken.slots])
            found.append(Counter(field, part, round(meter.start * share, decimals), decimals))
        return found

    @cached_property
    def registers(self) -> Mapping[str, Sequence[Register]]:
        """Device → the registers of its counters."""
        return {
            meter.id: [Register(meter, counter, self.faults, self.days) for counter in self.counters(meter.id)]
            for meter in self.meters
        }

    def exchanges(self) -> list[Exchanged]:
        """The exchanges that somebody tells, in that order."""
        found = [one for registers in self.registers.values() for register in registers for one in register.exchanges]
        return sorted((one for one in found if one.told_s is not None), key=lambda one: one.told_s or 0.0)

    def messages(self) -> list[Message]:
        """All messages in the order in which they are sent."""
        return sorted((message for meter in self.meters for message in self._of(meter)), key=lambda message: message.at_s)

    def measured(self, device: str, begin_s: float, end_s: float) -> int:
        """Count the readings of a time that a device sends."""
        first_s = self._first_s(self.by_id[device])
        quiet = [one for one in quiet_times(device, self.faults) if not one.is_held]
        low, high = ceil((begin_s - first_s) / SLOT_S), ceil((end_s - first_s) / SLOT_S)
        return sum(_within(quiet, first_s + number * SLOT_S) is None for number in range(low, high))

    def clock_off_s(self, device: str) -> float:
        """Return how far a device's clock is ahead."""
        return sum(fault.hours * 3600 for fault in self.clocks() if fault.device == device)

    def clocks(self) -> list[Fault]:
        """The clocks that are wrong."""
        return [fault for fault in self.faults if fault.kind == "clock"]

    def is_misled(self, device: str, when_s: float) -> bool:
        """Tell if a wrong clock may mislead the gateway then: until an hour after somebody answered its question."""
        off = [fault for fault in self.clocks() if fault.device == device]
        return any(one.told_h is None or when_s < at_s(one.day, one.hour + one.told_h + 1) for one in off)

    def _of(self, meter: Meter) -> Iterator[Message]:
        chance = Random(f"{self.seed} {meter.id} sends")  # noqa: S311 - a world, no secret
        topic = f"iot/v1/site-{meter.area}/{meter.domain}/{meter.id}/readings"
        own = [fault for fault in self.faults if fault.device == meter.id]
        quiet = list(quiet_times(meter.id, own))
        garbage = {_slot(at_s(f.day, f.hour)): f.register for f in own if f.kind == "garbage"}
        twice = [(at_s(f.day, f.hour), at_s(f.day, f.hour + f.hours)) for f in own if f.kind == "twice"]
        off_s, first_s = self.clock_off_s(meter.id), self._first_s(meter)
        for number in range(self._slots):
            measured_s = first_s + number * SLOT_S
            if measured_s > self.end_s:
                return
            send_s = measured_s + chance.uniform(0.5, 20.0)
            silence = _within(quiet, measured_s)
            if silence is not None:
                if not silence.is_held:
                    continue
                send_s = silence.end_s + (measured_s - silence.begin_s) / SLOT_S
            payload = self._payload(meter.id, measured_s, off_s, garbage.get(_slot(measured_s)), number)
            text = json.dumps(payload)
            for _ in range(_TWICE if any(low <= measured_s < high for low, high in twice) else 1):
                yield Message(send_s, topic, text)

    def _payload(self, device: str, measured_s: float, off_s: float, garbage: float | None, number: int) -> dict[str, Any]:
        found: dict[str, Any] = {"ts": round((measured_s + off_s) * 1000), "seq": number}
        for register in self.registers[device]:
            found[register.counter.field] = register.shown(measured_s)
        if device in WITH_FLOW:
            hour = self.flows(device).taken.between(measured_s - SLOT_S, measured_s) * HOUR_S / SLOT_S
            found["flow_m3_h"] = round(hour, 4)
        if device in NO_FLOW:
            found["alarm_no_flow"] = any(at_s(day, low) <= measured_s < at_s(day, high) for day, low, high in NO_FLOW[device])
        if not self.registers[device]:
            found["level_m"] = round(next(iter(self.tanks.values())).level(measured_s), 4)
        if garbage is not None:
            found[self.registers[device][0].counter.field] = garbage
        return found


def _slot(when_s: float) -> int:
    return int(when_s // SLOT_S)


def _within(quiet: Sequence[Quiet], when_s: float) -> Quiet | None:
    return next((one for one in quiet if one.begin_s <= when_s < one.end_s), None)
