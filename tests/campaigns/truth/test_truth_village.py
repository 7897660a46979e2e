"""A village lives for three days on a gateway and a database, and no figure of it is wrong without a mark."""

from pathlib import Path

import pytest

from tests.campaigns.truth.campaign import Campaign
from tests.campaigns.truth.judge import Outcome
from tests.campaigns.truth.table import table

pytestmark = [pytest.mark.real, pytest.mark.slow]
FEWEST = 2_000


@pytest.mark.timeout(900)
def test_figures_of_a_village_are_true_or_marked(tmp_path: Path) -> None:
    campaign = Campaign(3, 1, 3600.0, ["influxdb"], is_small=True, has_clock_faults=False, tell=lambda _: None)
    verdict = campaign.run(tmp_path)["influxdb"]
    told = table("influxdb", verdict)
    assert sum(counts[Outcome.RIGHT] for counts in verdict.counts.values()) > FEWEST, told
    assert not verdict.faults, told
    assert not verdict.differing, told
