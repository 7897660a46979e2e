"""Twenty states over a healthy world: each changes what it names alone, and the healthy world has no trouble left."""

from tests.campaigns.grafana.healthy import HOUR_MS, healthy
from tests.campaigns.grafana.points import Point
from tests.campaigns.grafana.states import HEALTHY, STATES, Change, Raised, State, points_of

END_MS = 100 * HOUR_MS
PLACE = {"area": "SIM-xa-01", "site": "xa-01", "device": "sim-1-water-meter-0011"}


def test_there_are_twenty_states_on_dashboards_of_which_the_healthy_world_is_shown_too() -> None:
    assert len({state.name for state in STATES}) == 20
    assert {state.board for state in STATES} <= set(HEALTHY)
    assert len(set(HEALTHY)) == 10


def test_the_healthy_world_has_no_trouble_left() -> None:
    ill = {"pressure_kpa": 12.0, "alarm_leak": True, "volume_m3": 17.5, "quality": 128}
    well = healthy(Point("water", PLACE, ill, END_MS), END_MS)
    assert well is not None
    assert well.fields == {"pressure_kpa": 220.0, "alarm_leak": False, "volume_m3": 17.5, "quality": 128}
    assert healthy(Point("event", {}, {"value": 1}, END_MS), END_MS) is None


def test_what_is_lost_of_what_is_supplied_adds_up() -> None:
    well = healthy(Point("hourly_area", {"area": "A"}, {"supplied_m3": 10.0, "used_m3": 2.0, "lost_m3": 8.0}, END_MS), END_MS)
    assert well is not None
    assert {name: round(float(value), 6) for name, value in well.fields.items()} == {
        "supplied_m3": 10.0,
        "used_m3": 9.4,
        "lost_m3": 0.6,
    }


def test_a_change_meets_its_devices_from_its_beginning_on() -> None:
    change = Change("water", {r"pressure(_\w+)?_kpa": 70.0}, hours=2.0, device="meter-0011")
    before, after = (Point("water", PLACE, {"pressure_kpa": 300.0, "ph": 7.0}, END_MS - hours * HOUR_MS) for hours in (3, 1))
    other = after._replace(tags=PLACE | {"device": "sim-1-water-meter-0012"})
    found = list(points_of(State("", "water", (change,)), [before, after, other], END_MS))
    assert [point.fields["pressure_kpa"] for point in found] == [300.0, 70.0, 300.0]
    assert list(points_of(State("", "water", (Change("water", hours=2.0),)), [before, after], END_MS)) == [before]


def test_an_alarm_stands_until_the_end_at_the_devices_that_it_names() -> None:
    registry = [
        Point("registry", PLACE | {"device": f"sim-1-water-meter-001{number}"}, {"value": 1}, END_MS) for number in "321"
    ]
    raised = Raised("leak", "warning", "water", "water-meter-001", 2, hours=0.5)
    found = [point for point in points_of(State("", "water", (), (raised,)), registry, END_MS) if point.measurement == "alarm"]
    assert {point.tags["device"] for point in found} == {"sim-1-water-meter-0011", "sim-1-water-meter-0012"}
    assert len(found) == 2 * 6
    assert max(point.time_ms for point in found) == END_MS - 300_000


def test_an_alarm_of_a_site_names_no_device_and_no_domain() -> None:
    (raised,) = (alarm for state in STATES for alarm in state.alarms if alarm.alarm == "site_silent")
    place = PLACE | {"site": raised.site}
    first = next(raised.points([place], END_MS))
    assert first.tags == {"alarm": "site_silent", "area": "SIM-xa-01", "site": "xa-02", "severity": "critical"}
