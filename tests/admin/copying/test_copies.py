"""A copy has every point of every kind, in every direction, once."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.admin.copying.copier import Copier, CopyResult, Tell, plan, route
from gateway.admin.copying.target import CopyProgress, ProgressFile
from gateway.commands.demo import services
from gateway.ingest.database.store import StoreFault
from gateway.support.config.model import Influxdb
from grafana.points import MEASUREMENTS as PANELS
from schemas.measurements import MEASUREMENTS, field_type
from tests.admin.copying.later_influxdb import later_influxdb
from tests.admin.copying.sides import DAY, HOUR, KINDS, START, CopySide, as_numbers, lines_of_every_kind, side, with_second
from tests.influx import query

pytestmark = pytest.mark.real
NOW = START + 10 * DAY
REACH = 102 * DAY


def copied(
    before: Influxdb,
    after: Influxdb,
    file: Path,
    now_ms: int = NOW,
    *,
    is_final: bool = True,
    since_ms: int = START - 30 * DAY,
    tell: Tell = lambda *_: None,
) -> CopyResult:
    """Run a copy, or its next run."""

    async def run() -> CopyResult:
        planned, keeper = await plan(before, after), ProgressFile(file)
        async with AsyncExitStack() as stack:
            for client in planned.clients:
                await stack.enter_async_context(client)
            progress = keeper.load(route(before, after), since_ms)
            return await Copier(planned.jobs, progress, keeper, now_ms, REACH, is_final, tell).run()

    return asyncio.run(run())


@pytest.fixture
def old(tmp_path: Path) -> Iterator[CopySide]:
    """InfluxDB 1 with points of every kind."""
    with side("influxdb", tmp_path / "old") as found:
        found.write(lines_of_every_kind())
        yield found


def test_influxdb_to_influxdb_keeps_every_point_and_type(old: CopySide, tmp_path: Path) -> None:
    query(old.service.url, "", 'CREATE DATABASE "new"')
    new = CopySide(old.service, "new")
    result = copied(old.config, new.config, tmp_path / "progress.json")
    assert not result.differences
    assert new.contents(KINDS) == old.contents(KINDS)
    types = {
        database: {
            (kind, row["fieldKey"], row["fieldType"])
            for kind in KINDS
            for row in query(old.service.url, database, f'SHOW FIELD KEYS FROM "{kind}"')
        }
        for database in ("iot", "new")
    }
    assert types["new"] == types["iot"]


@pytest.mark.slow
def test_influxdb_to_victoriametrics_and_back_is_the_same(old: CopySide, tmp_path: Path) -> None:
    query(old.service.url, "", 'CREATE DATABASE "back"')
    back = CopySide(old.service, "back")
    with side("victoria-metrics", tmp_path / "new") as new:
        assert not copied(old.config, new.config, tmp_path / "there.json").differences
        assert not copied(new.config, back.config, tmp_path / "back.json").differences
    before = old.contents(KINDS)
    for fields in before.values():
        fields.pop("version", None)
    assert back.contents(KINDS) == before


@pytest.mark.slow
def test_victoriametrics_to_victoriametrics_is_the_same(tmp_path: Path) -> None:
    with side("victoria-metrics", tmp_path / "old") as old, side("victoria-metrics", tmp_path / "new") as new:
        old.write(line for line in lines_of_every_kind() if not line.startswith("gateway"))
        assert not copied(old.config, new.config, tmp_path / "progress.json").differences
        assert as_numbers(new.contents(KINDS)) == as_numbers(old.contents(KINDS))


@pytest.mark.slow
def test_of_the_writings_of_a_period_the_newest_arrives_at_its_beginning(tmp_path: Path) -> None:
    with side("victoria-metrics", tmp_path / "old") as old, side("influxdb", tmp_path / "new") as new:
        old.write(
            f"hourly,device=d volume_used_m3={used!r} {START + HOUR + number}" for number, used in ((130, 3.0), (9000, 2.0))
        )
        assert not copied(old.config, new.config, tmp_path / "progress.json").differences
        assert new.contents(["hourly"]) == {("hourly", (("device", "d"),), START + HOUR): {"volume_used_m3": 2.0}}


def test_what_is_written_meanwhile_late_or_again_is_found_by_the_next_run(old: CopySide, tmp_path: Path) -> None:
    query(old.service.url, "", 'CREATE DATABASE "new"')
    new = CopySide(old.service, "new")
    copied(old.config, new.config, tmp_path / "progress.json", is_final=False)
    old.write(
        [
            f"water,device=late volume_m3=5.0,quality=8i {START - 20 * DAY}",  # before all that stood there
            f"water,area=north,device=wm-1,site=ward-1 volume_m3=5.0,quality=8i {START + HOUR + 77}",
            f"hourly,area=north,device=wm-1,site=ward-1 volume_used_m3=99.0 {START + HOUR}",  # worked out again
            f"water,device=new volume_m3=5.0,quality=0i {NOW + HOUR}",
            f"water,device=ahead volume_m3=5.0,quality=0i {NOW + 3 * DAY}",
        ]
    )
    result = copied(old.config, new.config, tmp_path / "progress.json", NOW + DAY)
    assert not result.differences
    assert result.again >= 3
    assert new.contents(KINDS) == old.contents(KINDS)


@pytest.mark.slow
def test_roll_ups_that_may_change_wait_for_the_last_run_where_they_are_not_replaced(old: CopySide, tmp_path: Path) -> None:
    with side("victoria-metrics", tmp_path / "new") as new:
        copied(old.config, new.config, tmp_path / "progress.json", is_final=False)
        assert not new.contents(["hourly", "daily", "balance"])
        assert len(new.contents(["water"])) == len(old.contents(["water"]))
        old.write([f"hourly,area=north,device=wm-1,site=ward-1 volume_used_m3=0.001 {START + HOUR}"])
        assert not copied(old.config, new.config, tmp_path / "progress.json", NOW + DAY).differences
        assert as_numbers(new.contents(KINDS)).keys() == old.contents(KINDS).keys()
        series = ("hourly", (("area", "north"), ("device", "wm-1"), ("site", "ward-1")), START + HOUR)
        assert new.contents(["hourly"])[series] == {"volume_used_m3": 0.001}


@pytest.mark.slow
def test_roll_ups_go_to_both_places_and_those_of_the_second_to_the_second(old: CopySide, tmp_path: Path) -> None:
    for database in ("new", "new-rollups", "old-rollups"):
        query(old.service.url, "", f'CREATE DATABASE "{database}"')
    ancient = f"daily,device=gone volume_used_m3=7.0 {START - 25 * DAY}"
    CopySide(old.service, "old-rollups").write([ancient])
    before, after = with_second(old.config, "old-rollups"), with_second(CopySide(old.service, "new").config, "new-rollups")
    assert not copied(before, after, tmp_path / "progress.json").differences
    new, longer = CopySide(old.service, "new"), CopySide(old.service, "new-rollups")
    assert new.contents(KINDS) == old.contents(KINDS)
    rolled = ("hourly", "hourly_area", "daily", "completeness", "balance")
    expected = old.contents(rolled) | CopySide(old.service, "old-rollups").contents(rolled)
    assert longer.contents(KINDS) == expected


def test_a_copy_goes_on_with_the_window_it_was_killed_in(
    old: CopySide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(old.service.url, "", 'CREATE DATABASE "new"')
    new, file = CopySide(old.service, "new"), tmp_path / "progress.json"
    save, kills = ProgressFile.save, 0

    def killed(self: ProgressFile, progress: CopyProgress) -> None:
        nonlocal kills
        if kills % 2 == 0:  # before the window is noted, or behind
            save(self, progress)
        kills += 1
        raise SystemExit

    monkeypatch.setattr(ProgressFile, "save", killed)
    for _ in range(25):
        with pytest.raises(SystemExit):
            copied(old.config, new.config, file)
    marks = {name: job["copied_ms"] for name, job in json.loads(file.read_bytes())["jobs"].items() if "copied_ms" in job}
    assert kills == 25
    assert marks
    monkeypatch.undo()
    assert not copied(old.config, new.config, file).differences
    assert new.contents(KINDS) == old.contents(KINDS)


@pytest.mark.slow
def test_databases_that_are_killed_meanwhile_cost_a_repetition_at_most(old: CopySide, tmp_path: Path) -> None:
    with side("influxdb", tmp_path / "new") as new:
        told = 0

        def kill(*_: object) -> None:
            """Kill the new database behind the second window, and the old one behind the fourth."""
            nonlocal told
            told += 1
            if told in {2, 4}:
                service = (new if told == 2 else old).service
                service.kill()
                service.start()

        try:
            result = copied(old.config, new.config, tmp_path / "progress.json", tell=kill)
        except StoreFault as fault:
            assert f"{old.service.url} does not answer" in str(fault)  # noqa: PT017 - the old one may be back in time
            old.service.wait_ready()
            result = copied(old.config, new.config, tmp_path / "progress.json", tell=kill)
        assert told >= 4
        assert not result.differences
        assert new.contents(KINDS) == old.contents(KINDS)


def test_what_the_new_database_does_not_keep_is_told(old: CopySide, tmp_path: Path) -> None:
    query(old.service.url, "", 'CREATE DATABASE "new" WITH DURATION 1h REPLICATION 1')
    old.write(["water,device=old volume_m3=1.0,quality=0i 1600000000000"])
    with pytest.raises(StoreFault, match=r"keeps nothing that old .* --since"):
        copied(old.config, CopySide(old.service, "new").config, tmp_path / "progress.json", since_ms=1_599_999_000_000)


def test_victoriametrics_must_count_a_point_that_is_written_again_once(old: CopySide, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with (
        services.victoria_metrics(tmp_path / "new") as service,
        pytest.raises(StoreFault, match=r"-dedup\.minScrapeInterval=0s: restart it with 1ms"),
    ):
        copied(old.config, CopySide(service).config, tmp_path / "progress.json")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v2.8.0", "3.9.0"])
def test_influxdb_2_and_3_are_copied_to_and_from_as_stubs(version: str, old: CopySide, tmp_path: Path) -> None:
    for database in ("later", "back"):
        query(old.service.url, "", f'CREATE DATABASE "{database}"')
    with later_influxdb(version, old.service, "later") as later:
        assert not copied(old.config, later, tmp_path / "there.json").differences
        assert not copied(later, CopySide(old.service, "back").config, tmp_path / "back.json").differences
    assert CopySide(old.service, "back").contents(KINDS) == old.contents(KINDS)


@pytest.mark.slow
def test_points_of_a_dense_day_are_copied_in_parts(old: CopySide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query(old.service.url, "", 'CREATE DATABASE "new"')
    monkeypatch.setattr("gateway.admin.copying.copier._POINTS", 10)
    new, windows = CopySide(old.service, "new"), tmp_path / "progress.json"
    assert not copied(old.config, new.config, windows).differences
    assert new.contents(KINDS) == old.contents(KINDS)


def test_every_measurement_that_panels_ask_about_is_copied() -> None:
    assert {points.name or name for name, points in PANELS.items()} <= set(MEASUREMENTS)


def test_the_types_of_fields_are_those_of_the_points(old: CopySide) -> None:
    told = {
        (kind, row["fieldKey"]): row["fieldType"]
        for kind in KINDS
        for row in query(old.service.url, "iot", f'SHOW FIELD KEYS FROM "{kind}"')
    }
    assert told == {(kind, field): field_type(kind, field) for kind, field in told}
