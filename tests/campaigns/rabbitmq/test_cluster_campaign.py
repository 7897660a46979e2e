"""Nodes of a cluster die, hang, are cut off; gateways die, come and go: the campaign of ``make chaos-rabbitmq``, cut short."""

from collections import Counter
from pathlib import Path

import pytest

from tests.campaigns.rabbitmq.faults import FAULTS
from tests.campaigns.rabbitmq.order import out_of_order
from tests.campaigns.rabbitmq.trial import TRIAL
from tests.campaigns.rig.campaign import Campaign
from tests.campaigns.rig.tap import Handed

SHORT_S = 15.0
SHORT = (4, 16)
"""Chosen for how many kinds of faults they hold together."""


def test_in_50_schedules_every_fault_comes_often() -> None:
    came = Counter(deed.fault for number in range(50) for deed in TRIAL.deeds(number, TRIAL.seconds))
    assert set(came) == set(FAULTS)
    assert min(came.values()) >= 10, came


def handed(device: str, seq: int) -> Handed:
    return Handed(1, 1, f"iot/v1/xa-01/water/{device}/readings", f'{{"seq": {seq}}}'.encode())


def test_a_reading_after_a_later_one_of_its_device_is_out_of_order_and_one_that_comes_again_is_not() -> None:
    assert out_of_order([handed("a", 1), handed("b", 9), handed("a", 2), handed("a", 1), handed("a", 3)]) == []
    assert out_of_order([handed("a", 2), handed("a", 1), handed("a", 3)]) == [("a", 1)]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_that_a_cluster_acknowledged_is_lost_in_a_short_campaign(tmp_path: Path) -> None:
    verdicts = Campaign(TRIAL, list(SHORT), SHORT_S, side_by_side=1, folder=tmp_path).run()
    red = [verdict for verdict in verdicts if not verdict.is_green]
    assert not red, "\n".join(verdict.as_json() for verdict in red)
    assert all(verdict.readings for verdict in verdicts), "there was something to lose"
