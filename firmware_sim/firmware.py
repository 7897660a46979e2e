"""A device's firmware: from a measurement to the message it sends, and the ledger rows with the expected result. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_sim.devices.source import Sample
from firmware_sim.faults import Spoilt, encode, spoil
from firmware_sim.fleet import SimDevice
from firmware_sim.scenario import Scenario
from firmware_sim.signals import rng
from firmware_sim.stories.radio import AHEAD_S, LOG, RadioPath, spoil_registers
from firmware_sim.stories.story import RadioFault
from schemas.quantities import Quality


@dataclass(slots=True, eq=False)
class OutgoingMessage:
    """One MQTT message on its way.

    :ivar rows: its readings as rows of the ledger, JSON objects without ``at``, which is not known before the PUBACK.
    :ivar sent: how often it was handed to a connection.
    """

    topic: str
    domain: str
    payload: bytes
    rows: tuple[bytes, ...]
    sent: int = 0


@dataclass(slots=True)
class Firmware:
    """The little state a device has: its sequence number, its last time, what it keeps to send later."""

    device: SimDevice
    scenario: Scenario
    seed: int
    topic: str = ""
    seq: int = 0
    last_ts: int = 0
    together: int = 1
    kept: list[tuple[bytes, bytes]] = field(default_factory=list)
    repeat: OutgoingMessage | None = None
    radio: RadioPath = field(default_factory=RadioPath)
    stored: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topic = self.device.readings_topic
        self.together = rng(self.seed, self.device.name, "together").randint(*self.scenario.together)

    def measure(self, instant_s: float, now_ms: int) -> list[OutgoingMessage]:
        """Measure at the simulated ``instant_s`` and the real ``now_ms``; return the messages to send, mostly one."""
        fault = self.radio.at(instant_s)
        payload, row = self._reading(instant_s, now_ms, fault)
        if fault.held:
            self.stored.append((payload, row))
            return [self._log(len(self.stored))] if fault.together and len(self.stored) == fault.readings else []
        if fault.kept_of != 1 and (fault.kept_of == 0 or self.seq % fault.kept_of):
            return []
        messages = []
        if self.repeat is not None:
            messages.append(self.repeat)
            self.repeat = None
        self.kept.append((payload, row))
        if len(self.kept) >= self.together:
            message = self._message()
            messages.append(message)
            if self.scenario.repeated and self._chance("repeat").random() < self.scenario.repeated:
                self.repeat = OutgoingMessage(
                    self.topic, self.device.domain, message.payload, tuple(map(_as_repeated, message.rows))
                )
        while self.stored:  # the present reading goes first
            messages.append(self._log(LOG))
        return messages

    def flush(self) -> list[OutgoingMessage]:
        """Return what it still stores, at the end of a run."""
        messages = [self._message()] if self.kept else []
        while self.stored:
            messages.append(self._log(LOG))
        return messages

    def _reading(self, instant_s: float, now_ms: int, fault: RadioFault) -> tuple[bytes, bytes]:
        """The next reading as payload and ledger row."""
        sample = self.device.source.sample(instant_s, self.seq)
        if fault.garbage:
            spoil_registers(sample, self.device.registers, self.seed, self.device.name, self.seq)
        reading: dict[str, Any] = {}
        if self.scenario.has_clock:
            self.last_ts = max(now_ms, self.last_ts + 1)
            reading["ts"] = self.last_ts + round(fault.clock_off_s * 1000)
        reading |= {"seq": self.seq, **sample.tags, **sample.values, **sample.health}
        spoilt = None
        if self.scenario.poison and (chance := self._chance("poison")).random() < self.scenario.poison:
            spoilt = spoil(chance, self.device.domain, sample.values, reading)
        row = self._row(sample, reading, spoilt, knows_time=self.scenario.has_clock and fault.clock_off_s <= AHEAD_S)
        self.seq += 1
        return spoilt.payload if spoilt else encode(reading), row

    def _row(self, sample: Sample, reading: dict[str, Any], spoilt: Spoilt | None, *, knows_time: bool) -> bytes:
        dropped = list(spoilt.dropped) if spoilt else []
        row: dict[str, Any] = {
            "t": self.topic,
            "m": self.device.domain,
            "tags": {"device": self.device.name, "site": self.device.site, **sample.tags},
            "ts": reading["ts"] if knows_time else None,
            "seq": self.seq,
            "f": {key: value for key, value in sample.values.items() if key not in dropped},
            "q": Quality.SIMULATED | (Quality.VALUE_DROPPED if dropped else 0) | (0 if knows_time else Quality.GATEWAY_TIME),
            "drop": dropped,
        }
        if sample.health:
            row["h"] = sample.health
        if spoilt is not None and spoilt.reason is not None:
            row["expect"] = spoilt.reason.value
        return encode(row)

    def _message(self) -> OutgoingMessage:
        payloads = [payload for payload, _ in self.kept]
        rows = tuple(row for _, row in self.kept)
        self.kept.clear()
        payload = payloads[0] if self.together == 1 else _array(payloads)
        return OutgoingMessage(self.topic, self.device.domain, payload, rows)

    def _log(self, most: int) -> OutgoingMessage:
        """The oldest readings that are stored, as one message."""
        readings, self.stored = self.stored[:most], self.stored[most:]
        payload = _array([payload for payload, _ in readings])
        return OutgoingMessage(self.topic, self.device.domain, payload, tuple(row for _, row in readings))

    def _chance(self, of: str) -> random.Random:
        return rng(self.seed, self.device.name, self.seq, of)


def _array(payloads: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(payloads) + b"]"


def _as_repeated(row: bytes) -> bytes:
    return row[:-1] + b',"dup":true}'
