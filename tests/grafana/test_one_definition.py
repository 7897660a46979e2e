"""A small town in points written by hand: each panel counts a litre once, on both databases.

Water: a bulk meter of 10 m³ an hour, houses of 3 and 4 behind it; the second is silent at noon and stands by its usual day.
Power: a transformer, a house, and a house with a roof that feeds 5 kWh an hour in. Three rain gauges, two counters of people.
The files of the dashboards are asked as Grafana asks; nothing here knows how they were made.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import cast

import pytest

from gateway.commands.demo import services
from tests.grafana.as_documented import DAY_MS, Shown, own_values, queries, read
from tests.grafana.documented_sources import ZONE_MS, Rows, Sources
from tests.grafana.known_points import post

pytestmark = pytest.mark.real

HOUR_MS = DAY_MS // 24
NOW_MS = round(datetime.fromisoformat("2026-10-31T10:30+07:00").timestamp() * 1000)
NEWEST_MS = round(datetime.fromisoformat("2026-10-31T09:00+07:00").timestamp() * 1000)
NOON_MS = round(datetime.fromisoformat("2026-10-30T12:00+07:00").timestamp() * 1000)
BEFORE_MS = NEWEST_MS - DAY_MS
"""The newest hour's hour of the day before, older than the page."""
TODAY_MS = round(datetime.fromisoformat("2026-10-31T00:00+07:00").timestamp() * 1000)
HOURS = [NEWEST_MS - n * HOUR_MS for n in range(22)]
"""Those from noon of yesterday on."""
OLDER_MS = NEWEST_MS - 22 * HOUR_MS
"""The first hour of the page, of a gateway that did not know these figures."""
EVENING_MS = round(datetime.fromisoformat("2026-10-30T18:00+07:00").timestamp() * 1000)
DAYS = [TODAY_MS - n * DAY_MS for n in range(1, 11)]
BOTH = ("influxdb", "victoriametrics")
SOUND = "estimated=0,suspect=0,measured=1"
HALF_KNOWN = f"estimated={4 / 7!r},suspect=0,measured={3 / 7!r}"
"""At noon 4 of the 7 m³ that are used are the usual ones of the silent house."""


def own_marks(fields: str) -> str:
    """The fields of an area, whose marks are those of what was used; what was supplied is sound."""
    found = dict(field.split("=") for field in fields.split(",") if field)
    used = {f"used_{mark}": found[mark] for mark in ("estimated", "suspect", "measured") if mark in found}
    sound = dict(field.split("=") for field in SOUND.split(","))
    supplied = {f"supplied_{mark}": text for mark, text in sound.items()} if "supplied_" in fields and used else {}
    return ",".join(f"{name}={text}" for name, text in (found | used | supplied).items())


def town() -> Iterator[tuple[str, int]]:
    """Yield the points, and their times."""
    for hour_ms in [*HOURS, OLDER_MS]:
        marks = HALF_KNOWN if hour_ms == NOON_MS else SOUND
        many = 3.5 if hour_ms == EVENING_MS else 1.0
        known = hour_ms != OLDER_MS
        counted = {"bulk": 10.0, "house-1": 3.0} | ({} if hour_ms == NOON_MS else {"house-2": 4.0})
        for device, used in counted.items():
            yield f"hourly,area=A1,device={device},site=s volume_used_m3={used},{SOUND}", hour_ms
        for device, into, back in (("station", 8.0, 1.0), ("roof", 2.0, 5.0), ("house-3", 9.0, 0.0)):
            fields = f"energy_import_used_kwh={into * many},energy_export_used_kwh={back},active_power_mean_w={into * 1000}"
            yield f"hourly,area=A1,device={device},site=s {fields},{SOUND}", hour_ms
        water = f"used_m3=7,supplied_m3=10,lost_m3=3,{marks}" if known else ""
        ran_back = f"volume_reverse_used_m3={2 if hour_ms == EVENING_MS else 0}"
        of_registers = f"volume_used_m3=17,{ran_back},supplied=10,demand=7"
        yield f"hourly_area,area=A1,domain=water {of_registers},{own_marks(water)}".rstrip(","), hour_ms
        # 8 in, 1 out, and 5 from the roof are 12; 2 and 9 are used. In the evening 28 - 1 + 5 and 38.5: more than came.
        power = f"used_kwh={11 * many},supplied_kwh={8 * many - 1 + 5},produced_kwh=5,lost_kwh=1,{SOUND}" if known else ""
        yield (
            f"hourly_area,area=A1,domain=power energy_import_used_kwh=19,supplied=8,demand=11,{own_marks(power)}".rstrip(","),
            hour_ms,
        )
        for gauge, fell in (("rain-1", 2.0), ("rain-2", 4.0), ("rain-3", 6.6)):
            yield f"hourly,area=A1,device={gauge},site=s rain_used_mm={fell},{SOUND}", hour_ms
        yield f"hourly_area,area=A1,domain=urban rain_used_mm=4.2,people_in_used=42,{SOUND}", hour_ms
        yield f"hour_of_day,area=A1,domain=urban,hour={hour_of(hour_ms)} people_in_used=42,{marks}", hour_ms
        for valve, back in (("valve-1", 0.0), ("valve-2", 2.0 if hour_ms == EVENING_MS else 0.0)):
            suspect = SOUND.replace("suspect=0", "suspect=1") if back else SOUND
            yield f"hourly,area=A1,device={valve},site=s volume_reverse_used_m3={back},{suspect}", hour_ms
        for door, came in (("door-1", 12), ("door-2", 30)):
            yield f"hourly,area=A1,device={door},site=s people_in_used={came},{SOUND}", hour_ms
    for domain, before in (("water", "supplied_m3=9"), ("power", "supplied_kwh=13")):
        yield f"hourly_area,area=A1,domain={domain} {before},{SOUND}", BEFORE_MS
    for day_ms in DAYS:
        flows = f"used_m3=168,supplied_m3=240,lost_m3=72,{SOUND}"
        yield f"daily_area,area=A1,domain=water volume_used_m3=408,{own_marks(flows)}", day_ms
        yield f"balance,area=A1,device=bulk,domain=water,site=s,step=day in=240,out=168,{flows}", day_ms
        # Of the second area a customer is not registered: what is supplied is known, what is lost is not.
        yield f"daily_area,area=A2,domain=water {own_marks(f'used_m3=50,supplied_m3=90,{SOUND}')}", day_ms
        # Into the third one no meter leads.
        yield f"daily_area,area=A3,domain=water {own_marks(f'used_m3=70,{SOUND}')}", day_ms
        yield f"balance,area=A2,device=bulk-2,domain=water,site=s,step=day in=90,out=50,supplied_m3=90,{SOUND}", day_ms

    for house, flow, marks in (("house-1", 0.2, SOUND), ("house-2", 0.7, HALF_KNOWN)):
        yield f"daily,area=A1,device={house},site=s flow_night_min_m3_h={flow},{marks}", DAYS[0]


def hour_of(time_ms: int) -> str:
    return f"{(time_ms + ZONE_MS) // HOUR_MS % 24:02}"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    with ExitStack() as stack:
        influxdb = stack.enter_context(services.influxdb(tmp_path_factory.mktemp("influxdb")))
        folder = tmp_path_factory.mktemp("victoria-metrics")
        victoria_metrics = stack.enter_context(services.victoria_metrics(folder, args=["-retentionPeriod=100y"]))
        lines = [f"{point} {time_ms}" for point, time_ms in town()]
        for service in (influxdb, victoria_metrics):
            post(service, "/write?db=iot&precision=ms", "\n".join(lines))
        post(victoria_metrics, "/internal/force_flush", "")
        yield Sources(influxdb.url, victoria_metrics.url)


def answers(sources: Sources, folder: str, board: str, title: str, device: str = "", site: str = "") -> list[Rows]:
    """The answers of a panel, by its English title, on a page of a day: figures, then marks, and none that is empty."""
    dashboard, page = read(folder, board), Shown(NOW_MS - DAY_MS, NOW_MS)
    own = own_values(dashboard, device) | ({"site": site} if site else {})
    found = [query for query in queries(dashboard) if query.panel and query.panel["title"] == title]
    assert found, f"there is no panel {title}"
    named = [row for query in found for row in sources.answer(query, page, own).items()]
    return [rows for name, rows in sorted(named, key=lambda row: row[0].endswith("in doubt")) if rows]


def each(figure: float, *tags: str, times: Sequence[int] = HOURS) -> Rows:
    return {(tags, time_ms): figure for time_ms in times}


def near(rows: Rows) -> Rows:
    """The same to six digits: marks are weighed by figures to which a millionth is added."""
    return cast("Rows", pytest.approx(rows, rel=1e-6, abs=1e-9))


@pytest.mark.parametrize("folder", BOTH)
def test_water_is_used_once_and_its_doubt_is_that_of_the_silent_house(sources: Sources, folder: str) -> None:
    hours, doubt = answers(sources, folder, "water", "Used per hour")
    assert hours == each(7.0, "A1"), "not 17, and nothing for the older hour"
    assert doubt == near(each(0.0, "A1") | {(("A1",), NOON_MS): 1 - 3 / 7 * (1 - 4 / 700)})
    used, share = answers(sources, folder, "water", "Used")
    assert used == {((), 0): 22 * 7.0}
    assert share == near({((), 0): (1 - 3 / 7 * (1 - 4 / 700)) / 22})


@pytest.mark.parametrize("folder", BOTH)
def test_now_is_the_newest_hour_of_the_first_meters(sources: Sources, folder: str) -> None:
    boards = (("water", "Supplied, newest hour", 10.0, 9.0), ("power", "Load, newest hour", 12.0, 13.0))
    for board, title, supplied, before in boards:
        hours, day_before, _ = answers(sources, folder, board, title)
        assert hours[(), max(time_ms for _, time_ms in hours)] == supplied
        assert max(time_ms for _, time_ms in hours) == NEWEST_MS
        assert day_before[(), NEWEST_MS] == before, "the day before stands at the time of now"


@pytest.mark.parametrize("folder", BOTH)
def test_load_and_peak_are_of_the_first_meters(sources: Sources, folder: str) -> None:
    curve = each(12.0) | {((), EVENING_MS): 3.5 * 8 - 1 + 5}
    supplied, used, *_ = answers(sources, folder, "power", "Load curve")
    assert supplied == curve
    assert used == each(11.0) | {((), EVENING_MS): 38.5}
    peak, _ = answers(sources, folder, "power", "Peak load")
    assert max(peak.values()) == 32.0
    produced, *_ = answers(sources, folder, "power", "Produced per hour")
    assert produced == each(5.0, "A1")


@pytest.mark.parametrize("folder", BOTH)
def test_losses_are_told_where_they_are_measured_and_alike_by_area_and_by_bulk_meter(sources: Sources, folder: str) -> None:
    of_areas, doubt = answers(sources, folder, "water", "Water that earns nothing")
    assert of_areas == each(72.0, times=DAYS)
    assert doubt == near(each(160 / 400, times=DAYS)), "what is lost of the 90 m³ and 70 m³ of two areas nobody knows"
    yesterday, doubt = answers(sources, folder, "water", "Lost yesterday")
    assert yesterday == {((), 0): 72 / 240}
    assert doubt == near({((), 0): 160 / 400})
    by_area, *marks_of_areas = answers(sources, folder, "water", "Lost by area")
    by_bulk_meter, *marks_of_parents = answers(sources, folder, "water", "Losses by bulk meter")
    assert by_area == {(("A1",), 0): 72 / 240}
    assert by_bulk_meter == {(("bulk", "s"), 0): 72 / 240}
    for marks in (marks_of_areas, marks_of_parents):
        assert [list(rows.values()) for rows in marks] == [[0.0], [0.0], [1.0]]


@pytest.mark.parametrize("folder", BOTH)
def test_the_province_shows_what_was_supplied_and_used(sources: Sources, folder: str) -> None:
    title = "Water: supplied and used by hour, beside the day before"
    supplied, used, *others = answers(sources, folder, "province", title)
    assert (supplied, used) == (each(10.0), each(7.0))
    doubts = others[-2:]
    assert [doubt[(), NOON_MS] > 0.5 for doubt in doubts] == [False, True], "the silent house is none of the first meters"


@pytest.mark.parametrize("folder", BOTH)
def test_rain_is_a_mean_and_people_are_counted_whole(sources: Sources, folder: str) -> None:
    rain, *_ = answers(sources, folder, "environment", "Rain by hour")
    assert rain == near(each(4.2, "A1") | each(4.2, "A1", times=[OLDER_MS]))
    rain, _ = answers(sources, folder, "environment", "Rain by hour", site="s")
    assert rain == near(each(4.2, "A1", "s") | each(4.2, "A1", "s", times=[OLDER_MS])), "worked out from the three gauges"
    people, *_ = answers(sources, folder, "urban", "People in by hour")
    assert people == each(42.0, "A1") | each(42.0, "A1", times=[OLDER_MS])
    people, _ = answers(sources, folder, "urban", "People in by hour", site="s")
    assert people == each(42.0, "A1", "s") | each(42.0, "A1", "s", times=[OLDER_MS])


@pytest.mark.parametrize("folder", BOTH)
def test_a_meter_by_itself_shows_what_its_register_counted(sources: Sources, folder: str) -> None:
    volumes = answers(sources, folder, "device-water", "Counted per hour", "bulk")
    assert volumes[0] == each(10.0) | each(10.0, times=[OLDER_MS])


@pytest.mark.parametrize("folder", BOTH)
def test_nights_what_ran_back_and_peaks_have_their_marks(sources: Sources, folder: str) -> None:
    houses = {"house-1": (0.2, 0.0, 0.0, 1.0), "house-2": (0.7, 4 / 7, 0.0, 3 / 7)}
    nights = answers(sources, folder, "water", "Night minimum flow")
    assert nights == [{((house, "s"), 0): pytest.approx(of[place]) for house, of in houses.items()} for place in range(4)]
    back, doubt = answers(sources, folder, "water", "Reverse volume per hour")
    assert back[("A1",), EVENING_MS] == 2.0
    assert doubt.keys() == {(("A1",), EVENING_MS)}
    back, doubt = answers(sources, folder, "water", "Reverse volume per hour", site="s")
    assert back[("A1", "s"), EVENING_MS] == 2.0
    assert doubt == near({(("A1", "s"), EVENING_MS): 1.0}), "of hours in which nothing ran back there is nothing to doubt"
    people, estimated, suspect, measured = answers(sources, folder, "traffic", "Peak hours")
    assert set(people.values()) == {42.0}
    noon = (hour_of(NOON_MS),), 0
    assert (estimated[noon], suspect[noon], measured[noon]) == pytest.approx((4 / 7, 0.0, 3 / 7))
