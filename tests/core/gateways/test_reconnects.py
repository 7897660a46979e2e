"""Waits before the next connection: short after an ordinary end, long after another client took the session over."""

from gateway.core.gateways.reconnects import LONGEST_WAIT_S, RIVAL_FIRST_S, RIVAL_LONGEST_S, Reconnects


def waits(reconnects: Reconnects, times: int, lasted_s: float, *, taken_over: bool = False) -> list[float]:
    return [reconnects.wait_s(lasted_s, 1.0, taken_over=taken_over) for _ in range(times)]


def test_a_broker_that_is_away_is_tried_every_two_seconds_at_least() -> None:
    assert waits(Reconnects(), 6, 0.0) == [0.2, 0.4, 0.8, 1.6, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_a_connection_that_lasted_is_made_again_as_quickly() -> None:
    assert waits(Reconnects(), 3, 60.0) == [0.2, 0.2, 0.2]


def test_two_gateways_of_one_name_try_ever_less_often() -> None:
    """Each has the session for as long as the other waits."""
    reconnects = Reconnects()
    assert waits(reconnects, 6, RIVAL_LONGEST_S, taken_over=True) == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0]
    assert waits(reconnects, 1, 0.0) == [0.2]
    assert waits(reconnects, 1, 1.0, taken_over=True) == [RIVAL_LONGEST_S]


def test_a_rival_of_long_ago_is_forgotten() -> None:
    reconnects = Reconnects()
    waits(reconnects, 3, 1.0, taken_over=True)
    assert waits(reconnects, 1, RIVAL_LONGEST_S + 1, taken_over=True) == [RIVAL_FIRST_S]


def test_a_rival_is_never_met_by_chance_in_the_first_seconds() -> None:
    assert Reconnects().wait_s(1.0, 0.0, taken_over=True) > RIVAL_FIRST_S * 3 / 4
