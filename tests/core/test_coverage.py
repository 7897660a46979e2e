"""Coverage: who of the registered devices reports, per area and domain."""

from datetime import timedelta

import pytest

from gateway.core.coverage import Count, Group, Heard, coverage, is_reporting, silent_after_ms
from schemas.registry import RegisteredDevice

NOW_MS = 1_793_491_200_000
HOUR_MS = 3_600_000


def device(
    name: str, area: str | None = None, domain: str | None = "water", interval_h: float | None = None
) -> RegisteredDevice:
    interval = None if interval_h is None else timedelta(hours=interval_h)
    return RegisteredDevice(id=name, area=area, domain=domain, interval=interval)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("interval", "silent_h"),
    [
        pytest.param(None, 1, id="not-registered-with-one"),
        pytest.param(timedelta(minutes=15), 1, id="short-at-least-an-hour"),
        pytest.param(timedelta(minutes=20), 1, id="just-an-hour"),
        pytest.param(timedelta(hours=1), 3, id="three-intervals"),
        pytest.param(timedelta(days=1), 72, id="daily"),
    ],
)
def test_a_device_is_silent_after_three_intervals_and_at_least_an_hour(interval: timedelta | None, silent_h: int) -> None:
    assert silent_after_ms(interval) == silent_h * HOUR_MS
    assert is_reporting(NOW_MS - silent_h * HOUR_MS + 1, interval, NOW_MS)
    assert not is_reporting(NOW_MS - silent_h * HOUR_MS, interval, NOW_MS)


@pytest.mark.parametrize("never", [None, 0])
def test_a_device_never_heard_is_not_reporting_even_when_the_clock_is_near_1970(never: int | None) -> None:
    assert not is_reporting(never, None, 1000)


def test_each_device_is_counted_once_under_its_area_and_domain() -> None:
    registered = [
        device("a", "A1"),
        device("b", "A1"),
        device("c", "A1", "power"),
        device("d", "A2", interval_h=24),
        device("e"),
    ]
    heard = {
        "a": Heard(NOW_MS - 1),
        "b": Heard(NOW_MS - 2 * HOUR_MS),
        "d": Heard(NOW_MS - 50 * HOUR_MS),
        "x": Heard(NOW_MS - 1, "power"),
        "y": Heard(NOW_MS - 1),
    }
    found = coverage(registered, heard, NOW_MS)
    assert found.groups == {
        Group("A1", "water"): Count(2, 1, 1, 0),
        Group("A1", "power"): Count(1, 0, 1, 0),
        Group("A2", "water"): Count(1, 1, 0, 0),
        Group(None, "water"): Count(1, 0, 1, 0),
        Group(None, "power"): Count(0, 0, 0, 1),
        Group(None, None): Count(0, 0, 0, 1),
    }
    assert list(found.groups)[:3] == [Group("A1", "water"), Group("A1", "power"), Group("A2", "water")]
    assert found.domains == {"water": Count(4, 2, 2, 0), "power": Count(1, 0, 1, 1), None: Count(0, 0, 0, 1)}
    assert found.total == Count(5, 2, 3, 2)
    assert found.total.share_pct == 40


def test_while_the_gateway_does_not_run_only_the_registered_are_known() -> None:
    found = coverage([device("a", "A1")], None, NOW_MS)
    assert found.groups == {Group("A1", "water"): Count(1, None, None, None)}
    assert found.total.share_pct is None


def test_an_eui_is_found_however_the_registry_writes_it() -> None:
    found = coverage([device("24-E1-24-13-6D-00-00-01", "A1")], {"24e124136d000001": Heard(NOW_MS)}, NOW_MS)
    assert found.total == Count(1, 1, 0, 0)


def test_a_device_registered_without_a_domain_counts_where_it_is_heard() -> None:
    found = coverage([device("a", "A1", None)], {"a": Heard(NOW_MS, "urban")}, NOW_MS)
    assert list(found.groups) == [Group("A1", "urban")]


def test_nothing_registered_is_no_share_and_not_a_hundred_percent() -> None:
    assert coverage([], {}, NOW_MS).total == Count(0, 0, 0, 0)
    assert coverage([], {}, NOW_MS).total.share_pct is None
