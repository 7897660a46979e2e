"""Alarms in the database against what happened. Pure.

An event whose alarm does not stand when it is due is *missing*; one whose alarm came later is *late*. An alarm that no event
explains is *false*, if it was raised while devices sent. One that was raised again while it stood is *doubled*. An event that
is due only after the last reading is left open.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from firmware_sim.compare import Discrepancy
from firmware_sim.query import StoredPoint
from firmware_sim.truth_rows import Happening

ALARM: Final = "alarm"
"""The measurement."""
GRACE_MS: Final = 32 * 3_600_000
"""So long after its end an event explains alarms: days are judged in the night after them."""
SLACK_MS: Final = 120_000
"""Rounds over silent devices are made once a minute."""
MOST_FALSE: Final = 1 / 2_000
"""False alarms that a device may have in a day."""
DAY_MS: Final = 86_400_000


class Raised(NamedTuple):
    """An alarm from beginning to end.

    :ivar place: the device, or where it has none the site.
    :ivar ended_ms: None: it stands.
    """

    alarm: str
    place: str
    site: str
    raised_ms: int
    ended_ms: int | None


@dataclass(slots=True)
class AlarmsOutcome:
    """The outcome.

    :ivar device_days: days of all devices in which no false alarm would have been.
    """

    raised: int = 0
    missing: int = 0
    late: int = 0
    open: int = 0
    false: int = 0
    doubled: int = 0
    device_days: float = 0.0
    findings: list[Discrepancy] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """The faults found; some false alarms are none."""
        too_many = self.false if self.false > self.device_days * MOST_FALSE else 0
        return self.missing + self.late + self.doubled + too_many


def alarms_of(points: Iterable[StoredPoint]) -> list[Raised]:
    """Return the alarms that the points of the measurement tell of, by their beginning.

    Points of one alarm have one ``since_ms``. While it is active it is written again and again.
    """
    found: dict[tuple[str, str, str, int], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for point in points:
        tags, since_ms = point.tags, int(point.fields.get("since_ms", 0))
        active, ended = found[tags.get("alarm", ""), tags.get("device", ""), tags.get("site", ""), since_ms]
        (active if point.fields.get("active") else ended).append(point.time_ms)
    alarms = [
        Raised(alarm, device or site, site, min(active), max(ended) if ended else None)
        for (alarm, device, site, _), (active, ended) in found.items()
        if active
    ]
    return sorted(alarms, key=lambda raised: (raised.raised_ms, raised.alarm, raised.place))


def check_alarms(
    happenings: Sequence[Happening], alarms: Sequence[Raised], span_ms: tuple[int, int], devices: int
) -> AlarmsOutcome:
    """Hold alarms against events.

    :param span_ms: the first and the last reading.
    :param devices: how many there were.
    """
    outcome = AlarmsOutcome(device_days=devices * (span_ms[1] - span_ms[0]) / DAY_MS)
    by_place: dict[tuple[str, str], list[Raised]] = defaultdict(list)
    for raised in alarms:
        by_place[raised.alarm, raised.place].append(raised)
    for happening in happenings:
        if happening.alarm is not None:
            _expect(happening, happening.alarm, by_place[happening.alarm, happening.place], span_ms[1], outcome)
    explained: dict[str, list[Happening]] = defaultdict(list)
    for happening in happenings:
        explained[happening.place].append(happening)
    for raised in alarms:
        if raised.raised_ms <= span_ms[1] and not any(
            _explains(happening, raised) for place in {raised.place, raised.site} for happening in explained[place]
        ):
            outcome.false += 1
            _find(outcome, "false", raised.alarm, raised.place, raised.raised_ms, "no event explains it")
    for same in by_place.values():
        for before, after in pairwise(same):
            if before.ended_ms is None or after.raised_ms < before.ended_ms:
                outcome.doubled += 1
                _find(outcome, "doubled", after.alarm, after.place, after.raised_ms, "raised again while it stood")
    return outcome


def _expect(happening: Happening, alarm: str, same: Sequence[Raised], last_ms: int, outcome: AlarmsOutcome) -> None:
    due_ms = happening.due_ms + SLACK_MS
    if due_ms > last_ms:
        outcome.open += 1
        return
    ended_ms = due_ms if happening.ended_ms is None else happening.ended_ms
    later = [raised for raised in same if raised.ended_ms is None or raised.ended_ms >= happening.began_ms]
    first_ms = min((raised.raised_ms for raised in later), default=None)
    if first_ms is not None and first_ms <= due_ms:
        outcome.raised += 1
    elif first_ms is not None and first_ms <= ended_ms + GRACE_MS:
        outcome.late += 1
        late_s = (first_ms - happening.due_ms) / 1000
        _find(
            outcome, "late", alarm, happening.place, happening.began_ms, f"{late_s:,.0f} s after it was due ({happening.story})"
        )
    else:
        outcome.missing += 1
        _find(outcome, "missing", alarm, happening.place, happening.began_ms, f"never raised ({happening.story})")


def _explains(happening: Happening, raised: Raised) -> bool:
    """Tell if an event explains an alarm of its device, or of a device of its site."""
    if happening.place != (raised.site if happening.is_site else raised.place):
        return False
    ended_ms = happening.ended_ms
    if ended_ms is not None and raised.raised_ms > ended_ms + GRACE_MS:
        return False
    if raised.alarm in happening.after and ended_ms is not None and raised.raised_ms >= ended_ms:
        return True
    is_own = raised.alarm == happening.alarm and (raised.place == happening.place)
    return raised.raised_ms >= happening.began_ms and (is_own or raised.alarm in happening.may)


def _find(outcome: AlarmsOutcome, kind: str, alarm: str, place: str, at_ms: int, detail: str) -> None:
    outcome.findings.append(Discrepancy(kind, ALARM, place, at_ms, None, f"{alarm}: {detail}"))
