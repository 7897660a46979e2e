"""The verdict on a schedule: why a reading is not in InfluxDB, and if anything else is wrong. Pure."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

SHOWN: Final = 5
VERDICT: Final = "verdict.json"

Key = tuple[str, int]
"""A reading: its device and its ``seq``, which a fleet gives once."""


def keys_of(topic: str, payload: bytes) -> list[Key]:
    """The readings of a message of the fleet."""
    device = topic.split("/")[4]
    found = json.loads(payload)
    return [(device, reading["seq"]) for reading in (found if isinstance(found, list) else [found])]


@dataclass(frozen=True)
class Evidence:
    """The evidence that was found when all had settled.

    :ivar acknowledged: readings that the broker acknowledged to the fleet.
    :ivar delivered: readings that the broker handed to the gateway.
    :ivar confirmed: those of them that the gateway confirmed to the broker.
    :ivar standing: readings that stand in InfluxDB.
    :ivar verified: the totals of ``firmware-sim verify``.
    :ivar expired: how many readings the gateway says it has given up.
    :ivar looks: how often its ledger was seen.
    :ivar fewest_looks: fewer would prove nothing.
    :ivar seen: faults that were seen on the way.
    """

    acknowledged: frozenset[Key]
    delivered: frozenset[Key]
    confirmed: frozenset[Key]
    standing: frozenset[Key]
    verified: dict[str, int]
    expired: int
    looks: int
    fewest_looks: int
    broker_killed: bool
    drops_oldest: bool
    seen: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one schedule.

    :ivar faults: what must not be, as sentences; a schedule without any is green.
    """

    number: int
    setting: str
    deeds: list[str]
    readings: int = 0
    lost_by_gateway: int = 0
    altered: int = 0
    lost_by_broker: int = 0
    expired: int = 0
    looks: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def is_green(self) -> bool:
        """Nothing is wrong."""
        return not self.faults

    def as_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self) | {"ok": self.is_green}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Verdict":
        """Read what :meth:`as_json` wrote."""
        document: dict[str, Any] = json.loads(text)
        del document["ok"]
        return cls(**document)


@dataclass(frozen=True)
class Judgement:
    """The account of a schedule's readings."""

    lost_by_gateway: int
    lost_by_broker: int
    altered: int
    faults: list[str]


def judge(evidence: Evidence) -> Judgement:
    """Tell why a reading is missing.

    What the gateway confirmed is its own to keep. What it did not confirm is the broker's, which may only lose it when it is
    killed; else it is held against the gateway all the same, for nobody else is left.
    """
    absent = (evidence.acknowledged | evidence.confirmed) - evidence.standing
    given_up = frozenset[Key]()
    if evidence.drops_oldest:
        given_up = evidence.delivered - evidence.standing
    by_broker = absent - evidence.confirmed - given_up if evidence.broker_killed else frozenset[Key]()
    by_gateway = absent - by_broker - given_up
    verified, missing = evidence.verified, len(evidence.acknowledged - evidence.standing)
    elsewhere = verified["missing"] - missing  # they stand, but not at the time they were sent with
    altered = verified["different"] + verified["duplicate"] + verified["accepted"] + max(elsewhere, 0)
    faults = [
        *evidence.seen,
        _said(by_gateway, "readings lost by the gateway"),
        f"{altered} readings altered or standing twice, {max(elsewhere, 0)} of them at another time: {verified}"
        if altered
        else "",
        f"firmware-sim verify misses {verified['missing']}, the count by seq {missing}" if elsewhere < 0 else "",
        f"its ledger was seen {evidence.looks} times only" if evidence.looks < evidence.fewest_looks else "",
        f"{evidence.expired} expired, {len(given_up)} not there" if evidence.expired != len(given_up) else "",
    ]
    return Judgement(len(by_gateway), len(by_broker), altered, [fault for fault in faults if fault])


def _said(keys: Iterable[Key], what: str) -> str:
    found = sorted(keys)
    return f"{len(found)} {what}: {', '.join(f'{device} seq {seq}' for device, seq in found[:SHOWN])}" if found else ""
