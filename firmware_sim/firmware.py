"""A device's firmware: from a measurement to the messages it sends, and the ledger rows with the expected result.

A pure state machine without a clock of its own: it is told the instant, and what happens to it then.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from firmware_sim.encoded_reading import NOT_SPOILT, EncodedParts, row_begin
from firmware_sim.faults import SPOILING, in_wrong_unit, spoil
from firmware_sim.fleet import SimDevice
from firmware_sim.outgoing import Departures, FaultDraw, OutgoingMessage
from firmware_sim.signals import rng
from firmware_sim.stories.radio import AHEAD_S, LOG, SOUND, Affected, RadioPath, spoil_registers
from schemas.scenario import ClockKind, FaultKind, Scenario

MEMORY: Final = 3_000
"""Readings that a device can store while it has no network: a month of quarters of an hour. The oldest go first."""
FLOODED: Final = 60


@dataclass(slots=True)
class Firmware:
    """The little state a device has: its numbers, its last time, what it keeps to send later.

    :ivar readings: all of them; ``seq`` counts those since it last started.
    :ivar is_online: it has a network.
    """

    device: SimDevice
    scenario: Scenario
    seed: int
    topic: str = ""
    readings: int = 0
    seq: int = 0
    last_ts: int = 0
    together: int = 1
    is_online: bool = True
    kept: list[tuple[bytes, bytes]] = field(default_factory=list)
    departures: Departures = field(default_factory=Departures)
    radio: RadioPath = field(default_factory=RadioPath)
    stored: list[tuple[bytes, bytes]] = field(default_factory=list)
    _shares: FaultDraw = field(default_factory=FaultDraw)
    _rebooted_s: float = 0.0
    _row_begin: bytes = b""

    def __post_init__(self) -> None:
        self.topic = self.device.readings_topic
        self.together = rng(self.seed, self.device.name, "together").randint(*self.scenario.together)
        self._row_begin = row_begin(self.topic, self.device.domain, self.device.name, self.device.site)
        self._shares = FaultDraw.of(self.scenario.faults)

    def measure(self, instant_s: float, now_ms: int) -> list[OutgoingMessage]:
        """Measure at the simulated ``instant_s`` and the real ``now_ms``; return the messages to send, mostly one."""
        affected = self.radio.at(instant_s)
        fault = affected.fault
        if fault.reboots:
            self._reboot(instant_s - affected.since_s)
        kind = self._fault(affected)
        if kind is FaultKind.FLOOD:
            return self._flood(instant_s, now_ms, affected)
        reading = self._reading(instant_s, now_ms, affected, kind)
        self.is_online = not fault.held and (fault.kept_of > 0 or (fault.gasps and affected.since_s < self.radio.interval_s))
        if fault.held:
            self.stored = [*self.stored, reading][-MEMORY:]
            return [self._log(len(self.stored))] if fault.together and len(self.stored) == fault.readings else []
        if not self.is_online or (fault.kept_of > 1 and self.readings % fault.kept_of):
            return []
        self.kept.append(reading)
        message = self._message() if len(self.kept) >= self.together else None
        messages = self.departures.leave(message, kind, self.readings)
        while self.stored:  # the present reading goes first
            messages.append(self._log(LOG))
        return messages

    def flush(self) -> list[OutgoingMessage]:
        """Return what it still stores, at the end of a run."""
        messages = [self._message()] if self.kept else []
        messages += self.departures.flush()
        while self.stored:
            messages.append(self._log(LOG))
        return messages

    def _fault(self, affected: Affected) -> FaultKind | None:
        """The fault of one reading: that of an event, else one of those that the scenario has always."""
        fault = affected.fault
        if fault.kind is not None:
            share = affected.size if fault.share is None else fault.share
            return fault.kind if self._chance("fault").random() < share else None
        return self._shares.drawn(self._chance("fault")) if self._shares.limits else None

    def _reboot(self, at_s: float) -> None:
        """Start anew, once an event; what was stored is on a flash."""
        if self._rebooted_s != at_s:
            self._rebooted_s = at_s
            self.seq = 0

    def _flood(self, instant_s: float, now_ms: int, affected: Affected) -> list[OutgoingMessage]:
        """Messages of many readings, a millisecond apart, the last one at its time."""
        messages = []
        for before_ms in reversed(range(FLOODED)):
            self.kept.append(self._reading(instant_s - before_ms / 1000, now_ms - before_ms, affected, None))
            messages.append(self._message())
        return messages

    def _reading(self, instant_s: float, now_ms: int, affected: Affected, kind: FaultKind | None) -> tuple[bytes, bytes]:
        """The next reading as payload and ledger row."""
        fault = affected.fault
        sample = self.device.source.sample(instant_s, self.readings)
        if fault.garbage:
            spoil_registers(sample, self.device.registers, self.seed, self.device.name, self.readings)
        if kind is FaultKind.WRONG_UNIT:
            in_wrong_unit(self.device.domain, sample.values, [register.field for register in self.device.registers])
        told_ms, is_believed = self._clock(now_ms, affected)
        parts = EncodedParts.of(sample)
        payload, spoilt = parts.payload(told_ms, self.seq), NOT_SPOILT
        if kind in SPOILING and self.together == 1 and not fault.held:  # a broken object breaks its whole array
            reading = msgspec.json.decode(payload)
            spoilt = spoil(kind, self._chance("poison"), self.device.domain, sample.values, reading) or NOT_SPOILT
        if spoilt is not NOT_SPOILT:
            payload = spoilt.payload
            for lost in spoilt.dropped:
                del sample.values[lost]
            parts = EncodedParts.of(sample)
        row = parts.row(self._row_begin, told_ms if is_believed else None, self.seq, spoilt)
        self.seq += 1
        self.readings += 1
        return payload, row

    def _clock(self, now_ms: int, affected: Affected) -> tuple[int | None, bool]:
        """Return the time that the device tells of a reading, and whether the gateway believes it."""
        if self.scenario.clock is ClockKind.NONE:
            return None, False
        self.last_ts = max(now_ms, self.last_ts + 1)
        if affected is SOUND:
            return self.last_ts, True
        told_ms = affected.fault.clock_ms(self.last_ts, affected.since_s)
        return told_ms, not affected.fault.clock_lost and told_ms - self.last_ts <= AHEAD_S * 1000

    def _message(self) -> OutgoingMessage:
        payloads, rows = zip(*self.kept, strict=True)
        self.kept.clear()
        payload = payloads[0] if self.together == 1 else _array(payloads)
        return OutgoingMessage(self.topic, self.device.domain, payload, rows)

    def _log(self, most: int) -> OutgoingMessage:
        """The oldest readings that are stored, as one message."""
        readings, self.stored = self.stored[:most], self.stored[most:]
        payload = _array([payload for payload, _ in readings])
        return OutgoingMessage(self.topic, self.device.domain, payload, tuple(row for _, row in readings))

    def _chance(self, of: str) -> random.Random:
        return rng(self.seed, self.device.name, self.readings, of)


def _array(payloads: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(payloads) + b"]"
