"""Everything fails, again and again, in an order that a number decides: the campaign of ``make chaos``, cut short."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.campaigns.chaos.trial import TRIAL
from tests.campaigns.rig.campaign import Campaign

pytestmark = pytest.mark.real

SHORT_S = 6.0
SHORT = (2907, 3926, 1758)
"""Chosen for how many kinds of faults they hold together."""


def assert_nothing_is_lost(numbers: Iterable[int], seconds: float, folder: Path) -> None:
    """Carry out schedules side by side."""
    verdicts = Campaign(TRIAL, list(numbers), seconds, side_by_side=3, folder=folder).run()
    red = [verdict for verdict in verdicts if not verdict.is_green]
    assert not red, "\n".join(verdict.as_json() for verdict in red)
    assert all(verdict.readings > 100 * seconds for verdict in verdicts), "there was something to lose"


def test_nothing_is_lost_in_a_short_campaign(tmp_path: Path) -> None:
    assert_nothing_is_lost(SHORT, SHORT_S, tmp_path)


def test_a_short_campaign_holds_many_kinds_of_faults() -> None:
    came = {deed.fault for number in SHORT for deed in TRIAL.deeds(number, SHORT_S)}
    assert len(came) >= 20
    assert came >= {"gateway killed", "broker killed", "InfluxDB killed", "disk full"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_lost_whatever_fails_next(tmp_path: Path) -> None:
    assert_nothing_is_lost(range(3), 40.0, tmp_path)
