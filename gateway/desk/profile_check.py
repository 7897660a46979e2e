"""The tests inside profiles, run: each message through the core, and what comes out against what the profile promises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.codecs.calls import CodecCalls
from gateway.core.clock import ClockTrust, TimeRules, device_ms
from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles import Profiles
from gateway.core.streams import Registered, Streams
from gateway.desk.documents import point_document
from gateway.desk.look import Desk, Seen
from schemas.profile_tests import Expected, ExpectedPoint, ProfileTest, TestMessage
from schemas.quantities import Quality

_DAY_MS: Final = 86_400_000
_RULES: Final = TimeRules(max_past_ms=40 * _DAY_MS, max_future_ms=300_000, late_after_ms=3_600_000)
_ARRIVAL_MS: Final = 1_793_491_200_000
"""When a message arrives of which nothing tells its time."""
_TOLERANCE: Final = 1e-9
_PLACE_TAGS: Final = frozenset({"area", "device", "site"})


@dataclass(frozen=True, slots=True)
class Checked:
    """One test of a profile.

    :ivar faults: in what it failed, a sentence each; empty when it passed.
    """

    profile: str
    name: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Tested:
    """A registered device as a test needs it."""

    profile: str | None
    params: dict[str, float | int | str | bool]
    area: None = None
    site: None = None
    domain: None = None
    model: None = None


class _Everyone(Mapping[str, Registered]):
    """A registry in which every device is registered alike."""

    def __init__(self, entry: Registered) -> None:
        self._entry = entry

    def __getitem__(self, name: str) -> Registered:
        return self._entry

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def check_profile(name: str, tests: list[ProfileTest], profiles: Profiles, codecs: CodecCalls) -> list[Checked]:
    """Run the tests inside one profile; ``profiles`` holds it, and best no other."""
    return [_check(name, test, number, profiles, codecs) for number, test in enumerate(tests, start=1)]


def _check(name: str, test: ProfileTest, number: int, profiles: Profiles, codecs: CodecCalls) -> Checked:
    registered = name if profiles.by_name[name].by_registry else None
    streams = Streams(_Everyone(_Tested(registered, dict(test.params))), None, profiles)
    trust = ClockTrust(not_before_ms=0, max_future_ms=_RULES.max_future_ms)
    desk = Desk(Processor(streams, _RULES, trust), codecs)
    faults: list[str] = []
    together: list[Seen] = []
    for message in test.sequence():
        expected = message.expect or (test.expect if not test.messages else None)
        arrival_ms = _arrival_ms(message, expected or test.expect)
        properties = tuple(message.properties.items())
        stored = StoredMessage(message.topic, message.body(), message.retain, user_properties=properties)
        seen = desk.take(stored, arrival_ms)
        together.append(seen)
        if expected is not None:
            faults += _compare(expected, [seen])
    if test.messages and test.expect is not None:
        faults += _compare(test.expect, together)
    return Checked(name, test.name or f"test {number}", tuple(faults))


def _arrival_ms(message: TestMessage, expected: Expected | None) -> int:
    if message.arrival is not None:
        return device_ms(message.arrival) or _ARRIVAL_MS
    times = [device_ms(point.time) for point in expected.points] if expected else []
    return max((time_ms for time_ms in times if time_ms is not None), default=_ARRIVAL_MS)


def _compare(expected: Expected, seen: list[Seen]) -> list[str]:
    """In what the outcome differs from what was promised."""
    refusals = [refusal for one in seen for refusal in one.outcome.refusals]
    ignored = [one.outcome.ignored for one in seen if one.outcome.ignored is not None]
    if expected.reject is not None:
        if any(refusal.reason is expected.reject for refusal in refusals):
            return []
        return [f"should be the reject {expected.reject.value}, but is {_found(seen)}"]
    if refusals:
        return [f"rejected: {refusal.reason.value}: {refusal.detail}" for refusal in refusals]
    if expected.ignored:
        return [] if ignored else [f"should be ignored, but is {_found(seen)}"]
    points = [
        (point_document(line), one.arrival_ms)
        for one in seen
        for reading in one.outcome.readings
        for line in reading.lines.split("\n")
    ]
    return _compare_points(expected.points, points) or ([] if points or not ignored else [f"ignored: {ignored[0].value}"])


def _found(seen: list[Seen]) -> str:
    for one in seen:
        if one.outcome.refusals:
            return f"the reject {one.outcome.refusals[0].reason.value}: {one.outcome.refusals[0].detail}"
        if one.outcome.ignored is not None:
            return f"ignored ({one.outcome.ignored.value})"
        if one.outcome.readings:
            return f"points: {'; '.join(reading.lines for reading in one.outcome.readings)}"
    return "nothing at all"


def _compare_points(expected: list[ExpectedPoint], found: list[tuple[dict[str, Any], int]]) -> list[str]:
    """Each expected point takes one of those found, whatever their order; what is left on either side is a fault."""
    faults, left = [], list(found)
    for wanted in expected:
        same = [pair for pair in left if not _differences(wanted, *pair)]
        if same:
            left.remove(same[0])
            continue
        near = min(left, key=lambda pair: len(_differences(wanted, *pair)), default=None)
        if near is None:
            faults.append(f"there is no point {wanted.measurement} {wanted.fields}")
        else:
            left.remove(near)
            faults += _differences(wanted, *near)
    return faults + [f"there is a point too many: {point}" for point, _ in left]


def _differences(wanted: ExpectedPoint, point: dict[str, Any], arrival_ms: int) -> list[str]:
    fields = {key: value for key, value in point["fields"].items() if key not in {"quality", "seq"} or key in wanted.fields}
    tags = {key: value for key, value in point["tags"].items() if key not in _PLACE_TAGS or key in wanted.tags}
    at_arrival = wanted.time == "arrival"
    time_ms = arrival_ms if at_arrival else device_ms(wanted.time)
    quality = wanted.quality if wanted.quality is not None else (Quality.GATEWAY_TIME if at_arrival else 0)
    pairs = [
        ("measurement", wanted.measurement, point["measurement"]),
        ("device", wanted.device or point["tags"]["device"], point["tags"]["device"]),
        ("tags", wanted.tags, tags),
        ("quality", quality, point["fields"]["quality"]),
        ("time", point["time_ms"] if wanted.time is None else time_ms, point["time_ms"]),
        *[(key, wanted.fields.get(key), fields.get(key)) for key in sorted(wanted.fields.keys() | fields.keys())],
    ]
    return [f"{what} should be {should}, but is {found}" for what, should, found in pairs if not _equal(should, found)]


def _equal(should: object, found: object) -> bool:
    if isinstance(should, bool) or isinstance(found, bool):
        return should is found
    if isinstance(should, int | float) and isinstance(found, int | float):
        return abs(should - found) <= _TOLERANCE * max(1.0, abs(should))
    return should == found
