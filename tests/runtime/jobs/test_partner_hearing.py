"""The points of silence that the other machine of a pair wrote: who was heard when, and until when somebody listened."""

from gateway.runtime.jobs.other_gateways import last_heard
from tests.core.making import MINUTE_MS, NOW_MS


def test_a_device_was_heard_as_long_before_its_point_as_that_says() -> None:
    heard_ms, until_ms = last_heard({"m1": (NOW_MS, 0.5), "m2": (NOW_MS + 700, 7200.0)})
    assert heard_ms == {"m1": NOW_MS - 500, "m2": NOW_MS + 700 - 7_200_000}
    assert until_ms == NOW_MS, "of a round that ended under way the newest points of some are a minute older"


def test_points_of_an_earlier_round_do_not_tell_until_when_somebody_listened() -> None:
    heard_ms, until_ms = last_heard({"m1": (NOW_MS, 0.0), "gone": (NOW_MS - 2 * MINUTE_MS, 0.0)})
    assert (heard_ms["gone"], until_ms) == (NOW_MS - 2 * MINUTE_MS, NOW_MS)


def test_without_points_nothing_is_known() -> None:
    assert last_heard({}) == ({}, 0)
    assert last_heard({"never": (0, 0.0)})[0] == {}
