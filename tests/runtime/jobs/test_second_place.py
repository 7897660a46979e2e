"""Roll-ups stand in two places where one keeps them longer; a period is closed when both have them."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.support.config.files import load
from gateway.support.config.model import Config, Influxdb, RollupsPlace
from tests.influx import exported, query
from tests.monitoring.reports.conftest import started
from tests.monitoring.reports.points import EVERY, HOUR
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running
from tests.runtime.jobs.test_days_and_months import END, START, VIETNAM, meter

pytestmark = pytest.mark.real
DEVICE = {"id": "a", "domain": "water", "interval": "15min"}


def rolled_up(place: services.Service, db: str) -> list[tuple[int, float]]:
    """The days of the only device, as they stand in a place."""
    if place.name == "victoria-metrics":
        found = exported(place.url, "daily_volume_used_m3")
        return [
            (time_ms // 900_000 * 900_000, value)
            for one in found
            for time_ms, value in zip(one["timestamps"], one["values"], strict=True)
        ]
    return [(row["time"], row["volume_used_m3"]) for row in query(place.url, db, 'SELECT volume_used_m3 FROM "daily"')]


def configured(rig: ClosingRig, rollups: dict[str, str]) -> Config:
    """The configuration of a gateway with a second place."""
    config = rig.config([DEVICE], str(VIETNAM))
    file = rig.folder / "gateway.yaml"
    document = json.loads(file.read_text())
    document["influxdb"]["rollups"] = rollups
    file.write_text(json.dumps(document))
    assert config.influxdb.of_rollups() is None
    return load(file)


async def close_the_day(running: Running) -> None:
    await running.close(END + SETTLED)


def filled_day(filled: Filled) -> None:
    filled.write(meter("a", 0.25, range(START - HOUR, END + HOUR, EVERY)))


@pytest.mark.parametrize("name", ["influxdb", pytest.param("victoria-metrics", marks=pytest.mark.slow)])
def test_a_closed_day_stands_in_both_places(name: str, tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "second").mkdir()
    with started(name, tmp_path / "database") as filled, ExitStack() as stack:
        rig = ClosingRig(tmp_path, filled)
        if name == "influxdb":
            place, where = filled.service, {"bucket": "iot-rollups"}
            query(place.url, "", 'CREATE DATABASE "iot-rollups"')
        else:
            place = stack.enter_context(services.victoria_metrics(tmp_path / "second", args=["-retentionPeriod=100y"]))
            where = {"url": place.url}
        filled_day(filled)
        rig.run(configured(rig, where), START, close_the_day)
        days = rolled_up(place, "iot-rollups")
        assert days == rolled_up(filled.service, "iot")
        assert days == [(START, 24.0)]


@pytest.mark.slow
def test_a_day_is_not_closed_before_the_second_place_has_it(tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    with started("influxdb", tmp_path / "database") as filled:
        rig = ClosingRig(tmp_path, filled)
        config = configured(rig, {"bucket": "iot-rollups"})
        filled_day(filled)
        rig.run(config, START, close_the_day)  # there is no such database yet
        query(filled.service.url, "", 'CREATE DATABASE "iot-rollups"')
        rig.run(config, START, close_the_day)
        assert [time_ms for time_ms, _ in rolled_up(filled.service, "iot-rollups")] == [START]


def test_the_second_place_differs_by_what_is_named() -> None:
    first = Influxdb(url="http://a:8086", bucket="iot", username="gateway")
    other = {"rollups": RollupsPlace(url="http://b:8086")}
    assert first.of_rollups() is None
    by_url = first.model_copy(update=other).of_rollups()
    assert by_url is not None
    assert (by_url.url, by_url.bucket, by_url.username) == ("http://b:8086", "iot", "gateway")
    assert by_url.of_rollups() is None


def test_both_places_are_reached_in_the_same_way() -> None:
    with pytest.raises(ValueError, match="both begin with http: or both with https:"):
        Influxdb(url="http://a:8086", rollups=RollupsPlace(url="https://b:8086"))
