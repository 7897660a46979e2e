"""Values that flicker over a limit: nothing to store, nothing told, and not a reading's difference for what stands."""

from collections.abc import Mapping
from random import Random

import pytest

from gateway.core.alarms.alarm import AlarmKey
from gateway.core.alarms.rules import Rule, Values
from schemas.quantities import Quality
from schemas.readings import Value
from schemas.registry import RegisteredDevice
from tests.core.alarms.alarming import Bed, above, below, registered, rule
from tests.core.making import MINUTE_MS, NOW_MS

LIMIT_V, HIGH_V, GOOD_V = 231.0, 240.0, 225.0
SLOW = rule(above("voltage_l1_v", LIMIT_V, 228.0), above("voltage_l2_v", LIMIT_V, 228.0), name="slow", for_ms=10 * MINUTE_MS)
LOW = rule(below("voltage_l1_v", 209.0, 211.0), name="low", for_ms=3 * MINUTE_MS)
AT_ONCE = rule(above("frequency_hz", 55.0), name="now")
TOGETHER = rule(
    Values((*above("voltage_l2_v", LIMIT_V).limits, *above("current_l2_a", 50.0).limits)), name="both", for_ms=5 * MINUTE_MS
)
RULES = (SLOW, LOW, AT_ONCE, TOGETHER)


def meter(*rules: Rule, interval: str = "10s") -> Bed:
    bed = Bed(*(rules or RULES))
    bed.device("d1", registered("d1", interval=interval, domain="power"), "power")
    bed.take(NOW_MS - 10_000, phases(GOOD_V))  # the first reading of a run is always looked at closely
    return bed


def phases(l1_v: float, l2_v: float = GOOD_V) -> Mapping[str, Value]:
    return {"voltage_l1_v": l1_v, "voltage_l2_v": l2_v, "frequency_hz": 50.0}


def stored(bed: Bed) -> list[AlarmKey]:
    return list(bed.alarms.states.drain().states)


def test_a_value_that_flickers_over_its_limit_leaves_nothing_to_store() -> None:
    bed, random = meter(), Random(7)  # noqa: S311 - seeded
    for number in range(3000):
        bed.push(NOW_MS + number * 10_000, phases(*(HIGH_V if random.random() < 0.3 else GOOD_V for _ in range(2))))
    kept = stored(bed)
    assert len(kept) < 30, "six readings in a row are beyond the limit now and then: a minute"
    steadier = meter()
    for number in range(1000):
        steadier.push(NOW_MS + number * 10_000, phases(HIGH_V if number % 6 < 5 else GOOD_V))
    assert stored(steadier) == []
    assert not steadier.alarms.states.has("d1")


def test_what_stands_for_a_minute_is_pending_since_its_true_beginning_and_is_raised_in_its_time() -> None:
    bed = meter()
    for second in range(0, 60, 10):
        bed.push(NOW_MS + second * 1000, phases(HIGH_V))
    assert not bed.alarms.states.has("d1")
    bed.push(NOW_MS + MINUTE_MS, phases(HIGH_V))
    assert stored(bed) == [AlarmKey("slow", "d1")]
    told = [(second, bed.take(NOW_MS + second * 1000, phases(HIGH_V))) for second in range(70, 620, 10)]
    assert [second for second, found in told if found] == [600]
    assert [state.since_ms for state in bed.alarms.states] == [NOW_MS]


def test_the_end_of_a_run_stores_what_has_only_begun() -> None:
    bed = meter()
    bed.push(NOW_MS, phases(HIGH_V))
    bed.alarms.settle()
    assert stored(bed) == [AlarmKey("slow", "d1")]
    bed.push(NOW_MS + 10_000, phases(GOOD_V))
    assert not bed.alarms.states.has("d1")


def test_a_device_that_sends_seldom_is_raised_by_its_second_reading() -> None:
    bed = meter(interval="15min")
    assert bed.take(NOW_MS, phases(HIGH_V)) == []
    assert bed.take(NOW_MS + 15 * MINUTE_MS, phases(HIGH_V)) == ["raised slow@d1"]


def raised_after_s(bed: Bed, from_s: int) -> int | None:
    """Send what is beyond the limit every 10 s; return when the alarm was raised."""
    told = ((second, bed.take(NOW_MS + second * 1000, phases(HIGH_V))) for second in range(from_s, from_s + 1200, 10))
    return next((second for second, found in told if found), None)


def test_the_time_starts_again_after_a_gap_and_not_by_a_good_reading_that_came_late() -> None:
    gap = meter()
    gap.push(NOW_MS, phases(HIGH_V))
    assert raised_after_s(gap, 31) == 631
    late = meter()
    late.push(NOW_MS, phases(HIGH_V))
    late.push(NOW_MS - 5000, phases(GOOD_V))
    assert raised_after_s(late, 10) == 600


def test_what_is_told_at_once_is_told_by_the_first_reading() -> None:
    bed = meter()
    assert bed.take(NOW_MS, {**phases(HIGH_V), "frequency_hz": 60.0}) == ["raised now@d1"]


@pytest.mark.parametrize("how", ["rules", "registry"])
def test_what_has_begun_goes_on_under_other_rules_and_another_registry(how: str) -> None:
    bed = meter()
    bed.push(NOW_MS, phases(HIGH_V))
    if how == "rules":
        bed.alarms.replace_rules(bed.alarms.rules, NOW_MS)
    else:
        bed.alarms.replace_registry({"d1": RegisteredDevice(id="d1", site="s1")}, NOW_MS)
    for second in range(10, 600, 10):
        assert bed.take(NOW_MS + second * 1000, phases(HIGH_V)) == []
    assert bed.take(NOW_MS + 600_000, phases(HIGH_V)) == ["raised slow@d1"]


@pytest.mark.parametrize("how", ["forget", "pass_on"])
def test_what_has_begun_of_a_device_that_left_is_forgotten(how: str) -> None:
    bed = meter()
    bed.push(NOW_MS, phases(HIGH_V))
    if how == "forget":
        bed.alarms.forget(["d1"], NOW_MS)
    else:
        bed.alarms.pass_on(bed.devices["d1"], NOW_MS)
    bed.alarms.settle()
    assert not bed.alarms.states.has("d1")


def reading(random: Random) -> tuple[int, Mapping[str, Value], int, str]:
    """Time since the one before, values, quality and channel of some reading."""
    after_ms = random.choice([1000, 10_000, 20_000, 30_000] * 25 + [31_000, 200_000, -5000])
    volts = [random.choice([GOOD_V, GOOD_V, HIGH_V, HIGH_V, LIMIT_V, 229.0, 205.0, 210.0]) for _ in range(2)]
    values: dict[str, Value] = random.choice(
        [
            {"voltage_l1_v": volts[0], "voltage_l2_v": volts[1], "frequency_hz": random.choice([50.0] * 30 + [60.0])},
            {"voltage_l1_v": volts[0], "voltage_l2_v": volts[1], "frequency_hz": 50.0},
            {"voltage_l2_v": volts[1], "current_l2_a": random.choice([10.0, 60.0])},
            {"current_l2_a": random.choice([10.0, 60.0])},
            {"active_power_w": 10.0},
        ]
    )
    quality = random.choice([0] * 20 + [Quality.HISTORIC, Quality.COUNTER_SUSPECT])
    return after_ms, values, quality, random.choice(["", "", "", "", "", "", "1"])


@pytest.mark.parametrize("seed", range(8))
def test_marks_change_nothing_of_what_is_told_and_when(seed: int) -> None:
    """Beside it runs an engine whose marks become states at each reading, as if there were none."""
    random = Random(seed)  # noqa: S311 - seeded
    changing, steady = [], seed % 2 == 0
    marked, plain = meter(), meter()
    now_ms, last = NOW_MS, reading(random)
    for _ in range(2000):
        fresh = reading(random)
        if not steady or random.random() < 0.02:
            last = fresh
        (after_ms, _, quality, _), (_, values, _, channel) = fresh, last
        now_ms += after_ms
        found = [bed.take(now_ms, values, quality=quality, channel=channel) for bed in (marked, plain)]
        plain.alarms.settle()
        assert found[0] == found[1], (seed, now_ms, values)
        changing += found[0]
    marked.alarms.settle()
    states = [[(one.key, one.raised_ms, one.standing) for one in bed.alarms.states] for bed in (marked, plain)]
    assert states[0] == states[1]
    assert len(changing) > 3, "the streams raise something"
