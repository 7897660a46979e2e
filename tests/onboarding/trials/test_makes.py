"""The interval of a device, measured by when its messages came."""

import pytest

from gateway.onboarding.trials.trial import measured_interval_s


@pytest.mark.parametrize(
    ("arrivals_s", "interval_s"),
    [
        pytest.param([0, 903, 1795, 2710], 900, id="the-usual-one-that-is-near"),
        pytest.param([0, 900, 3600, 4500], 900, id="one-was-lost"),
        pytest.param([2700, 0, 900, 1800], 900, id="in-any-order"),
        pytest.param([0, 4.5, 9], 5, id="a-tenth-too-early"),
        pytest.param([0, 420, 840, 1260], 420, id="an-unusual-one"),
        pytest.param([0, 0.1, 0.2, 600, 600.1, 1200], 600, id="a-backlog-comes-at-once"),
        pytest.param([0, 900], None, id="one-gap-tells-nothing"),
        pytest.param([], None, id="nothing-came"),
    ],
)
def test_the_interval_is_the_usual_one_that_fits(arrivals_s: list[float], interval_s: float | None) -> None:
    assert measured_interval_s([1000 * at_s for at_s in arrivals_s]) == interval_s


USUAL_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)


def test_each_usual_interval_is_known_though_messages_come_a_little_apart_from_it() -> None:
    for usual_s in USUAL_S:
        for off in (1.0, 1.09, 0.91 if usual_s > 1 else 1.0):  # below a second it is a backlog
            assert measured_interval_s([1000 * usual_s * off * at for at in range(4)]) == usual_s, (usual_s, off)
