"""Alarms: those that what happened in the town calls for, and those that nothing called for."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from tests.campaigns.truth.calendar import BEFORE_S, BEGIN_S, DAY_S, at_s
from tests.campaigns.truth.faults import FAULTS, LEAKS, NO_FLOW, THEFTS, Fault
from tests.campaigns.truth.parts import Gateway
from tests.campaigns.truth.town import FEEDS
from tests.campaigns.truth.world import World

JUDGED: Final = frozenset({"counter_step", "register_stuck", "no_flow", "losses_high", "leak", "burst", "clock_wrong"})
"""The rules that are held against what happened: others speak of silence and pressure."""
DEVICE_DAYS_AN_UNCALLED: Final = 2000.0
"""One false alarm is borne in so many days of a device."""
_OF_FAULTS: Final = {"reset": "counter_step", "garbage": "", "stuck": "register_stuck", "clock": "clock_wrong"}
_WITHIN_S: Final = {"losses_high": 5 * DAY_S, "leak": 5 * DAY_S, "register_stuck": 12 * DAY_S, "counter_step": 3 * 3600.0}


class Due(NamedTuple):
    """An alarm that is called for.

    :ivar by_s: until then it must have been raised.
    """

    alarm: str
    device: str
    begin_s: float
    by_s: float


Raised = tuple[str, str, float]
"""Alarm, device, and since when."""


class AlarmVerdict(NamedTuple):
    """The findings about alarms.

    :ivar missing: alarms that were called for and not raised.
    :ivar uncalled: alarm and device → times that it was raised and nothing called for it.
    :ivar most_uncalled: how many of these are borne.
    """

    due: int
    missing: list[Due]
    uncalled: Counter[tuple[str, str]]
    most_uncalled: float

    @property
    def is_good(self) -> bool:
        """All that were called for were raised, and hardly any other."""
        return not self.missing and self.uncalled.total() <= self.most_uncalled


def due_alarms(world: World) -> Iterator[Due]:
    """The alarms that are called for, as far as there was time for them."""
    found = [_due(alarm, device, at_s(day, 0.0)) for alarm, device, day in _slow_ones()]
    found += [_of_fault(fault) for fault in world.faults if _name(fault)]
    found += [_due("no_flow", device, at_s(day, low)) for device, times in NO_FLOW.items() for day, low, _ in times]
    return (one for one in found if one.device in world.by_id and one.by_s < world.end_s)


def _slow_ones() -> Iterator[tuple[str, str, int]]:
    for zone, day, _ in THEFTS:
        yield from (("losses_high", feed.meter, day) for feed in FEEDS if feed.zone == zone)
    yield from (("leak", device, day) for device, day, _ in LEAKS)


def _name(fault: Fault) -> str:
    if fault.kind == "exchange":
        return "counter_step" if fault.told_h is None else ""
    return _OF_FAULTS.get(fault.kind, "")


def _of_fault(fault: Fault) -> Due:
    after_h = fault.hours if fault.kind == "exchange" else 0.0
    return _due(_name(fault), fault.device, at_s(fault.day, fault.hour + after_h))


def _due(alarm: str, device: str, begin_s: float) -> Due:
    return Due(alarm, device, begin_s, begin_s + _WITHIN_S.get(alarm, 6 * 3600.0))


def judge_alarms(raised: Collection[Raised], world: World) -> AlarmVerdict:
    """Hold the history of alarms against what happened."""
    due = list(due_alarms(world))
    missing = [
        one
        for one in due
        if not any(
            alarm == one.alarm and device == one.device and one.begin_s - BEFORE_S - DAY_S <= at <= one.by_s
            for alarm, device, at in raised
        )
    ]
    troubled = {(one.alarm, one.device) for one in due} | {("counter_step", fault.device) for fault in FAULTS}
    troubled |= {("leak", meter) for zone in _leaking(world) for meter in _upstream(world, zone)}
    uncalled = Counter((alarm, device) for alarm, device, _ in raised if alarm in JUDGED and (alarm, device) not in troubled)
    lived = len(world.meters) * (world.end_s - BEGIN_S) / DAY_S
    return AlarmVerdict(len(due), missing, uncalled, max(1.0, lived / DEVICE_DAYS_AN_UNCALLED))


def _leaking(world: World) -> Iterator[str]:
    """The zones in which something runs day and night: a leak behind a meter, or what is taken beside it."""
    yield from (zone for zone, _, _ in THEFTS)
    yield from (world.by_id[device].zone for device, _, _ in LEAKS if device in world.by_id)


def _upstream(world: World, zone: str) -> Iterator[str]:
    """The meters through which a zone is fed: their nights say what runs in it."""
    for feed in FEEDS:
        if feed.zone == zone and feed.meter in world.by_id:
            yield feed.meter
            yield from _upstream(world, world.by_id[feed.meter].zone)


def raised_alarms(gateway: Gateway) -> Iterator[Raised]:
    """Alarm, device and since when, of each that was raised."""
    seen = set()
    for line in gateway.command("alarms", "history", "--json").splitlines():
        row = json.loads(line)
        key = row["alarm"], row["device"] or row["site"], row["since_ms"] / 1000
        if key not in seen:
            seen.add(key)
            yield key


def alarm_lines(found: AlarmVerdict) -> list[str]:
    """The verdict for people."""
    lines = [f"alarms: {found.due - len(found.missing)} of {found.due} called for were raised"]
    lines += [f"  NOT RAISED {one.alarm} of {one.device}" for one in found.missing]
    lines.append(f"alarms that nothing called for: {found.uncalled.total()}, at most {found.most_uncalled:.1f} are borne")
    lines += [f"  UNCALLED {alarm} of {device}: {times:,} times" for (alarm, device), times in sorted(found.uncalled.items())]
    return lines
