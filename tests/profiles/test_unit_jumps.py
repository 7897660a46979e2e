"""A firmware that counts in another unit is seen over the fleet, not in one device (trap unit_changed_firmware)."""

import pytest

from gateway.core.readings.unit_jumps import MAKES_MAX, WINDOW_MS, UnitJump, UnitJumps, power_of_ten
from tests.rows import each_row

NOON_MS = 1_793_491_200_000


@each_row(
    ("before", "value", "power"),
    [
        pytest.param(75.25, 752.5, 1, id="tenfold"),
        pytest.param(75.25, 753.0, 1, id="tenfold-and-a-little-more"),
        pytest.param(118.5, 118_500.0, 3, id="thousandfold"),
        pytest.param(118_500.0, 118.5, -3, id="a-thousandth"),
        pytest.param(47.0, 45.0, 0, id="a-step-back"),
        pytest.param(1.387, 15430.611, 0, id="garbage"),
        pytest.param(100.0, 300.0, 0, id="threefold"),
        pytest.param(0.0, 5.0, 0, id="from-zero"),
        pytest.param(5.0, 0.0, 0, id="to-zero"),
        pytest.param(1e-300, 1e300, 0, id="beyond-any-unit"),
        pytest.param(float("nan"), 1.0, 0, id="nan"),
    ],
)
def test_power_of_ten_is_told_from_other_steps(before: float, value: float, power: int) -> None:
    assert power_of_ten(before, value) == power


def test_three_devices_of_a_make_are_told_once() -> None:
    jumps = UnitJumps()
    told = [jumps.see("plug-x", f"plug-{number}", 75.25, 752.5, NOON_MS + number) for number in range(1, 6)]
    assert told == [None, None, UnitJump("plug-x", 10.0, ("plug-1", "plug-2", "plug-3")), None, None]


def test_one_device_that_jumps_to_and_fro_is_no_firmware() -> None:
    jumps = UnitJumps()
    assert [jumps.see("plug-x", "plug-1", 75.25, 752.5, NOON_MS + number) for number in range(10)] == [None] * 10


@pytest.mark.parametrize(
    ("make", "factor", "later_ms"),
    [
        pytest.param("plug-y", 10.0, 0, id="another-make"),
        pytest.param("plug-x", 1000.0, 0, id="another-step"),
        pytest.param("plug-x", 10.0, WINDOW_MS + 1, id="another-day"),
        pytest.param("", 10.0, 0, id="no-make-is-known"),
    ],
)
def test_what_does_not_belong_together_is_not_added_up(make: str, factor: float, later_ms: int) -> None:
    jumps = UnitJumps()
    jumps.see("plug-x", "plug-1", 75.25, 752.5, NOON_MS)
    jumps.see("plug-x", "plug-2", 75.25, 752.5, NOON_MS)
    assert jumps.see(make, "plug-3", 75.25, 75.25 * factor, NOON_MS + later_ms) is None


def test_steps_of_many_makes_take_no_more_room_than_those_of_some() -> None:
    jumps = UnitJumps()
    for number in range(10 * MAKES_MAX):
        jumps.see(f"make-{number}", "device", 1.0, 10.0, NOON_MS)
    jumps.see("make-0", "device-2", 1.0, 10.0, NOON_MS)
    assert jumps.see("make-0", "device-3", 1.0, 10.0, NOON_MS) is None  # the first of them was forgotten
    assert jumps.see("make-0", "device-4", 1.0, 10.0, NOON_MS) is not None
