"""The verdict: all is well, or a list of findings, as data that a page puts into its reader's language.

Each finding names its sentence by a key and gives the numbers in it. Words of a server or the system are quoted beside it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.core.devices.clocks import clock_off_ms
from gateway.core.devices.device import Device
from gateway.core.readings.clock_trust import TimeRules
from gateway.core.status.history import SilentShare
from gateway.core.status.silence import UNREGISTERED, Presence, Silence

REJECTS_WITHIN_MIN: Final = 10
"""Minutes for which rejects count; older ones are history."""

ORIGINS_WITHIN_MIN: Final = 10
"""The same for messages that found no place or made room."""
_FILLING: Final = 0.8
_FULL_SOON_S: Final = 2 * 3600.0
_FULL_LATER_S: Final = 72 * 3600.0
_MIB: Final = 2**20
_SITE_LEAST: Final = 3
"""Least number of silent devices at which more than half of all is no coincidence."""

_MORE_PCT: Final = 10
"""Points of per cent, above twice the silent share of yesterday, from which on silence is trouble."""
_RENEW_LATEST_DAYS: Final = 21
"""Certificates that renew themselves do so a month before their end; one that has not needs a person."""
_RENEW_NOW_DAYS: Final = 3


class Level(StrEnum):
    """Weight of a finding; the worst finding decides."""

    GOOD = "good"
    ATTENTION = "attention"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding that people should know: key and contents of a sentence of :mod:`gateway.support.i18n.findings`.

    :ivar params: ``domain`` and ``reason`` are codes of closed lists.
    :ivar detail: words of a server, the system or a file's check, quoted.
    """

    key: str
    level: Level
    params: Mapping[str, float | str] = field(default_factory=dict)
    detail: str = ""


QUIET: Final = "quiet"
NEVER_HEARD: Final = "never_heard"
STOPPED: Final = "stopped"
CLOCK_OFF: Final = "clock_off"
STATES: Final = (*Presence, UNREGISTERED, QUIET, NEVER_HEARD, STOPPED, CLOCK_OFF)
"""By what lists are cut: each number of a finding is that of the list in that state."""


def states_of(device: Device, silence: Silence, rules: TimeRules, now_ms: int) -> tuple[Presence, set[str]]:
    """The presence of a device, and the other states in which lists show it; :class:`Fleet` counts it under them.

    What stopped an online device kept its newest message from becoming readings in full; its clock is judged as far as it told
    in this run. A device of which it is not known if another gateway hears it was heard at some time.
    """
    presence, setback = silence.presence(device, now_ms), device.setback
    is_online, is_timed = presence is Presence.ONLINE, device.offset_ms is not None
    told = {
        UNREGISTERED: device.registered is None,
        QUIET: presence in {Presence.SILENT, Presence.UNKNOWN},
        NEVER_HEARD: presence is Presence.UNKNOWN and not silence.membership.heard_ms(device),
        STOPPED: is_online and setback is not None and setback.stops,
        CLOCK_OFF: is_online and is_timed and clock_off_ms(device, rules, silence.after_ms(device)) is not None,
    }
    return presence, {state for state, holds in told.items() if holds}


def is_in_state(device: Device, state: str, silence: Silence, rules: TimeRules, now_ms: int) -> bool:
    """Tell if a device is in a state."""
    presence, others = states_of(device, silence, rules, now_ms)
    return state == presence or state in others


@dataclass(slots=True)
class Fleet:
    """Devices by domain and state.

    :ivar domains: domain, or ``no_domain`` → how many devices stand how.
    :ivar stopped: online devices whose newest message gave no reading, or not all of its readings.
    :ivar unasked: devices that were heard before, of which it is not known now if another gateway hears them.
    :ivar is_answered: the database says what other gateways heard.
    """

    domains: dict[str, Counter[Presence]] = field(default_factory=dict)
    clocks_off: int = 0
    unregistered: int = 0
    stopped: int = 0
    unasked: int = 0
    is_answered: bool = True

    @property
    def total(self) -> Counter[Presence]:
        """The same over all domains."""
        return sum(self.domains.values(), Counter())

    def look_at(self, devices: Iterable[Device], silence: Silence, rules: TimeRules, now_ms: int) -> None:
        """Count these too."""
        self.is_answered = silence.membership.knows(now_ms)
        for device in devices:
            presence, states = states_of(device, silence, rules, now_ms)
            self.domains.setdefault(device.measures or "no_domain", Counter())[presence] += 1
            self.unregistered += UNREGISTERED in states
            self.unasked += presence is Presence.UNKNOWN and NEVER_HEARD not in states
            self.stopped += STOPPED in states
            self.clocks_off += CLOCK_OFF in states


def silent_of(counts: Counter[Presence]) -> tuple[int, int]:
    """The number of silent devices, with those never heard, and the number that should be heard."""
    return counts[Presence.SILENT] + counts[Presence.UNKNOWN], counts.total() - counts[Presence.NEW]


def _counted(*counts: tuple[str, Level, int]) -> list[Finding]:
    """The findings that tell a number alone, where it is not 0."""
    return [Finding(key, level, {"count": count}) for key, level, count in counts if count]


def of_devices(fleet: Fleet, yesterday: SilentShare | None = None) -> list[Finding]:
    """Findings about devices, compared with the silent ones at this time a day ago, if that is known."""
    total = fleet.total
    quiet, expected = silent_of(total)
    if quiet and quiet == expected and not fleet.unasked:
        return [Finding("all_silent", Level.TROUBLE, {"total": expected})]
    found = []
    if total[Presence.NEW] and not total[Presence.ONLINE]:
        found.append(Finding("none_heard", Level.ATTENTION, {"total": total[Presence.NEW]}))
    if total[Presence.SILENT]:
        found.append(_silent(total, yesterday))
    for domain, counts in fleet.domains.items():
        if counts[Presence.SILENT] >= _SITE_LEAST and not counts[Presence.ONLINE]:
            found.append(Finding("domain_silent", Level.TROUBLE, {"domain": domain, "total": silent_of(counts)[1]}))
    elsewhere = "heard_elsewhere_untold" if fleet.is_answered else "heard_elsewhere_unknown"
    unknown = total[Presence.UNKNOWN] - fleet.unasked
    found += _counted((elsewhere, Level.ATTENTION, fleet.unasked), ("never_heard", Level.ATTENTION, unknown))
    if fleet.stopped:
        all_are = fleet.stopped == total[Presence.ONLINE] >= _SITE_LEAST
        params = {"stopped": fleet.stopped, "online": total[Presence.ONLINE]}
        found.append(Finding("devices_stopped", Level.TROUBLE if all_are else Level.ATTENTION, params))
    return found + _counted(("clocks_off", Level.ATTENTION, fleet.clocks_off))


def _silent(total: Counter[Presence], yesterday: SilentShare | None) -> Finding:
    """Some devices are silent: trouble if they are more than half, or many more than a day ago."""
    silent, (quiet, expected) = total[Presence.SILENT], silent_of(total)
    params: dict[str, float | str] = {"silent": silent, "total": expected}
    many = silent >= _SITE_LEAST
    if yesterday is None:
        return Finding("silent", Level.TROUBLE if many and 2 * silent > expected else Level.ATTENTION, params)
    now_pct, before_pct = 100 * quiet / expected, 100 * yesterday.silent / yesterday.expected
    worse = many and (2 * silent > expected or now_pct >= 2 * before_pct + _MORE_PCT)
    level = Level.TROUBLE if worse else Level.ATTENTION
    return Finding("silent_since_yesterday", level, {**params, "pct": round(now_pct, 1), "before_pct": round(before_pct, 1)})


def of_alarms(open_critical: int, others: int) -> list[Finding]:
    """Findings about active alarms: critical ones that nobody has acknowledged, and others."""
    return _counted(("alarms_critical", Level.TROUBLE, open_critical), ("alarms_active", Level.ATTENTION, others))


def of_certificates(days_left: Mapping[str, float]) -> list[Finding]:
    """Findings about certificates that end soon or have ended, by the setting that names them."""
    found = []
    for which, days in days_left.items():
        if days <= 0:
            found.append(Finding("certificate_ended", Level.TROUBLE, {"which": which}))
        elif days < _RENEW_LATEST_DAYS:
            level = Level.TROUBLE if days < _RENEW_NOW_DAYS else Level.ATTENTION
            found.append(Finding("certificate_ends", level, {"which": which, "days": int(days)}))
    return found


def of_data(rejects: Counter[str], lost: int, expired: int) -> list[Finding]:
    """Findings about readings that did not become data.

    :param rejects: those of the last ten minutes, by reason.
    :param lost: messages of the quarantine since the start; what the journal lost is an alarm of its own.
    """
    found = _counted(("lost", Level.TROUBLE, lost), ("expired", Level.ATTENTION, expired))
    if rejects:
        ((reason, _),) = rejects.most_common(1)
        params: dict[str, float | str] = {"count": rejects.total(), "minutes": REJECTS_WITHIN_MIN, "reason": reason}
        found.append(Finding("rejects_lately", Level.ATTENTION, params))
    return found


def of_stores(**filled: tuple[int, int]) -> list[Finding]:
    """Findings about stores that fill: store → the bytes that it holds, and may hold."""
    return [
        Finding(f"{store}_filling", Level.ATTENTION, {"pct": min(100, 100 * used_bytes // max_bytes)})
        for store, (used_bytes, max_bytes) in filled.items()
        if max_bytes and used_bytes >= _FILLING * max_bytes
    ]


def of_room(seconds_to_full: float | None, free_bytes: int | None, min_free_bytes: int) -> list[Finding]:
    """Findings about the room that readings have to wait in.

    :param seconds_to_full: until the journal has no room; None while it does not grow. Of 0 other findings tell.
    :param free_bytes: of the disk; None while unknown.
    :param min_free_bytes: with less free the journal does not grow.
    """
    found = []
    if seconds_to_full and seconds_to_full < _FULL_SOON_S:
        minutes = math.ceil(seconds_to_full / 60)
        found.append(Finding("journal_full_in_minutes", Level.TROUBLE, {"minutes": minutes}))
    elif seconds_to_full and seconds_to_full < _FULL_LATER_S:
        hours = int(seconds_to_full // 3600)
        found.append(Finding("journal_full_in_hours", Level.ATTENTION, {"hours": hours}))
    if free_bytes is not None and free_bytes < 2 * min_free_bytes:
        level = Level.TROUBLE if free_bytes < min_free_bytes else Level.ATTENTION
        found.append(Finding("disk_short", level, {"free": free_bytes // _MIB, "least": min_free_bytes // _MIB}))
    return found


_ORDER: Final = {Level.TROUBLE: 0, Level.ATTENTION: 1}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in the order of their weight."""
    return sorted(findings, key=lambda finding: _ORDER[finding.level])


def level_of(findings: Iterable[Finding]) -> Level:
    """The verdict in a word."""
    return min((finding.level for finding in findings), key=_ORDER.__getitem__, default=Level.GOOD)
