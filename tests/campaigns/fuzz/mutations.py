"""Messages that no device should send: the examples inside the shipped profiles and real ones, broken in every way."""

import json
import random
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.core.message import StoredMessage
from gateway.support.config.profile_files import ProfileFile
from tests.campaigns.fuzz.ways import Ways

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
NATIVE = [
    ("water", {"ts": 1_793_491_200_000, "seq": 5, "volume_m3": 12.5, "flow_m3_h": 1, "battery_pct": 90, "alarm_leak": False}),
    ("traffic", {"ts": "2026-11-01T00:00:00Z", "lane": "1", "vehicle_count": 3, "interval_s": 60, "mean_speed_km_h": 40}),
    ("power", [{"seq": 1, "energy_import_kwh": 10.25, "power_factor": -0.5}, {"seq": 2, "voltage_l1_v": 231}]),
    ("urban", {"air_temperature_c": 21.5, "channel": "a", "people_in_total": 7}),
]
OWN_SHARE = 0.75
AS_IT_IS_SHARE = 0.13


@dataclass(frozen=True)
class Seed:
    """A message as a device sends it."""

    topic: str
    payload: bytes


def examples(files: Iterable[ProfileFile]) -> list[Seed]:
    """The examples inside profiles, and native readings."""
    own = [Seed(message.topic, message.body()) for file in files for test in file.model.tests for message in test.sequence()]
    native = [
        Seed(f"iot/v1/site/{domain}/dev-1/{channel}", json.dumps(reading).encode())
        for domain, reading in NATIVE
        for channel in ("readings", "status")
    ]
    return own + native


def real(topics: list[str]) -> Iterator[Seed]:
    """Real payloads, where there are any; those that tell no topic come on one of ``topics``."""
    for file in sorted(CORPORA.glob("*.jsonl")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            topic = row.get("topic") or topics[number % len(topics)]
            if file.name == "lorawan_uplinks.jsonl":
                topic = "application/1/device/1/event/up"
            if isinstance(coded := row.get("payload_b64"), str):
                yield Seed(topic, b64decode(coded))
            for key in ("payload", "sample", "telegram", "pack"):
                if key in row:
                    found = row[key]
                    yield Seed(topic, found.encode() if isinstance(found, str) else json.dumps(found).encode())


class Mutator:
    """Makes messages of seeds, the same ones for the same number."""

    def __init__(self, own: list[Seed], number: int) -> None:
        self._own = own
        self._seeds = own + list(real(sorted({seed.topic for seed in own})))
        self._chance = random.Random(number)  # noqa: S311 - the same every time
        self._ways = Ways([seed.payload for seed in self._seeds], self._chance)

    def message(self) -> StoredMessage:
        """The next message."""
        chance = self._chance
        seed = chance.choice(self._own if chance.random() < OWN_SHARE else self._seeds)
        topic, payload = seed.topic, seed.payload
        if chance.random() > AS_IT_IS_SHARE:
            payload = self._ways.spoiled(payload)
        if chance.random() < 0.1:
            payload = self._ways.spoiled(payload)
        luck = chance.random()
        if luck < 0.05:
            topic = chance.choice(self._seeds).topic
        elif luck < 0.1:
            topic = self._broken_topic(topic)
        properties = (("device", chance.choice(["a", "", "\ud800", "x" * 100])),) if luck > 0.95 else ()
        return StoredMessage(topic, payload, chance.random() < 0.1, chance.random() < 0.1, properties)

    def answer(self) -> tuple[dict[str, Any] | None, str | None]:
        """Return any answer that a faulty codec might give: data, or a fault."""
        chance = self._chance
        if chance.random() < 0.1:
            return None, "TypeError: x is undefined"
        names = ("pressure", "depth", "t", "total_l", "status", "deltas", "history", "battery", "timestamp", "line_1_total_in")
        return {name: self._ways.nasty() for name in chance.sample(names, 5)}, None

    def _broken_topic(self, topic: str) -> str:
        levels = topic.split("/")
        at = self._chance.randrange(len(levels))
        levels[at] = self._chance.choice(
            ["", "x" * 70, "\u00e9", "NDEATH", "DDATA", "readings", levels[at - 1], "a b", "sim-1"]
        )
        return "/".join(levels)
