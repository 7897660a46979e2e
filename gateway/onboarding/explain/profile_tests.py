"""The tests inside profiles: each message goes through the core, and the result is compared with the expected one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from msgspec.structs import replace

from gateway.core.message import Arrival, StoredMessage, Undecodable
from gateway.core.profiles.mapped import Window
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import YEAR_2020_MS, TimeRules, device_ms
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.dry_run import DryRun, Trace, instant_text
from gateway.onboarding.explain.expected_points import compare, points_of
from gateway.onboarding.explain.steps import value_steps
from gateway.runtime.pipeline.processing import processor_apart
from schemas.profile import Profile
from schemas.profile_tests import Expected, ProfileTest, TestMessage
from schemas.quantities import Quality
from schemas.registry import RegisteredDevice
from schemas.rejects import RejectReason

_DAY_MS: Final = 86_400_000
RULES: Final = TimeRules(max_past_ms=40 * _DAY_MS, max_future_ms=300_000, late_after_ms=3_600_000)
"""The rules about times that hold in tests."""
_ARRIVAL_MS: Final = 1_793_491_200_000
"""Arrival of a message whose time nothing tells."""

_NOTHING_TELLS: Final = "since nothing gives a time"
_ABOUT_TIME: Final = ("time ", "quality ", "there is ", f"rejected: {RejectReason.NO_QUANTITY}")
"""Prefixes of faults that a wrong arrival may have caused."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One test of a profile."""

    profile: str
    name: str
    faults: tuple[str, ...]  # its faults, a sentence each; empty if it passed
    arrivals: tuple[str, ...] = ()  # arrival and its reason, a sentence for each message that does not give it
    filled: frozenset[tuple[str, str]] = frozenset()  # measurement and field of each resulting value


class _Everyone(Mapping[str, RegisteredDevice]):
    """A registry in which every device is registered, with the same parameters unless it is named."""

    def __init__(self, entry: RegisteredDevice, named: Mapping[str, RegisteredDevice]) -> None:
        self._entry = entry
        self._named = named

    def __getitem__(self, name: str) -> RegisteredDevice:
        return self._named.get(name, self._entry)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def check_profile(name: str, tests: list[ProfileTest], profiles: Profiles, codecs: SyncCodecs) -> list[Checked]:
    """Run the tests inside one profile; ``profiles`` holds it, preferably alone."""
    return [_check(name, test, number, profiles, codecs) for number, test in enumerate(tests, start=1)]


def unfilled(profile: Profile, checked: Iterable[Checked]) -> list[str]:
    """Each field of a profile that none of its tests fills, as ``key.path: sentence``."""
    filled = {pair for one in checked for pair in one.filled}
    return [
        f"{key}: no test gives it a value"
        for key, measurement, field in _fields_of(profile)
        if not any(measurement == where and fnmatchcase(what, field) for where, what in filled)
    ]


def _fields_of(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Key, measurement and field; where a name is made of a pattern, ``*`` stands for what is in braces."""
    for number, point in enumerate(profile.points):
        for field in point.fields:
            yield f"points.{number}.fields.{field}", point.measurement, field
        for name, entries in point.map.items():
            for entry in entries:
                yield f"points.{number}.map.{name}", point.measurement, re.sub(r"\{\w+\}", "*", entry.field)


def _check(name: str, test: ProfileTest, number: int, profiles: Profiles, codecs: SyncCodecs) -> Checked:
    dry_run = _desk(name, test, profiles, codecs)
    faults: list[str] = []
    arrivals: list[str] = []
    together: list[Trace] = []
    for message in test.sequence():
        expected = message.expect or (test.expect if not test.messages else None)
        properties = tuple(message.properties.items())
        stored = StoredMessage(message.topic, message.body(), message.retain, user_properties=properties)
        arrival = _arrival(message, expected, test, stored, _desk(name, test, profiles, codecs))
        if arrival.why == _NOTHING_TELLS:  # a millisecond apart, so that no two readings share one
            arrival = _ArrivalTime(arrival.time_ms + len(together), _NOTHING_TELLS)
        seen = dry_run.take(stored, arrival.time_ms)
        together.append(seen)
        if arrival.why:
            arrivals.append(f"arrives at {instant_text(arrival.time_ms)}, {arrival.why}; with arrival: a test says another")
        if expected is not None:
            faults += compare(expected, [seen])
    if test.messages and test.expect is not None:
        faults += compare(test.expect, together)
    filled = frozenset((came.point["measurement"], field) for came in points_of(together) for field in came.point["fields"])
    told = dict.fromkeys(arrivals) if any(fault.startswith(_ABOUT_TIME) for fault in faults) else ()
    return Checked(
        name, test.name or f"test {number}", (*faults, *_why_nothing(faults, together), *told), tuple(arrivals), filled
    )


def _why_nothing(faults: list[str], seen: list[Trace]) -> list[str]:
    """The steps of the values that are missing, as ``gateway decode`` shows them."""
    missing = {match[1] for fault in faults if (match := _MISSING.fullmatch(fault))}
    if not missing and not any(fault.startswith(_NO_QUANTITY) for fault in faults):
        return []
    steps = dict.fromkeys(step for one in seen for step in value_steps(one) if _GAVE_NOTHING.search(step))
    return [f"step: {step}" for step in steps if not missing or step.partition(" ")[0] in missing][:_SHOWN_MAX]


_MISSING: Final = re.compile(r"(\w+) should be .*, but is None", re.DOTALL)
_GAVE_NOTHING: Final = re.compile(r": nothing\b|: dropped, ")
_NO_QUANTITY: Final = f"rejected: {RejectReason.NO_QUANTITY.value}"
_SHOWN_MAX: Final = 5


def _desk(name: str, test: ProfileTest, profiles: Profiles, codecs: SyncCodecs) -> DryRun:
    registered = name if profiles.by_name[name].by_registry else None
    given = {device: {**test.params, **params} for device, params in test.devices.items()}
    named = {device: RegisteredDevice("any", profile=registered, params=params) for device, params in given.items()}
    registry = _Everyone(RegisteredDevice("any", profile=registered, params={**test.params}), named)
    return DryRun(processor_apart(registry, profiles, RULES), codecs)


class _ArrivalTime(NamedTuple):
    """The arrival of a message, and the reason for it if the message does not give its time."""

    time_ms: int
    why: str = ""


def _arrival(
    message: TestMessage, expected: Expected | None, test: ProfileTest, stored: StoredMessage, dry_run: DryRun
) -> _ArrivalTime:
    """Choose an arrival at which the times of a message are believed, unless the test expects the opposite."""
    if message.arrival is not None:
        return _ArrivalTime(device_ms(message.arrival) or _ARRIVAL_MS)
    newest_ms = _newest(expected)
    if newest_ms is None and (expected is None or _leaves_times_out(expected)):
        own_ms = _own_time(stored, dry_run)
        if own_ms is not None:
            return _ArrivalTime(own_ms, "the newest time in it")
    newest_ms = _newest(test.expect) if newest_ms is None and expected is None else newest_ms
    if newest_ms is not None:
        return _ArrivalTime(newest_ms, "the newest time expected")
    return _ArrivalTime(_ARRIVAL_MS, _NOTHING_TELLS)


def _newest(expected: Expected | None) -> int | None:
    times = [device_ms(point.time) for point in expected.points] if expected else []
    return max((time_ms for time_ms in times if time_ms is not None), default=None)


def _leaves_times_out(expected: Expected) -> bool:
    """Tell if expected points have a time and quality that do not depend on the arrival."""
    return any(point.time is None and not (point.quality or 0) & Quality.GATEWAY_TIME for point in expected.points)


class _AnyTime:
    """Believes every time since 2020."""

    def __call__(self, time_ms: int, _: Window) -> bool:
        return time_ms >= YEAR_2020_MS

    def latest_ms(self, window: Window) -> int:
        """The latest time that a clock may show."""
        return _ARRIVAL_MS + (RULES.max_future_ms if window.max_future_ms is None else window.max_future_ms)


def _own_time(message: StoredMessage, dry_run: DryRun) -> int | None:
    """The newest time in a message, however old."""
    trace = dry_run.take(message, _ARRIVAL_MS)
    frame, device = trace.frame, dry_run.processor.streams.devices.get(trace.device or "")
    if frame is None or device is None:
        return None
    seen = dry_run.processor.profiled.contexts(frame, device, Arrival(message, _ARRIVAL_MS))
    contexts = [replace(one, believes=_AnyTime()) for one in seen]
    try:
        points = [point for context in contexts for point in frame.profile.map(context)]
        times = [point.time_ms for point in points if not point.quality & Quality.GATEWAY_TIME]
    except Undecodable:
        return None
    return max((time_ms for time_ms in times if time_ms is not None), default=None)
