"""Coverage: the share of registered devices that report, per area and domain, against the plan's 100 %."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from gateway.core.status.silence import UNREGISTERED, Presence
from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice, device_key


class Stand(NamedTuple):
    """The presence of a device, and the domain that it measures, if known."""

    presence: str
    domain: str | None = None


class CoverageGroup(NamedTuple):
    """A group in which devices are counted; None is not known."""

    area: str | None
    domain: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """Devices of a group; None: unknown, since the gateway does not run.

    Of the registered ones some are online (``reporting``), were heard and are ``silent``, were never heard and could not be
    expected yet (``new``), or were never heard (``unknown``). The registry does not name those that are ``unregistered``.
    """

    registered: int
    reporting: int | None = None
    silent: int | None = None
    new: int | None = None
    unknown: int | None = None
    unregistered: int | None = None

    @property
    def unheard(self) -> int | None:
        """Registered ones that were never heard."""
        return None if self.new is None or self.unknown is None else self.new + self.unknown

    @property
    def share_pct(self) -> float | None:
        """Percentage of the registered devices that report; None without registered devices."""
        return None if self.reporting is None or not self.registered else 100 * self.reporting / self.registered


@dataclass(frozen=True, slots=True)
class Coverage:
    """The count of each group in the order of areas and domains, of each domain, and of all."""

    groups: dict[CoverageGroup, Count]
    domains: dict[str | None, Count]
    total: Count


def coverage(registered: Iterable[RegisteredDevice], met: Mapping[str, Stand] | None) -> Coverage:
    """Count devices; ``met`` is the state of each that the gateway knows, by its id; None: it does not run."""
    others = None if met is None else {device_key(name): device for name, device in met.items()}
    states: defaultdict[CoverageGroup, Counter[str]] = defaultdict(Counter)
    for device in registered:
        stand = (others or {}).pop(device_key(device.id), None) or Stand(Presence.NEW)
        states[CoverageGroup(device.area, device.domain or stand.domain)][stand.presence] += 1
    for stranger in (others or {}).values():
        states[CoverageGroup(None, stranger.domain)][UNREGISTERED] += 1
    groups = sorted(states, key=lambda group: (group.area is None, group.area or "", _rank(group.domain)))
    domains: dict[str | None, Counter[str]] = {}
    for group in sorted(groups, key=lambda group: _rank(group.domain)):
        domains.setdefault(group.domain, Counter()).update(states[group])
    count = _count if met is not None else lambda registered: Count(registered.total())
    return Coverage(
        {group: count(states[group]) for group in groups},
        {domain: count(state) for domain, state in domains.items()},
        count(sum(states.values(), Counter())),
    )


def _rank(domain: str | None) -> int:
    return DOMAINS.index(domain) if domain in DOMAINS else len(DOMAINS)


def _count(states: Counter[str]) -> Count:
    online, silent, new, unknown = (states[presence] for presence in Presence)
    return Count(states.total() - states[UNREGISTERED], online, silent, new, unknown, states[UNREGISTERED])


def coverage_document(found: Coverage, areas: Mapping[str, str]) -> dict[str, object]:
    """Coverage as JSON, null for unknown numbers; ``areas`` has the name of each code."""
    return {
        "groups": [
            {"area": area, "name": areas.get(area or ""), "domain": domain, **_count_document(count)}
            for (area, domain), count in found.groups.items()
        ],
        "domains": [{"domain": domain, **_count_document(count)} for domain, count in found.domains.items()],
        "total": _count_document(found.total),
    }


def _count_document(count: Count) -> dict[str, object]:
    share_pct = count.share_pct
    return {**asdict(count), "share_pct": None if share_pct is None else round(share_pct, 2)}
