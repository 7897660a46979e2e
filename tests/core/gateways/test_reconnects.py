"""Waits before the next connection: short after an ordinary end, long after another client took the session over."""

import pytest

from gateway.core.gateways.standby import (
    LONGEST_WAIT_S,
    RIVAL_FIRST_S,
    RIVAL_LONGEST_S,
    RIVAL_ONCE_S,
    SOON_ENDS,
    SOON_S,
    ConnectionEnd,
    Reconnects,
)


def waits(reconnects: Reconnects, times: int, lasted_s: float, end: ConnectionEnd = ConnectionEnd.OTHER) -> list[float]:
    return [reconnects.wait_s(lasted_s, 1.0, end) for _ in range(times)]


def test_a_broker_that_is_away_is_tried_every_two_seconds_at_least() -> None:
    assert waits(Reconnects(), 6, 0.0) == [0.2, 0.4, 0.8, 1.6, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_a_connection_that_lasted_is_made_again_as_quickly() -> None:
    assert waits(Reconnects(), 3, 60.0) == [0.2, 0.2, 0.2]


def test_two_gateways_of_one_name_try_ever_less_often() -> None:
    """Each has the session for as long as the other waits."""
    reconnects = Reconnects()
    found = waits(reconnects, 7, RIVAL_LONGEST_S, ConnectionEnd.TAKEN_OVER)
    assert found == [RIVAL_ONCE_S, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0]
    assert waits(reconnects, 1, 0.0) == [0.2]
    assert waits(reconnects, 1, 1.0, ConnectionEnd.TAKEN_OVER) == [RIVAL_LONGEST_S]


def test_a_rival_of_long_ago_is_forgotten() -> None:
    reconnects = Reconnects()
    waits(reconnects, 3, 1.0, ConnectionEnd.TAKEN_OVER)
    assert waits(reconnects, 1, RIVAL_LONGEST_S + 1, ConnectionEnd.TAKEN_OVER) == [RIVAL_ONCE_S]


def test_a_rival_is_never_met_by_chance_in_the_first_seconds() -> None:
    assert Reconnects().wait_s(1.0, 0.0, ConnectionEnd.TAKEN_OVER) >= RIVAL_ONCE_S * 3 / 4 > LONGEST_WAIT_S


def test_connections_that_are_closed_soon_and_without_a_reason_mean_a_rival_once_they_are_several_in_a_row() -> None:
    """Mosquitto 2.0.11 tells nobody that a session was taken over."""
    reconnects = Reconnects()
    assert max(waits(reconnects, SOON_ENDS - 1, 1.0, ConnectionEnd.UNEXPLAINED)) <= LONGEST_WAIT_S
    assert not reconnects.suspects_rival
    assert waits(reconnects, 3, 1.0, ConnectionEnd.UNEXPLAINED) == [15.0, 30.0, 60.0]
    assert reconnects.suspects_rival


@pytest.mark.parametrize(
    ("lasted_s", "end"),
    [
        pytest.param(0.0, ConnectionEnd.OTHER, id="away"),
        pytest.param(1.0, ConnectionEnd.OTHER, id="with-a-reason"),
        pytest.param(SOON_S, ConnectionEnd.UNEXPLAINED, id="late"),
    ],
)
def test_a_broker_that_dies_again_and_again_is_no_rival(lasted_s: float, end: ConnectionEnd) -> None:
    reconnects = Reconnects()
    for _ in range(3):
        assert max(waits(reconnects, SOON_ENDS - 1, 1.0, ConnectionEnd.UNEXPLAINED)) <= LONGEST_WAIT_S
        assert waits(reconnects, 1, lasted_s, end)[0] <= LONGEST_WAIT_S
    assert not reconnects.suspects_rival


def test_the_one_of_two_that_kept_the_session_comes_back_at_once_and_the_other_waits_ever_longer() -> None:
    keeps, waits_for_it = Reconnects(), Reconnects()
    waits(waits_for_it, SOON_ENDS - 1, 1.0, ConnectionEnd.UNEXPLAINED)
    for wait_s in (15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 600.0):
        assert waits(waits_for_it, 1, 0.2, ConnectionEnd.UNEXPLAINED) == [wait_s]
        assert waits(keeps, 1, wait_s, ConnectionEnd.UNEXPLAINED) == [0.2]


def test_five_soon_ends_and_what_soon_means_were_measured() -> None:
    assert (SOON_ENDS, SOON_S, RIVAL_FIRST_S, RIVAL_LONGEST_S, LONGEST_WAIT_S) == (5, 10.0, 15.0, 600.0, 2.0)
    assert RIVAL_ONCE_S <= 5
    reconnects = Reconnects()
    waits(reconnects, 9, 0.0, ConnectionEnd.UNEXPLAINED)
    assert reconnects.soon_ends == 0, "a connection that was never made is none that was taken over"
    assert waits(Reconnects(), 1, 0.0) + waits(Reconnects(), 1, 0.2) == [0.2, 0.2]
    after_a_wait = Reconnects()
    assert waits(after_a_wait, 2, 0.2) == [0.2, 0.4], "it lasted no longer than the wait before it"
