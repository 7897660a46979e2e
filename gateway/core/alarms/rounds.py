"""The round over all registered devices, once a minute: it finds silent devices, silent sites and wrong clocks.

A site is silent when more than half of its devices, at least three, fell silent within an interval of each other. It is judged
an interval before its devices would be, so that one alarm stands for all of them; theirs follow only for those that stay
silent when the site speaks again.

Where several gateways share devices one of them tells who is silent, and only while it knows what the others heard
(:mod:`gateway.core.status.silence`). An alarm about a value ends where it was raised once others hear the device.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags
from gateway.core.alarms.rules import ClockWrong, Rule, Rules, Silent
from gateway.core.alarms.states import Place, Sight, States
from gateway.core.devices.clocks import clock_off_ms
from gateway.core.devices.device import Device, Series
from gateway.core.readings.clock_trust import TimeRules
from gateway.core.status.silence import INTERVALS, WITHOUT_INTERVAL, Silence

_WITHOUT_INTERVAL_MS: Final = round(WITHOUT_INTERVAL.total_seconds() * 1000) // INTERVALS


def interval_ms(device: Device) -> int:
    """The interval of a device from the registry, else the one that :mod:`gateway.core.status.silence` assumes."""
    interval = device.registered.interval if device.registered is not None else None
    return _WITHOUT_INTERVAL_MS if interval is None else max(1, round(interval.total_seconds() * 1000))


def place_of(device: Device, series: Series | None = None) -> Place:
    """The place of a device's alarms, with the tags of its series if a reading is at hand."""
    entry = device.registered
    site = series.site if series is not None else (entry.site if entry is not None else None)
    domain = series.domain if series is not None else device.measures
    tags = AlarmTags((entry.area if entry is not None else None) or "", device.name, domain or "", site or "")
    return Place(device.name, tags, INTERVALS * interval_ms(device), entry is not None, device.is_simulated)


_TOGETHER: Final = 200
"""Devices looked at between two pauses of the caller."""
_SITE_LEAST: Final = 3
_NEVER_MS: Final = 1 << 62


class Missing(NamedTuple):
    """A device that is silent, or soon will be, and the last time at which it was heard."""

    device: Device
    heard_ms: int


@dataclass(slots=True)
class Site:
    """The devices of a site: how many were heard before, and who sent nothing for ``silent_after`` less an interval."""

    heard: int
    missing: list[Missing]
    newest_ms: int = 0

    @property
    def is_mostly_missing(self) -> bool:
        """True when more than half of the devices, and not just a few, are missing."""
        return len(self.missing) >= _SITE_LEAST and 2 * len(self.missing) > self.heard

    def with_patience(self, rule: Rule) -> Rule:
        """The rule with its end put off by an interval: the last devices speak that much later than the first."""
        latest_ms = max((interval_ms(device) for device, _ in self.missing), default=0)
        return replace(rule, clear_after_ms=max(rule.clear_after_ms, latest_ms))

    def fell_together(self) -> list[Missing]:
        """The missing devices that fell silent within an interval of the last one; none while most of the site speaks."""
        newest_ms = max((heard_ms for _, heard_ms in self.missing), default=0)
        found = [one for one in self.missing if newest_ms - one.heard_ms <= interval_ms(one.device)]
        return found if Site(self.heard, found).is_mostly_missing else []


@dataclass(slots=True)
class Rounds:
    """Makes rounds; the rules tell which clocks are near ours."""

    silence: Silence
    time: TimeRules

    def run(
        self, rules: Rules, states: States, devices: Iterable[Device], now_ms: int, *, clock_trusted: bool
    ) -> Iterator[None]:
        """Make a round; pause after every few devices."""
        sites: dict[str, Site] = {}
        asked: list[Device] = []
        membership = self.silence.membership
        silent = {rule.name for rule, _, _ in rules.of(Silent)}
        clocks = [(rule, name) for rule, name, _ in rules.of(ClockWrong) if clock_trusted]
        for number, device in enumerate(devices):
            if number % _TOGETHER == 0:
                yield
            if self._count(device, sites, now_ms) or (membership.heard_ms(device) and states.has(device.name)):
                asked.append(device)
            if membership.has_passed_on(device, self.silence.after_ms(device)):
                for state in list(states.at(device.name).values()):
                    states.pass_on(state, rules.by_name[state.key.alarm], now_ms)
                continue
            for rule, name in clocks:
                self._judge_clock(states, rule, name, device)
        if not membership.leads:
            for state in [state for state in states if state.key.alarm in silent]:
                states.end(state, now_ms)  # others tell it from now on
        elif membership.knows(now_ms):
            self._judge_all(rules, states, sites, asked, now_ms)

    def _judge_all(self, rules: Rules, states: States, sites: dict[str, Site], asked: Iterable[Device], now_ms: int) -> None:
        """Judge the silence of sites, then of the devices for which no site speaks."""
        of_devices, spoken_for = _silent_rules(rules, "device"), set[str]()
        for rule, name in _silent_rules(rules, "site"):
            for gone in [state for state in states if state.key.alarm == rule.name and state.key.place not in sites]:
                states.end(gone, now_ms)
            for place, site in sites.items():
                state = _judge_site(states, rule, name, place, site, now_ms)
                if state is not None and state.is_active:
                    spoken_for.update(device.name for device, _ in site.missing)
                    _end_covered(states, of_devices, site, state.since_ms, now_ms)
        for rule, name in of_devices:
            for device in asked:
                if device.name not in spoken_for:
                    self._judge_silence(states, rule, name, device, now_ms)

    def _count(self, device: Device, sites: dict[str, Site], now_ms: int) -> bool:
        """Count a device at its site; True if it is silent, or would be within an interval."""
        after_ms, every_ms = self.silence.after_ms(device), interval_ms(device)
        early_ms = max(0, min(every_ms, (after_ms - every_ms) // 2))
        is_missing = self.silence.is_overdue(device, now_ms, -early_ms)
        name = device.registered.site if device.registered is not None else None
        if name is not None:
            site = sites.setdefault(name, Site(0, []))
            heard_ms = self.silence.membership.heard_ms(device)
            site.heard += heard_ms > 0
            site.newest_ms = max(site.newest_ms, heard_ms)
            if is_missing:
                site.missing.append(Missing(device, heard_ms))
        return is_missing

    def _judge_silence(self, states: States, rule: Rule, name: str, device: Device, now_ms: int) -> None:
        heard_ms = self.silence.membership.heard_ms(device)
        if self.silence.is_overdue(device, now_ms, rule.for_ms):
            place = place_of(device)._replace(gap_ms=_NEVER_MS)
            states.stand(rule, place, Sight(name, now_ms, (now_ms - heard_ms) / 1000, since_ms=heard_ms))
        elif not self.silence.is_overdue(device, now_ms):
            state = states.find(AlarmKey(rule.name, device.name))
            # After a power cut the last times heard may be missing on disk. A silence that only seems longer does not end.
            if state is not None and heard_ms > state.since_ms:
                states.fall(rule, device.name, name, now_ms)

    def _judge_clock(self, states: States, rule: Rule, name: str, device: Device) -> None:
        """Judge a clock, on the times at which the device was heard: one late reading is not a wrong clock."""
        if device.offset_ms is None:
            return
        off_ms, clock = clock_off_ms(device, self.time, self.silence.after_ms(device)), device.clock
        if off_ms is not None and clock is not None:
            sight = Sight(name, device.last_seen_ms, off_ms / 1000, since_ms=clock.since_ms)
            states.stand(rule, place_of(device), sight)
        elif states.has(device.name):
            states.fall(rule, device.name, name, device.last_seen_ms)


def _judge_site(states: States, rule: Rule, name: str, place: str, site: Site, now_ms: int) -> AlarmState | None:
    """Judge a site by one rule; return the state of its alarm."""
    key, together = AlarmKey(rule.name, place), site.fell_together()
    state = states.find(key)
    if together or (site.is_mostly_missing and state is not None):
        since_ms = min(heard_ms for _, heard_ms in together or site.missing)
        sight = Sight(name, now_ms, float(len(site.missing)), since_ms=since_ms)
        states.stand(rule, _place_of(place, site), sight)
    elif state is not None and site.newest_ms > state.raised_ms:
        states.fall(site.with_patience(rule), place, name, now_ms)
    return states.find(key)


def _end_covered(states: States, of_devices: list[tuple[Rule, str]], site: Site, since_ms: int, now_ms: int) -> None:
    """Let the site's alarm replace those of its devices, but for a device that was silent long before."""
    for device, _ in site.missing:
        for rule, _ in of_devices:
            state = states.find(AlarmKey(rule.name, device.name))
            if state is not None and state.since_ms >= since_ms:
                states.end(state, now_ms)


def _place_of(name: str, site: Site) -> Place:
    devices = [device for device, _ in site.missing]
    areas = {device.registered.area or "" for device in devices if device.registered is not None}
    tags = AlarmTags(area=areas.pop() if len(areas) == 1 else "", site=name)
    return Place(name, tags, _NEVER_MS, simulated=all(device.is_simulated for device in devices))


def _silent_rules(rules: Rules, of: str) -> list[tuple[Rule, str]]:
    return [(rule, name) for rule, name, when in rules.of(Silent) if when.of == of]
