"""Areas, balances, nights, outages and months, as the job writes them."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import midnight_ms
from tests.monitoring.reports.conftest import started
from tests.monitoring.reports.points import DAY, EVERY, HOUR
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running

pytestmark = pytest.mark.real

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST = midnight_ms(date(2026, 10, 1), VIETNAM)
START = midnight_ms(date(2026, 10, 31), VIETNAM)
END = START + DAY
WHOLE = TimeSpan(START, END)
DEVICES = [
    {"id": "bulk", "domain": "water", "interval": "15min", "site": "s"},
    *({"id": name, "domain": "water", "interval": "15min", "area": "north", "parent": "bulk"} for name in ("a", "b")),
    {"id": "dry", "domain": "water", "interval": "15min", "area": "north"},
    {"id": "grid", "domain": "power", "interval": "15min", "area": "north", "parent": "station"},
    {"id": "station", "domain": "power", "interval": "15min", "area": "north"},
    {"id": "street", "domain": "water", "interval": "15min", "site": "s"},
    {"id": "shut", "domain": "water", "interval": "15min", "parent": "street"},
]


def meter(device: str, per_reading: float, times: range) -> list[str]:
    """A meter with a sum and a flow; at three o'clock it flows least."""
    lines = []
    for time_ms in times:
        total = 100 + (time_ms - FIRST) / EVERY * per_reading
        flow = 4 * per_reading * (0.5 if time_ms == START + 3 * HOUR else 1)
        lines.append(
            f"water,device={device} volume_m3={total!r},volume_sum_m3={total!r},flow_m3_h={flow!r},quality=0i {time_ms}"
        )
    return lines


def water() -> list[str]:
    """A whole day, and one reading before the month."""
    times = [range(FIRST - HOUR, FIRST, HOUR), range(START - HOUR, END + HOUR, EVERY)]
    return [
        line
        for name, per_reading in {"bulk": 1.0, "a": 0.25, "b": 0.5, "street": 1.0}.items()
        for some in times
        for line in meter(name, per_reading, some)
    ]


def power() -> list[str]:
    """A supply that is out from 22:00 until it is heard again at 01:30, for ten minutes at noon, and for four at three."""
    noon, three = START + 12 * HOUR, START + 15 * HOUR
    out = {START - 2 * HOUR: START + 6 * EVERY, noon: noon + 600_000, three: three + 240_000}
    states = {time_ms: state for span in out.items() for time_ms, state in zip(span, (True, False), strict=True)}
    meters = ("grid", "station")  # the second is a transformer's, and no customer's
    return [f"power,device={one} alarm_outage={state},quality=0i {at_ms}" for one in meters for at_ms, state in states.items()]


@pytest.fixture(scope="module", params=["influxdb", pytest.param("victoria-metrics", marks=pytest.mark.slow)])
def closed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosingRig]:
    """The last day of a month, closed."""

    async def last_day(running: Running) -> None:
        await running.close(END + SETTLED)

    with started(request.param, tmp_path_factory.mktemp("database")) as filled:
        filled.write([*water(), *power()])
        rig = ClosingRig(tmp_path_factory.mktemp("gateway"), filled)
        rig.run(rig.config(DEVICES, "Asia/Ho_Chi_Minh"), START, last_day)
        yield rig


def test_an_area_is_the_sum_of_its_devices_and_says_how_many_it_leaves_out(closed: ClosingRig) -> None:
    area = {"area": "north", "domain": "water"}
    ((tags, time_ms, used_m3),) = closed.points("daily_area", "volume_used_m3")
    assert (tags, used_m3) == (area, 96 * 0.75)
    assert time_ms == START if closed.filled.service.name == "influxdb" else START < time_ms < START + HOUR
    assert closed.points("daily_area", "uncovered") == [(area, time_ms, 1.0)]
    ((_, _, flow_m3_h),) = closed.points("daily_area", "flow_mean_m3_h")
    assert flow_m3_h == pytest.approx(1.5, rel=0.01), "the mean of two meters"
    assert len(closed.points("hourly_area", "volume_used_m3")) == 24


def test_the_hours_of_an_area_say_which_hour_of_the_local_day_they_are(closed: ClosingRig) -> None:
    found = {tags["hour"]: (time_ms, used_m3) for tags, time_ms, used_m3 in closed.points("hour_of_day", "volume_used_m3")}
    assert [*sorted(found)] == [f"{hour:02}" for hour in range(24)]
    assert {used_m3 for _, used_m3 in found.values()} == {4 * 0.75}
    assert 0 <= found["07"][0] - (START + 7 * HOUR) < HOUR


def test_a_balance_is_what_went_in_and_came_out_of_each_hour_and_of_the_day(closed: ClosingRig) -> None:
    found = {name: closed.points("balance", name) for name in ("in", "out", "completeness_in", "completeness_out")}
    days = {name: [value for tags, _, value in points if tags["step"] == "day"] for name, points in found.items()}
    assert days == {"in": [96.0], "out": [72.0], "completeness_in": [1.0], "completeness_out": [1.0]}
    hours = [(tags["device"], value) for tags, _, value in found["in"] if tags["step"] == "hour"]
    assert hours == [("bulk", 4.0)] * 24


def test_a_parent_with_a_child_of_which_nothing_is_known_has_no_balance(closed: ClosingRig) -> None:
    """Its inflow alone would be added to that of others, and all of it look lost."""
    assert {tags["device"] for name in ("in", "out") for tags, _, _ in closed.points("balance", name)} == {"bulk"}


def test_the_lowest_flow_of_a_night_and_the_outages_stand_in_day_and_month(closed: ClosingRig) -> None:
    names = ["bulk", "a", "b", "dry", "grid"]
    night = {"bulk": {START: 2.0}, "a": {START: 0.5}, "b": {START: 1.0}}
    assert closed.newest("daily", "flow_night_min_m3_h", WHOLE, names) == night
    assert closed.newest("daily", "outage_s", WHOLE, names) == {"grid": {START: 6 * 900 + 600 + 240}}
    month = TimeSpan(FIRST, END)
    in_month = {name: {FIRST: value[START]} for name, value in night.items()}
    assert closed.newest("monthly", "flow_night_min_m3_h", month, names) == in_month
    assert closed.newest("monthly", "outage_s", month, names) == {"grid": {FIRST: 6 * 900 + 600 + 240}}


def test_interruptions_stand_beside_the_completeness_of_a_meter(closed: ClosingRig) -> None:
    tags = {"area": "north", "device": "grid", "domain": "power"}
    times = {time_ms for _, time_ms, _ in closed.points("completeness", "expected")}
    for field, value in {"interruption_s": 6 * 900 + 600, "interruptions": 1, "momentary": 1}.items():
        ((found, time_ms, number),) = closed.points("completeness", field)
        assert (found, number) == (tags, value)
        assert time_ms in times


def test_interruptions_are_outages_over_five_minutes_counted_on_the_day_they_began(closed: ClosingRig) -> None:
    for measurement, window, start_ms in (("daily", WHOLE, START), ("monthly", TimeSpan(FIRST, END), FIRST)):
        assert closed.newest(measurement, "interruption_s", window, ["grid"]) == {"grid": {start_ms: 6 * 900 + 600}}
        assert closed.newest(measurement, "interruptions", window, ["grid"]) == {"grid": {start_ms: 1}}


def test_a_month_is_used_up_to_its_last_midnight(closed: ClosingRig) -> None:
    found = closed.newest("monthly", "volume_used_m3", TimeSpan(FIRST, END), ["bulk", "a", "b", "dry"])
    quarters = 31 * 96
    assert found == {"bulk": {FIRST: quarters * 1.0}, "a": {FIRST: quarters * 0.25}, "b": {FIRST: quarters * 0.5}}


@pytest.mark.parametrize(("measurement", "start_ms"), [("daily_completeness", START), ("monthly_completeness", FIRST)])
def test_the_completeness_of_an_area_is_that_of_its_devices_days(closed: ClosingRig, measurement: str, start_ms: int) -> None:
    for field in ("received", "interruption_s", "interruptions"):
        days = {tags["device"]: value for tags, _, value in closed.points("completeness", field)}
        of_areas: dict[tuple[str, str], float] = defaultdict(float)
        for device in DEVICES:
            if device["id"] in days:
                of_areas[device.get("area", ""), device["domain"]] += days[device["id"]]
        found = closed.points(measurement, field)
        assert {(tags.get("area", ""), tags["domain"]): value for tags, _, value in found} == of_areas
        assert {time_ms // HOUR * HOUR for _, time_ms, _ in found} == {start_ms}
    numbers = Counter((device.get("area", ""), device["domain"]) for device in DEVICES)
    counted = {(tags.get("area", ""), tags["domain"]): value for tags, _, value in closed.points(measurement, "devices")}
    assert counted == numbers


def test_demand_of_an_area_is_that_of_the_last_meters_behind_a_parent(closed: ClosingRig) -> None:
    assert [value for _, _, value in closed.points("daily_area", "demand")] == [96 * 0.75]
    assert closed.points("daily_area", "supplied") == [], "the bulk meter has no area"
