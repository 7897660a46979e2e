"""Sharing out what devices send among several gateways: who has which share, and the topic filters of a share.

Theory of operation
-------------------
Each share goes to the gateway for which its hash is the highest (rendezvous hashing): every gateway comes to the same answer
from the same list, after every restart, and one gateway more or less moves only its own part. Chance alone would give one of
them far more than another. So the heaviest gives shares to the lightest, first those that the hash sends there almost as well,
until all stand within the tolerance. Where shares are too large for that, they stand as near as they can.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.topics import SPARKPLUG

TOLERANCE: Final = 0.12
"""How far a gateway's readings may be off an equal part. Weights are estimates: 15 % are promised."""

_SPARKPLUG_KEY: Final = "spBv1___0"
"""The namespace of Sparkplug as RabbitMQ writes it in a routing key, with ``mqtt.sparkplug`` on."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of what comes, read by one gateway: a site, one domain of a site, a Sparkplug group, or any topic filter.

    :ivar weight: its readings per hour, or any other measure that all shares have in common.
    :ivar gateway: the gateway that it belongs to in any case.
    """

    site: str | None = None
    domain: str | None = None
    group: str | None = None
    topic: str | None = None
    weight: float = 1.0
    gateway: str | None = None


def filters_of(share: Share) -> tuple[str, ...]:
    """The topic filters of a share, none of which takes messages of another one."""
    if share.site is not None:
        place = f"iot/v1/{share.site}/{share.domain or '+'}/+"
        return f"{place}/readings", f"{place}/status"
    if share.group is not None:
        return (f"{SPARKPLUG}/{share.group}/#",)
    return (share.topic or "",)


def routing_key(pattern: str) -> str:
    """The routing key under which RabbitMQ keeps a topic filter, or finds the queues for a topic."""
    space, slash, rest = pattern.partition("/")
    if space == SPARKPLUG:
        pattern = f"{_SPARKPLUG_KEY}{slash}{rest}"
    return pattern.replace("/", ".").replace("+", "*")


def assign(shares: Sequence[Share], gateways: Sequence[str]) -> Mapping[Share, str]:
    """Share → its gateway. The order of neither list matters."""
    shares = sorted(shares, key=filters_of)
    scores = {share: {gateway: _score(share, gateway) for gateway in gateways} for share in shares if not share.gateway}
    assigned = {share: share.gateway or max(scores[share], key=scores[share].__getitem__) for share in shares}
    loads = dict.fromkeys(sorted(gateways), 0.0)
    for share in shares:
        loads[assigned[share]] += share.weight
    while not _is_even(loads):
        heaviest, lightest = max(loads, key=loads.__getitem__), min(loads, key=loads.__getitem__)
        gap = loads[heaviest] - loads[lightest]
        free = [share for share in scores if assigned[share] == heaviest and share.weight < gap]
        if not free:  # pinned, or too large: the others are even among themselves
            del loads[heaviest]
            continue
        moved = min(free, key=lambda share: (scores[share][heaviest] - scores[share][lightest], filters_of(share)))
        loads[heaviest] -= moved.weight
        loads[lightest] += moved.weight
        assigned[moved] = lightest
    return assigned


def _is_even(loads: Mapping[str, float]) -> bool:
    fair = sum(loads.values()) / len(loads)
    return all(abs(load - fair) <= TOLERANCE * fair for load in loads.values())


def loads_of(assigned: Mapping[Share, str], gateways: Sequence[str]) -> dict[str, float]:
    """Gateway → its part of all readings, from 0 to 1."""
    total = sum(share.weight for share in assigned) or 1.0
    return {gateway: sum(share.weight for share in assigned if assigned[share] == gateway) / total for gateway in gateways}


def overlap(one: str, other: str) -> bool:
    """Tell if some topic matches both filters."""
    first, second = one.split("/"), other.split("/")
    for level, facing in zip(first, second, strict=False):
        if "#" in {level, facing}:
            return True
        if level != facing and "+" not in {level, facing}:
            return False
    shorter, longer = sorted((first, second), key=len)
    return len(shorter) == len(longer) or longer[len(shorter) :] == ["#"]


def _score(share: Share, gateway: str) -> int:
    """A number that share and gateway have in common, alike on every machine; weights and pins do not change it."""
    text = "\0".join((gateway, *filters_of(share)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
