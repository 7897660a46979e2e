"""Comparison of the points of a profile's test with the expected ones."""

from typing import Any, Final, NamedTuple

from gateway.core.readings.clock_trust import device_ms
from gateway.onboarding.explain.dry_run import Trace, instant_text, point_documents
from schemas.profile_tests import Expected, ExpectedPoint
from schemas.quantities import Quality
from schemas.readings import ARRAY_MAX

_TOLERANCE: Final = 1e-9
PLACE_TAGS: Final = frozenset({"area", "device", "site"})
NOT_VALUES: Final = frozenset({"quality", "seq"})
_SHOWN_MAX: Final = 5


class Came(NamedTuple):
    """A resulting point, in the form of ``gateway decode --json``, and the arrival of its message."""

    point: dict[str, Any]
    arrival_ms: int


def points_of(seen: list[Trace]) -> list[Came]:
    """The points that messages gave, in order."""
    return [Came(point, one.arrival.now_ms) for one in seen for point in point_documents(one.outcome)]


def compare(expected: Expected, seen: list[Trace]) -> list[str]:
    """The differences between the outcome and the expectation, a sentence each."""
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
    points = points_of(seen)
    if not points and ignored:
        return [f"ignored: {ignored[0].value}"]
    faults, duplicates = _compare_points(expected.points, points), sum(one.outcome.duplicates for one in seen)
    if faults and duplicates:
        faults.append(f"duplicates: {duplicates}, of the same series, time and values as another reading")
    return faults


def _found(seen: list[Trace]) -> str:
    for one in seen:
        if one.outcome.refusals:
            return f"the reject {one.outcome.refusals[0].reason.value}: {one.outcome.refusals[0].detail}"
        if one.outcome.ignored is not None:
            return f"ignored ({one.outcome.ignored.value})"
        if one.outcome.readings:
            return f"points: {'; '.join(reading.lines for reading in one.outcome.readings)}"
    return "nothing at all"


def _compare_points(expected: list[ExpectedPoint], came: list[Came]) -> list[str]:
    """Pair each expected point with a resulting one, in any order; points left over on either side are faults."""
    left, missing = list(came), []
    for wanted in expected:
        same = next((one for one in left if not _differences(wanted, one)), None)
        if same is None:
            missing.append(wanted)
        else:
            left.remove(same)
    faults = []
    for wanted in missing:
        alike = [one for one in left if one.point["measurement"] == wanted.measurement]
        near = min(alike, key=lambda one: len(_differences(wanted, one)), default=None)
        if near is None:
            faults.append(f"there is no point {_wanted(wanted)}; {_all_that(came)}")
        else:
            left.remove(near)
            faults += _differences(wanted, near)
    return faults + [f"there is a point too many: {_shown(one)}" for one in left]


def _wanted(wanted: ExpectedPoint) -> str:
    time = f" at {wanted.time}" if wanted.time is not None else ""
    return f"{wanted.measurement}{_tag_text(wanted.tags)} {wanted.fields}{time}"


def _all_that(came: list[Came]) -> str:
    if not came:
        return "nothing came"
    more = f" and {len(came) - _SHOWN_MAX} more" if len(came) > _SHOWN_MAX else ""
    return f"there came {'; '.join(map(_shown, came[:_SHOWN_MAX]))}{more}"


def _shown(came: Came) -> str:
    point = came.point
    tags = {key: text for key, text in point["tags"].items() if key not in PLACE_TAGS}
    fields = {key: value for key, value in point["fields"].items() if key != "quality"}
    quality = point["fields"]["quality"]
    return (
        f"{point['measurement']}{_tag_text(tags)} {fields} at {instant_text(point['time_ms'])}"
        f"{f' quality {quality}' if quality else ''}"
    )


def _tag_text(tags: dict[str, str]) -> str:
    return "".join(f" {key}={text}" for key, text in tags.items())


def _differences(wanted: ExpectedPoint, came: Came) -> list[str]:
    point = came.point
    fields = {key: value for key, value in point["fields"].items() if key not in NOT_VALUES or key in wanted.fields}
    tags = {key: value for key, value in point["tags"].items() if key not in PLACE_TAGS or key in wanted.tags}
    at_arrival = wanted.time == "arrival"
    time_ms = _stamp_ms(came) if at_arrival else device_ms(wanted.time)
    quality = wanted.quality if wanted.quality is not None else (Quality.GATEWAY_TIME if at_arrival else 0)
    pairs = [
        ("measurement", wanted.measurement, point["measurement"]),
        ("device", wanted.device or point["tags"]["device"], point["tags"]["device"]),
        ("tags", wanted.tags, tags),
        ("quality", quality, point["fields"]["quality"]),
        ("time", instant_text(point["time_ms"] if time_ms is None else time_ms), instant_text(point["time_ms"])),
        *[(key, wanted.fields.get(key), fields.get(key)) for key in sorted(wanted.fields.keys() | fields.keys())],
    ]
    return [f"{what} should be {should}, but is {found}" for what, should, found in pairs if not _equal(should, found)]


def _stamp_ms(came: Came) -> int:
    """The arrival of a point's message, or the millisecond behind it that items of a codec's list are stamped with."""
    time_ms: int = came.point["time_ms"]
    return time_ms if 0 <= time_ms - came.arrival_ms < ARRAY_MAX else came.arrival_ms


def _equal(should: object, found: object) -> bool:
    if isinstance(should, bool) or isinstance(found, bool):
        return should is found
    if isinstance(should, int | float) and isinstance(found, int | float):
        return abs(should - found) <= _TOLERANCE * max(1.0, abs(should))
    return should == found
