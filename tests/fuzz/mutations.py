"""Messages that no device should send: the examples inside the shipped profiles and real ones, broken in every way."""

import json
import random
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.core.message import StoredMessage
from gateway.profile_files import ProfileFile

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"

NASTY: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    -0.0,
    1e308,
    5e-324,
    2**31,
    2**53 + 1,
    2**64,
    -(2**63),
    10**30,
    "",
    " ",
    "NaN",
    "-Infinity",
    "1,5",
    "1e999",
    "00012",
    "\u0000",
    "\ud800",
    "Ω" * 500,
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999999999999+23:59",
    "0001-01-01T00:00:00+23:59",
    [],
    {},
    [[]],
    [None] * 50,
    {"": ""},
    {"value": {"value": {"value": 1}}},
    float("nan"),
    float("inf"),
]
PIECES: list[bytes] = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"NaN",
    b"-Infinity",
    b"1" * 400,
    b'{"',
    b"[" * 3000,
    b'{"a":' * 3000,
    b"\xa1" * 2000,
    b"\xe2\x80\xa8",
    b"\\ud800",
    b"1e-400",
    b"\x80" * 20,
    b"}",
    b"]",
    b",",
    b"\n",
]
NATIVE = [
    ("water", {"ts": 1_793_491_200_000, "seq": 5, "volume_m3": 12.5, "flow_m3_h": 1, "battery_pct": 90, "alarm_leak": False}),
    ("traffic", {"ts": "2026-11-01T00:00:00Z", "lane": "1", "vehicle_count": 3, "interval_s": 60, "mean_speed_km_h": 40}),
    ("power", [{"seq": 1, "energy_import_kwh": 10.25, "power_factor": -0.5}, {"seq": 2, "voltage_l1_v": 231}]),
    ("urban", {"air_temperature_c": 21.5, "channel": "a", "people_in_total": 7}),
]
OWN_SHARE = 0.75


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
        self._ways: list[Callable[[bytes], bytes]] = [
            self._as_it_is,
            self._as_it_is,
            self._flipped,
            self._cut,
            self._spliced,
            self._with_piece,
            self._repeated,
            *[self._restructured] * 8,
            self._noise,
        ]

    def message(self) -> StoredMessage:
        """The next message."""
        chance = self._chance
        seed = chance.choice(self._own if chance.random() < OWN_SHARE else self._seeds)
        topic, payload = seed.topic, chance.choice(self._ways)(seed.payload)
        if chance.random() < 0.1:
            payload = chance.choice(self._ways)(payload)
        luck = chance.random()
        if luck < 0.05:
            topic = chance.choice(self._seeds).topic
        elif luck < 0.1:
            topic = self._broken_topic(topic)
        properties = (("device", chance.choice(["a", "", "\ud800", "x" * 100])),) if luck > 0.95 else ()
        return StoredMessage(topic, payload, chance.random() < 0.1, chance.random() < 0.1, properties)

    def answer(self) -> tuple[object, str | None]:
        """What a codec without shame might answer: data, or a fault."""
        chance = self._chance
        if chance.random() < 0.1:
            return None, "TypeError: x is undefined"
        names = ("pressure", "depth", "t", "total_l", "status", "deltas", "history", "battery", "timestamp", "line_1_total_in")
        return {name: self._nasty() for name in chance.sample(names, 5)}, None

    def _broken_topic(self, topic: str) -> str:
        levels = topic.split("/")
        at = self._chance.randrange(len(levels))
        levels[at] = self._chance.choice(
            ["", "x" * 70, "\u00e9", "NDEATH", "DDATA", "readings", levels[at - 1], "a b", "sim-1"]
        )
        return "/".join(levels)

    @staticmethod
    def _as_it_is(payload: bytes) -> bytes:
        return payload

    def _flipped(self, payload: bytes) -> bytes:
        changed = bytearray(payload)
        for _ in range(self._chance.randint(1, 4)):
            if changed:
                changed[self._chance.randrange(len(changed))] = self._chance.randrange(256)
        return bytes(changed)

    def _cut(self, payload: bytes) -> bytes:
        return payload[: self._chance.randint(0, len(payload))]

    def _spliced(self, payload: bytes) -> bytes:
        other = self._chance.choice(self._seeds).payload
        return payload[: self._chance.randint(0, len(payload))] + other[self._chance.randint(0, len(other)) :]

    def _with_piece(self, payload: bytes) -> bytes:
        at = self._chance.randint(0, len(payload))
        return payload[:at] + self._chance.choice(PIECES) + payload[at:]

    def _repeated(self, payload: bytes) -> bytes:
        at = self._chance.randint(0, len(payload))
        return payload[:at] + payload[at : at + 40] * self._chance.randint(2, 30) + payload[at:]

    def _noise(self, _payload: bytes) -> bytes:
        return self._chance.randbytes(self._chance.randint(0, 300))

    def _restructured(self, payload: bytes) -> bytes:
        """One or two values of a JSON document are others, or their keys."""
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError):
            return self._flipped(payload)
        for _ in range(self._chance.randint(1, 2)):
            document = self._with_other_value(document)
        return json.dumps(document).encode()

    def _with_other_value(self, document: Any) -> Any:  # noqa: ANN401
        chance = self._chance
        places: list[tuple[Any, Any]] = []
        stack = [document]
        while stack:
            node = stack.pop()
            if isinstance(node, dict | list) and node:
                keys = list(node) if isinstance(node, dict) else list(range(len(node)))
                places += [(node, key) for key in keys]
                stack += [node[key] for key in keys]
        if not places:
            return self._nasty()
        node, key = chance.choice(places)
        value = node[key]
        kind = chance.randrange(6)
        if kind == 0 and isinstance(node, dict):
            del node[key]
        elif kind == 1 and isinstance(value, str):
            node[key] = self._other_text(value)
        elif kind == 2 and isinstance(value, int | float) and not isinstance(value, bool):
            node[key] = chance.choice([-value, value * 1000, value + 1, float(value) / 3, str(value), value * 10**12])
        elif kind == 3 and isinstance(node, list):
            node.append(self._nasty())
        elif kind == 4:
            other, other_key = chance.choice(places)
            node[key] = deepcopy(other[other_key])
        else:
            node[key] = self._nasty()
        return document

    def _nasty(self) -> Any:  # noqa: ANN401
        return deepcopy(self._chance.choice(NASTY))

    def _other_text(self, value: str) -> str:
        try:
            frame = b64decode(value, validate=True)
        except ValueError:
            return value[: self._chance.randint(0, len(value))] + self._chance.choice(["", "é", "0", "Z"])
        return b64encode(self._chance.choice([self._flipped, self._cut, self._noise])(frame)).decode()
