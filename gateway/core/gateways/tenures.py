"""Tenures: the shares that a gateway has, takes over or leaves, and what that means for its readings.

Theory of operation
-------------------
While a share moves, readings may still wait in the queue and the journal of its old gateway. Three things must hold then:

* **Sums.** The old gateway continues them until it is empty. The new one writes none before, then continues from the newest
  in the database.
* **Messages.** The new gateway subscribes before the old one unsubscribes, else messages would be lost; so some come to both.
  One with the device's time is the same point twice; one without gives two points, which carry bit 64. Meanwhile the new
  gateway stamps at odd milliseconds, the old one at even ones: of two readings at one time the second would replace the first.
* **Order.** A reading without its own time that waited at the old gateway is stamped later than some of the new one's. If its
  register shows less, that is no reset: with bit 64 it is taken for an older reading, and has no sum.

Each gateway publishes its stage of each share in the database, after the readings it covers: nobody else knows its journal, and
the stage holds while it is down. Gateways may learn of a move in any order: the old one continues until the new one reads, and
the new one writes no sums until the old one is empty. Only the old one's bit 64 begins when it has learned of the move.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from gateway.core.gateways.sharing import Share, filters_of
from schemas.quantities import DOMAINS
from schemas.topics import SPARKPLUG, matches

TENURE: Final = "share "
"""Before the name of a share, where the tenure is saved."""
OWN_TOPICS: Final = "gateway/v1/"
"""Topics on which gateways speak; no reading comes there."""
TOLD_AGAIN_MS: Final = 86_400_000
"""Each day a gateway says again how far it is: a database keeps points for some time only."""


class Stage(IntEnum):
    """The stage that a gateway has reached with a share; as a number in the database."""

    LEFT = 0
    """All that came is in the database."""
    LEAVING = 1
    """Nothing new comes; what waits in its queue and its journal is still to be written."""
    TAKING_OVER = 2
    """Its readings come here, their sums are not known yet."""
    HOLDING = 3
    """Its readings come here, with their sums."""


def fence_topic(client_id: str) -> str:
    """The topic of a gateway's messages to itself; a dot would be a level of its own in RabbitMQ."""
    return f"{OWN_TOPICS}{client_id.replace('.', '-')}/fence"


Stages = Mapping[str, Stage]
"""Gateway → how far it said it is with one share."""


def still_bound(others: Stages) -> list[str]:
    """The gateways to which messages of a share still come."""
    return sorted(gateway for gateway, stage in others.items() if stage >= Stage.TAKING_OVER)


def not_empty(others: Stages) -> list[str]:
    """The gateways that have readings of a share which are not in the database yet."""
    return sorted(gateway for gateway, stage in others.items() if stage is not Stage.LEFT)


def name_of(share: Share) -> str:
    """The name of a share, for people and in the database."""
    if share.site is not None:
        return share.site if share.domain is None else f"{share.site}/{share.domain}"
    return f"{SPARKPLUG}/{share.group}" if share.group is not None else share.topic or ""


def names_within(name: str) -> list[str]:
    """The names under which readings of a share may have come to others: its own, and those of a site and its domains."""
    site, _, domain = name.partition("/")
    if domain in DOMAINS:
        return [name, site]
    return [name] if domain else [name, *(f"{name}/{domain}" for domain in DOMAINS)]


def stages_within(told: Mapping[str, Stages], name: str, besides: str = "") -> Stages:
    """The stages of gateways, but for one, with a share; of its several names that counts which is furthest from being left."""
    stages: dict[str, Stage] = {}
    for one in names_within(name):
        for gateway, stage in told.get(one, {}).items():
            if gateway != besides:
                stages[gateway] = max(stage, stages.get(gateway, stage))
    return stages


@dataclass(frozen=True, slots=True)
class Tenure:
    """A share and this gateway.

    :ivar told_ms: the time at which the database last took the stage; 0: it does not know it yet.
    :ivar is_alone: nothing comes to another gateway as well, nor waits here that did.
    :ivar is_free: all that came to others is in the database.
    """

    stage: Stage
    since_ms: int
    told_ms: int = 0
    is_alone: bool = False
    is_free: bool = False

    def is_untold(self, now_ms: int) -> bool:
        """Tell if the database must be told, perhaps once more."""
        return now_ms - self.told_ms >= TOLD_AGAIN_MS

    def at(self, stage: Stage) -> "Tenure":
        """The same at another stage, of which nobody knows yet."""
        return replace(self, stage=stage, told_ms=0)

    def packed(self) -> str:
        """As text, for the file."""
        return json.dumps([int(self.stage), self.since_ms, self.told_ms, self.is_alone, self.is_free])


def unpack_tenure(text: str) -> Tenure:
    """A tenure from the file."""
    stage, *others = json.loads(text)
    return Tenure(Stage(stage), *others)


def share_named(name: str) -> Share:
    """The share that a name stands for."""
    first, _, rest = name.partition("/")
    if not rest or rest in DOMAINS:
        return Share(site=first, domain=rest or None)
    return Share(group=rest) if first == SPARKPLUG and "/" not in rest else Share(topic=name)


class Tenures:
    """The shares of one gateway, by name, also those that it is leaving."""

    def __init__(self, by_name: Mapping[str, Tenure] | None = None) -> None:
        self.by_name = dict(by_name or {})
        self._wanted: dict[str, Share] = {}
        self._others: dict[str, str] = {}
        self._listed: dict[str, Share] = {}
        self._released: set[str] = set()
        self._met: dict[str, Share] = {}
        self._patterns: dict[str, list[tuple[str, str]]] = {}
        self._shared: list[str] = []
        self._odd: list[str] = []

    def want(self, assigned: Mapping[Share, str], gateway: str, now_ms: int) -> list[str]:
        """Have what is assigned to this gateway from now on, and nothing else; return the names of what comes here."""
        self._listed = {name_of(share): share for share in assigned}
        self._wanted = {name_of(share): share for share, whose in assigned.items() if whose == gateway}
        self._others = {name_of(share): whose for share, whose in assigned.items() if whose != gateway}
        self._released.clear()
        gained = [name for name in self._wanted if name not in self.by_name or self.by_name[name].stage < Stage.TAKING_OVER]
        for name in gained:
            self.by_name[name] = Tenure(Stage.TAKING_OVER, now_ms)
        self._note_shared()
        return gained

    def is_still(self, name: str, before: Tenure) -> bool:
        """Tell if a share is at the stage that it was at before, and neither left nor came back in between."""
        now = self.by_name.get(name)
        return now is not None and (now.stage, now.since_ms) == (before.stage, before.since_ms)

    def move(self, name: str, change: Callable[[Tenure], Tenure]) -> Tenure:
        """Change a tenure; return it as it is now."""
        tenure = self.by_name[name] = change(self.by_name[name])
        self._note_shared()
        return tenure

    def forget(self, name: str) -> None:
        """Forget a share that was left."""
        del self.by_name[name]

    def _note_shared(self) -> None:
        """Note what comes to another gateway too: what is taken over, until it is alone here, and what is to be left."""
        odd = {name: tenure for name, tenure in self.by_name.items() if tenure.stage is not Stage.LEFT and not tenure.is_free}
        left = [name for name, tenure in self.by_name.items() if name not in self._wanted and tenure.stage is not Stage.LEFT]
        self._odd = list(odd)
        self._shared = [*left, *(name for name, tenure in odd.items() if not tenure.is_alone)]
        self._met = {name: share_named(name) for name in (*left, *odd)} | self._wanted
        self._patterns = {}
        for name, share in self._met.items():
            if share.topic is not None:
                self._patterns.setdefault(_fixed_head(share.topic), []).append((share.topic, name))

    @property
    def taken_over(self) -> list[str]:
        """The shares whose readings come here without their sums yet."""
        return [name for name in self._wanted if self.by_name[name].stage is Stage.TAKING_OVER]

    @property
    def unwanted(self) -> list[str]:
        """The shares to leave, whose readings may still come here."""
        return [name for name, tenure in self.by_name.items() if name not in self._wanted and tenure.stage > Stage.LEAVING]

    def heirs(self, name: str) -> dict[str, str]:
        """Name of a share → the gateway that it goes to, for all that an unwanted share becomes."""
        return {part: self._others[part] for part in names_within(name) if part in self._others}

    @property
    def kept(self) -> list[str]:
        """The unwanted shares that are read on, until those read them to whom they go."""
        return [name for name in self.unwanted if name not in self._released and self.heirs(name)]

    def release(self, name: str) -> None:
        """Read an unwanted share no longer: others do."""
        self._released.add(name)

    def filters(self) -> set[str]:
        """The topic filters of all that is read here."""
        return {pattern for name in (*self._wanted, *self.kept) for pattern in self.filters_of(name)}

    def filters_of(self, name: str) -> tuple[str, ...]:
        """The topic filters of a share, which the file may not list any more."""
        return filters_of(self._listed.get(name) or share_named(name))

    @property
    def leaving(self) -> list[str]:
        """The shares of which nothing new comes, while some of what came is not in the database yet."""
        return [name for name, tenure in self.by_name.items() if tenure.stage is Stage.LEAVING]

    @property
    def readers(self) -> Mapping[str, str]:
        """Name of a share → the gateway that is to read it; empty: this one."""
        return dict.fromkeys(self._wanted, "") | self._others

    @property
    def unplaced(self) -> list[str]:
        """The shares that are no sites, or parts of one."""
        return [name for name, share in self._listed.items() if share.site is None]

    def since_ms(self, share: str) -> int:
        """The time at which a share came here; 0: it did not."""
        return self.by_name[share].since_ms if share in self._wanted else 0

    def holds_sums_back(self, share: str) -> bool:
        """Tell if no sums may be written of the devices of a share, for another gateway still has some to write."""
        tenure = self.by_name.get(share)
        return tenure is not None and tenure.stage is Stage.TAKING_OVER and not tenure.is_free

    def parity(self, topic: str) -> int:
        """Tell if the readings of a topic are stamped at odd milliseconds: another gateway stamps some at even ones."""
        return int(bool(self._odd) and self.share_of(topic) in self._odd)

    def may_come_twice(self, topic: str) -> bool:
        """Tell if a message of a topic may have come to another gateway as well."""
        return bool(self._shared) and self.share_of(topic) in self._shared

    def share_of(self, topic: str) -> str:
        """The name of the share that a topic is in, empty if none; found by name, for there may be hundreds of sites."""
        if not self._met:
            return ""
        first, _, rest = topic.partition("/")
        second, _, rest = rest.partition("/")
        third, _, rest = rest.partition("/")
        is_native = (first, second) == ("iot", "v1")
        names = (third, f"{third}/{rest.partition('/')[0]}") if is_native else (f"{first}/{second}",)
        named = next((name for name in names if name in self._met and not self._met[name].topic), None)
        alike = [*self._patterns.get(f"{first}/{second}", ()), *self._patterns.get("", ())]
        return named or next((name for pattern, name in alike if matches(pattern, topic)), "")


def _fixed_head(pattern: str) -> str:
    """The first two levels of all topics that a filter takes, as an application of a network server; empty if they differ."""
    first, slash, rest = pattern.partition("/")
    head = f"{first}{slash}{rest.partition('/')[0]}"
    return head if slash and not {"+", "#"}.intersection(head.split("/")) else ""
