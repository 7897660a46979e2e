"""Broker, database and gateway lose power together: what was settled is there, whoever was away."""

from pathlib import Path

import pytest

from tests.campaigns.powercut.replay import seeded
from tests.campaigns.powercut.whole_cabinet import Away, cut
from tests.campaigns.rig.world import world

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("away", Away)
def test_a_cabinet_that_loses_power_keeps_what_was_stored_journaled_or_saved_by_the_broker(tmp_path: Path, away: Away) -> None:
    chance = seeded(2)
    with world(tmp_path) as cabinet:
        for number in range(2):
            confirmed, _ = cut(cabinet, away, f"c{number}", chance)
            assert confirmed, "devices were publishing"
