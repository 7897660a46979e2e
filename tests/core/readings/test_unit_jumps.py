"""A firmware that counts in another unit, seen from the readings of its make."""

from math import inf
from typing import Any

import pytest

from gateway.core.readings.unit_jumps import DEVICES_MIN, power_of_ten
from tests.core.making import HOUR_MS, NOW_MS, message, pipeline, registered_device, topic


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
