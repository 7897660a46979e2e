"""A firmware that counts in another unit, seen from the readings of its make."""

from math import inf
from typing import Any

import pytest

from gateway.core.readings.unit_jumps import DEVICES_MIN, UnitJump, UnitJumps, power_of_ten
from tests.core.making import DAY_MS, HOUR_MS, NOW_MS, message, pipeline, registered_device, topic


@pytest.mark.parametrize("make", [{"model": "AQ-4"}, {"profile": "AQ-4"}, {"model": "AQ-4", "profile": "p"}], ids=str)
def test_devices_of_a_make_that_count_ten_times_as_much_are_told_together(make: dict[str, Any]) -> None:
    names = [f"d{number}" for number in range(DEVICES_MIN)]
    into = pipeline({name: registered_device(**make) for name in names})
    for hour, volume in ((0, 120_000.0), (1, 1_200_001.0)):
        now_ms = NOW_MS + hour * HOUR_MS
        for name in names:
            into.process(message({"ts": now_ms, "volume_m3": volume}, topic(name)), now_ms)
    (jump,) = into.evaluator.unit_jumps.told(NOW_MS + HOUR_MS)
    assert (jump.make, jump.factor, jump.devices) == ("AQ-4", 10.0, tuple(names))


def test_one_device_alone_is_a_suspect_step_and_no_firmware() -> None:
    into = pipeline({"d1": registered_device(model="AQ-4")})
    for hour, volume in ((0, 120_000.0), (1, 1_200_001.0)):
        into.process(message({"ts": NOW_MS + hour * HOUR_MS, "volume_m3": volume}, topic("d1")), NOW_MS + hour * HOUR_MS)
    assert into.evaluator.unit_jumps.told(NOW_MS + HOUR_MS) == []


def test_devices_of_which_no_make_is_known_are_not_taken_for_one_make() -> None:
    names = [f"d{number}" for number in range(DEVICES_MIN)]
    into = pipeline({name: registered_device() for name in names})
    for hour, volume in ((0, 120_000.0), (1, 1_200_001.0)):
        now_ms = NOW_MS + hour * HOUR_MS
        for name in [*names, "unregistered"]:
            into.process(message({"ts": now_ms, "volume_m3": volume}, topic(name)), now_ms)
    assert into.evaluator.unit_jumps.told(NOW_MS + HOUR_MS) == []


@pytest.mark.parametrize(
    ("value", "power"),
    [
        pytest.param(1.0099 * 7e6, 6, id="a-million-times-as-much-and-some"),
        pytest.param(0.9901 * 7e-6, -6, id="a-millionth-and-a-little-less"),
        pytest.param(1.0101 * 70.0, 0, id="more-than-flows-meanwhile"),
        pytest.param(0.9899 * 70.0, 0, id="less-than-the-power-says"),
        pytest.param(7e7, 0, id="further-than-units-lie-apart"),
        pytest.param(7e-7, 0, id="further-down-than-units-lie-apart"),
        pytest.param(7.01, 0, id="the-same-unit"),
        pytest.param(0.0, 0, id="a-reset"),
        pytest.param(inf, 0, id="no-number"),
    ],
)
def test_another_unit_is_a_power_of_ten_up_to_six_and_a_hundredth_beside_it(value: float, power: int) -> None:
    assert power_of_ten(7.0, value) == power


def test_three_devices_within_a_day_are_told_once_and_for_a_day() -> None:
    jumps = UnitJumps()
    assert jumps.see("AQ-4", "d1", 7.0, 70.0, NOW_MS) is None
    assert jumps.see("AQ-4", "d1", 70.0, 700.0, NOW_MS) is None, "one device counts once"
    assert jumps.see("AQ-4", "d2", 7.0, 7.0, NOW_MS) is None
    assert jumps.see("AQ-4", "d2", 7.0, 7000.0, NOW_MS) is None, "another step"
    assert jumps.see("AQ-4", "d3", 7.0, 70.0, NOW_MS) is None
    jump = jumps.see("AQ-4", "d4", 7.0, 70.0, NOW_MS + DAY_MS)
    assert jump == UnitJump("AQ-4", 10.0, ("d1", "d3", "d4"))
    assert jumps.see("AQ-4", "d5", 7.0, 70.0, NOW_MS + DAY_MS) is None
    assert jumps.told(NOW_MS + 2 * DAY_MS) == [jump]
    assert jumps.told(NOW_MS + 2 * DAY_MS + 1) == []
    for number in range(3):
        again = jumps.see("AQ-4", f"e{number}", 70.0, 7.0, NOW_MS + 3 * DAY_MS)
    assert again == UnitJump("AQ-4", 0.1, ("e0", "e1", "e2"))


def test_devices_more_than_a_day_apart_show_no_firmware() -> None:
    jumps = UnitJumps()
    for number, after_ms in enumerate((0, 0, DAY_MS + 1, DAY_MS + 1)):
        assert jumps.see("AQ-4", f"d{number}", 7.0, 70.0, NOW_MS + after_ms) is None
    assert jumps.see("AQ-4", "d9", 7.0, 70.0, NOW_MS + DAY_MS + 1) is not None


def test_sixty_four_makes_are_followed_and_the_ten_newest_told() -> None:
    jumps = UnitJumps()
    jumps.see("first", "d1", 7.0, 70.0, NOW_MS)
    jumps.see("first", "d2", 7.0, 70.0, NOW_MS)
    for number in range(63):
        jumps.see(f"make-{number}", "d1", 7.0, 70.0, NOW_MS)
    assert jumps.see("first", "d3", 7.0, 70.0, NOW_MS) is not None
    for number in range(64):
        jumps.see(f"make-{number}", "d2", 7.0, 70.0, NOW_MS)
    assert jumps.see("first", "d4", 7.0, 70.0, NOW_MS) is None, "it is followed anew"
    for number in range(12):
        for device in range(3):
            jumps.see(f"told-{number}", f"d{device}", 7.0, 70.0, NOW_MS)
    assert [jump.make for jump in jumps.told(NOW_MS)] == [f"told-{number}" for number in range(2, 12)]
