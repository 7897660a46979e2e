"""How much of what a utility has registered reports: per area and domain, against the plan's 100 %."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice, device_key

SILENT_AFTER_INTERVALS: Final = 3
SILENT_AFTER_AT_LEAST: Final = timedelta(hours=1)


@lru_cache(maxsize=1024)
def silent_after_ms(interval: timedelta | None) -> int:
    """How long a device may say nothing before it counts as silent: three of its intervals, at least an hour."""
    longest = max(SILENT_AFTER_INTERVALS * (interval or timedelta(0)), SILENT_AFTER_AT_LEAST)
    return longest // timedelta(milliseconds=1)


def is_reporting(last_seen_ms: int | None, interval: timedelta | None, now_ms: int) -> bool:
    """Whether a device that was last heard at ``last_seen_ms`` (0 or None: never) counts as reporting."""
    return bool(last_seen_ms) and now_ms - (last_seen_ms or 0) < silent_after_ms(interval)


class Heard(NamedTuple):
    """What the gateway knows of a device it met.

    :ivar domain: what it measures, where that is known.
    """

    last_seen_ms: int | None
    domain: str | None = None


class Group(NamedTuple):
    """Where devices are counted; None: not known."""

    area: str | None
    domain: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """Devices of a group.

    :ivar reporting: registered ones that were heard lately; None: nobody knows.
    :ivar silent: registered ones that were not.
    :ivar unknown: devices that were met and that the registry does not name.
    """

    registered: int
    reporting: int | None
    silent: int | None
    unknown: int | None

    @property
    def share_pct(self) -> float | None:
        """Of the registered ones those that report, in percent; None where there is nothing to divide."""
        return None if self.reporting is None or not self.registered else 100 * self.reporting / self.registered


@dataclass(frozen=True, slots=True)
class Coverage:
    """The count of each group in the order of areas and domains, of each domain, and of all."""

    groups: dict[Group, Count]
    domains: dict[str | None, Count]
    total: Count


def coverage(registered: Iterable[RegisteredDevice], heard: Mapping[str, Heard] | None, now_ms: int) -> Coverage:
    """Count devices.

    :param heard: every device the gateway met, by its id; None: the gateway does not run, and only the registry is known.
    """
    met = None if heard is None else {device_key(name): device for name, device in heard.items()}
    states: defaultdict[Group, Counter[str]] = defaultdict(Counter)
    for device in registered:
        last = None if met is None else met.pop(device_key(device.id), None)
        reports = last is not None and is_reporting(last.last_seen_ms, device.interval, now_ms)
        domain = device.domain or (last.domain if last else None)
        states[Group(device.area, domain)]["reporting" if reports else "silent"] += 1
    for stranger in (met or {}).values():
        states[Group(None, stranger.domain)]["unknown"] += 1
    groups = sorted(states, key=lambda group: (group.area is None, group.area or "", _rank(group.domain)))
    domains: dict[str | None, Counter[str]] = {}
    for group in sorted(groups, key=lambda group: _rank(group.domain)):
        domains.setdefault(group.domain, Counter()).update(states[group])
    known = met is not None
    return Coverage(
        {group: _count(states[group], known=known) for group in groups},
        {domain: _count(state, known=known) for domain, state in domains.items()},
        _count(sum(states.values(), Counter()), known=known),
    )


def _rank(domain: str | None) -> int:
    return DOMAINS.index(domain) if domain in DOMAINS else len(DOMAINS)


def _count(states: Counter[str], *, known: bool) -> Count:
    registered = states["reporting"] + states["silent"]
    if not known:
        return Count(registered, None, None, None)
    return Count(registered, states["reporting"], states["silent"], states["unknown"])
