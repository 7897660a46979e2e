"""``python -m tests.campaigns.months``: its plan, its table, and a few days of it on real parts."""

from collections import Counter

import pytest

from gateway.runtime.pipeline.processing import BUILT_MS
from tests.campaigns.months.__main__ import main, table
from tests.campaigns.months.campaign import Row
from tests.campaigns.months.plan import Fault, MonthsPlan

PLAN = MonthsPlan(devices=60, days=10, speed=3600.0, exchanges=8, kills=4, outages=2, seed=1)


def test_half_of_the_exchanges_are_told_days_later() -> None:
    told = list(PLAN.exchanges_told())
    late = [exchange.tell_s - exchange.at_s for exchange in told]
    assert sorted(late) == [0.0] * 4 + [3 * 86_400.0] * 4
    assert all(exchange.register < exchange.final for exchange in told)


def test_a_plan_survives_its_way_to_the_fleet() -> None:
    assert MonthsPlan.from_json(PLAN.as_json()) == PLAN
    assert sum(PLAN.counts.values()) == 60


def test_the_file_is_lost_at_ten_in_the_morning_and_the_database_is_away_in_other_nights() -> None:
    faults = PLAN.faults()
    assert faults == sorted(faults, key=lambda fault: fault[0])
    assert Counter(fault for _, fault in faults) == {
        Fault.KILLED: 3,
        Fault.FILE_LOST: 1,
        Fault.DATABASE_AWAY: 2,
        Fault.DATABASE_BACK: 2,
    }
    (lost_s,) = [at_s for at_s, fault in faults if fault is Fault.FILE_LOST]
    back_s = [at_s for at_s, fault in faults if fault is Fault.DATABASE_BACK]
    assert (lost_s / 3600 + 7) % 24 == 10
    assert {(at_s / 3600 + 7) % 24 for at_s in back_s} == {4}
    assert not any(0 < lost_s - at_s < 86_400 for at_s in back_s)


def test_a_gateway_believes_the_clock_of_a_campaign() -> None:
    """It doubts one that stands before it was built."""
    assert PLAN.span.begin_s * 1000 > BUILT_MS


def test_meters_name_the_district_meter_of_their_site() -> None:
    sites = {device.name: device.site for device in PLAN.fleet}
    assert PLAN.families
    assert all(sites[child] == sites[parent] for parent, children in PLAN.families.items() for child in children)
    assert PLAN.registry().count("    parent: ") == sum(map(len, PLAN.families.values()))


def test_the_table_shows_the_first_discrepancies() -> None:
    shown = table([Row("days", "3 exact", []), Row("months", "7 differ", [f"m{number}" for number in range(7)])])
    assert shown.splitlines()[0] == "true   days    3 exact"
    assert shown.splitlines()[1:] == [
        "FALSE  months  7 differ",
        *(f"         m{n}" for n in range(5)),
        "         ... and 2 more",
    ]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", [[], ["--victoria-metrics"]], ids=["influxdb", "victoria-metrics"])
def test_three_days_of_a_small_fleet_are_true_in_every_account(database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--devices", "20", "--days", "3", "--exchanges", "2", "--kills", "2", "--outages", "1"]
    assert main([*small, *database]) == 0, capsys.readouterr().out
