from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from gateway.commands.demo.services import Service
from grafana.ask import Ask, Combined, Compare, Each, Mark, Over, Question, Step, Where, false, first, true
from grafana.model import Dashboard, Panel
from grafana.points import MEASUREMENTS
from grafana.tables import DASHBOARDS
from schemas.quantities import HEALTH
from tests.grafana.answers import Figures, Page, asked, panels_of, with_marks
from tests.grafana.conftest import Databases
from tests.grafana.documented_sources import LENGTHS_MS
from tests.grafana.known_points import DAY_MS, post
from tests.grafana.worked_out import figures, shows

pytestmark = pytest.mark.real

CHOICES: dict[str, Mapping[str, Sequence[str]]] = {
    "all": {},
    "one area": {"area": ["A1"]},
    "one site": {"site": ["site.1"]},
    "one device": {"device": ["water.1"]},
    "several": {
        "area": ["A0", "A1"],
        "site": ["site.0", "site.1"],
        "device": ["water.1", "power.2", "traffic.1", "sim-urban.3"],
    },
}

USED = Ask("power", "energy_import_sum_kwh", Each.USED, Step.RANGE, Over.SUM)
HOURLY = Ask("hourly", "volume_used_m3", Each.SUM, Step.RANGE, Over.SUM, ("device",))
SPEED = Ask("traffic", "mean_speed_km_h", Each.MEAN, Step.INTERVAL, Over.MEAN, ("site", "lane"))
VOCABULARY: dict[str, Question] = {
    "used of a sum, though the register was reset": USED,
    "used of each sum": replace(USED, by=("device",)),
    "mean of means": SPEED,
    "highest mean": replace(SPEED, over=Over.MAX, by=()),
    "lowest by lane": replace(SPEED, each=Each.MIN, over=Over.MIN, by=("lane",)),
    "last of each interval": replace(SPEED, each=Each.LAST, over=Over.SUM),
    "mean by hour": replace(SPEED, step=Step.HOUR),
    "mean by day": replace(SPEED, step=Step.DAY, by=("device",)),
    "reports": Ask("traffic", "quality", Each.COUNT, Step.RANGE, Over.SUM, ("site",)),
    "devices, not lanes": Ask("traffic", "quality", Each.LAST, Step.NOW, Over.DEVICES),
    "devices with a lane that is congested": Ask(
        "traffic", "congested", Each.LAST, Step.NOW, Over.DEVICES, ("site",), where=(true("congested"),)
    ),
    "lanes": Ask("traffic", "quality", Each.LAST, Step.NOW, Over.COUNT),
    "the two largest": replace(HOURLY, limit=2),
    "the smallest": replace(HOURLY, limit=-1),
    "hours of the range": HOURLY,
    "days of the range": replace(HOURLY, measurement="daily"),
    "months of the range": Ask("monthly", "volume_used_m3", Each.SUM, Step.DAY, Over.SUM, ("site",)),
    "two conditions": Ask(
        "alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("device",), where=(true("active"), false("acknowledged"))
    ),
    "a value above a limit": Ask(
        *(HEALTH, "battery_v", Each.LAST, Step.NOW, Over.COUNT), where=(Where("battery_pct", Compare.ABOVE, 11.0),)
    ),
    "a value below a limit": Ask(
        *(HEALTH, "battery_pct", Each.LAST, Step.NOW, Over.MIN), where=(Where("battery_pct", Compare.BELOW, 22.0),)
    ),
    "a share of what is left": Combined(
        Combined(
            Ask("daily_balance", "in", Each.SUM, Step.RANGE, Over.SUM, ("device",), limit=2),
            "-",
            Ask("daily_balance", "out", Each.SUM, Step.RANGE, Over.SUM, ("device",), limit=2),
        ),
        "/",
        Ask("daily_balance", "in", Each.SUM, Step.RANGE, Over.SUM, ("device",), limit=2),
    ),
    "hours of the day before, on the time of the page": Ask(
        *("hourly", "volume_used_m3", Each.SUM, Step.HOUR, Over.SUM, ("site",)), days_before=1
    ),
    "the last hours": Ask("hourly_area", "used_m3", Each.SUM, Step.HOUR, Over.SUM, ("area",), last_hours=5),
    "the last hours of the day before": Ask(
        *("hourly_area", "used_m3", Each.SUM, Step.HOUR, Over.SUM, ("area",)), last_hours=5, days_before=1
    ),
    "means of the day before": replace(SPEED, days_before=1),
    "what was newest a day before": Ask("traffic", "congested", Each.LAST, Step.NOW, Over.DEVICES, ("site",), days_before=1),
    "lanes that were congested then": Ask(
        *("traffic", "congested", Each.LAST, Step.NOW, Over.COUNT), where=(true("congested"),), days_before=1
    ),
    "how much of what was used then is in doubt": Ask(
        *("hourly_area", "used_m3", Each.SUM, Step.HOUR, Over.SUM, ("area",)), mark=Mark.DOUBT, days_before=1
    ),
    "only where many days are shown": replace(HOURLY, above_days=3),
    "only where few days are shown": replace(HOURLY, up_to_days=3),
}


def differences(databases: Databases, question: Question, page: Page) -> list[str]:
    wanted = figures(databases.points, question, page)
    answers = [(service, asked(service).answer(question, page)) for service in databases.services]
    return [found for service, got in answers for found in _differs(service, got, wanted)]


def differences_of_panel(databases: Databases, panel: Panel, page: Page) -> list[str]:
    """The same of all questions of a panel, as its queries ask them; the first chooses the rows of a table of some."""
    wanted = [figures(databases.points, question, page.of(panel)) for question in panel.questions]
    if first(panel.questions[0]).limit:
        wanted = [{key: value for key, value in rows.items() if key in wanted[0]} for rows in wanted]
    found = []
    for service in databases.services:
        got = dict(asked(service).answers(panel, page))
        for question, rows in zip(panel.questions, wanted, strict=True):
            found += _differs(service, got[question], rows)
    return found


def _differs(service: Service, got: Figures, wanted: Figures) -> list[str]:
    if got == wanted or got == pytest.approx(wanted, rel=1e-9):
        return []
    return [f"{service.name} says {odd(got, wanted)}, the points say {odd(wanted, got)}"]


def odd(some: Figures, others: Figures) -> str:
    """The first figures that the others do not have."""
    found = [(key, value) for key, value in sorted(some.items()) if others.get(key) != pytest.approx(value)]
    return f"{found[:3]} among {len(some)}"


@pytest.mark.parametrize(
    ("choice", "length"),
    [*((choice, "a day") for choice in CHOICES), *(("all", length) for length in LENGTHS_MS if length != "a day")],
)
def test_both_databases_give_the_figures_that_the_points_say(databases: Databases, choice: str, length: str) -> None:
    begin_ms = databases.now_ms - LENGTHS_MS[length]
    shown = Page(begin_ms, databases.now_ms, choice=CHOICES[choice], shows_simulated=choice == "several")
    for board in DASHBOARDS:
        is_shown = choice == "several" or not any(variable.is_single for variable in board.variables)
        for panel in panels_of(board) if is_shown else ():
            assert differences_of_panel(databases, panel, shown) == [], f"{board.name}: {panel.title}"


@pytest.mark.parametrize("name", VOCABULARY)
def test_each_kind_of_question_has_the_same_answer_in_both_languages(databases: Databases, name: str) -> None:
    page = Page(databases.now_ms - DAY_MS, databases.now_ms)
    longer = replace(page, begin_ms=page.begin_ms - 45 * DAY_MS)
    question = VOCABULARY[name]
    assert any(figures(databases.points, question, shown) for shown in (page, longer))
    assert [differences(databases, question, shown) for shown in (page, longer)] == [[], []]


def test_the_use_of_a_sum_counts_what_flowed_before_the_first_reading_of_the_range(databases: Databases) -> None:
    # Seeds 11 and 12 kWh between two readings, and 36 readings in 24 hours.
    page = Page(databases.now_ms - DAY_MS, databases.now_ms)
    for service in databases.services:
        assert list(asked(service).answer(USED, page).values()) == [pytest.approx(36 * (11 + 12))]


def test_no_panel_is_empty_on_a_day_and_a_month_of_points(databases: Databases) -> None:
    pages = [Page(databases.now_ms - days * DAY_MS, databases.now_ms) for days in (1, 30)]
    answered = {
        panel.title
        for board in DASHBOARDS
        for panel, question in with_marks(board)
        if any(figures(databases.points, question, page.of(panel)) for page in pages)
    }
    assert [panel.title for board in DASHBOARDS for panel, _ in with_marks(board) if panel.title not in answered] == []


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_a_choice_offers_the_devices_of_the_choices_before_it(databases: Databases, board: Dashboard) -> None:
    for choice in (CHOICES["all"], CHOICES["one site"]):
        page = Page(databases.now_ms - DAY_MS, databases.now_ms, choice=choice)
        for variable in board.variables:
            points = databases.points[variable.measurement]
            chosen = {tag: page.choice[tag] for tag in variable.narrower if tag in page.choice}
            offered = replace(page, choice=chosen)
            wanted = sorted({point.tags[variable.name] for point in points if shows(offered, point)})
            assert [asked(service).values(variable, page) for service in databases.services] == [wanted, wanted]


def test_an_empty_database_is_no_error(empty_databases: tuple[Service, ...]) -> None:
    page = Page(1_790_000_000_000, 1_790_000_000_000 + DAY_MS)
    for board in DASHBOARDS:
        for service in empty_databases:
            assert [found for panel in panels_of(board) for found in asked(service).answers(panel, page) if found[1]] == []
            assert [asked(service).values(variable, page) for variable in board.variables] == [[]] * len(board.variables)


@pytest.mark.parametrize("place", [0, 1], ids=["influxdb", "victoria-metrics"])
def test_a_table_of_fifty_has_fifty_rows_though_sixty_are_equal_and_bars_begin_in_the_time_of_the_page(
    empty_databases: tuple[Service, ...], place: int
) -> None:
    service, (water,) = empty_databases[place], (board for board in DASHBOARDS if board.name == "water")
    end_ms = 1_790_000_000_000 // DAY_MS * DAY_MS + 8 * DAY_MS // 24 + 10 * 60_000
    marks, hours = "estimated=0.5,measured=1,suspect=0", [end_ms // 3_600_000 * 3_600_000 - n * 3_600_000 for n in range(1, 30)]
    lines = [f"daily,area=A,device=d{n},site=s flow_night_min_m3_h=1,{marks} {end_ms - DAY_MS}" for n in range(60)]
    lines += [f"hourly_area,area=A,domain=water used_m3=1,{marks} {time_ms}" for time_ms in hours]
    post(service, "/write?db=iot&precision=ms", "\n".join(lines))
    if place:
        post(service, "/internal/force_flush", "")
    page = Page(end_ms - DAY_MS, end_ms)
    panels = {panel.en: panel for panel in panels_of(water)}
    columns = [rows.keys() for _, rows in asked(service).answers(panels["Night minimum flow"], page)]
    assert [len(rows) for rows in columns] == [50, 50, 50, 50]
    assert all(rows == columns[0] for rows in columns), "the other columns are of the same devices"
    bars = dict(asked(service).answers(panels["Used per hour"], page))[panels["Used per hour"].questions[0]]
    assert sorted(time_ms for _, time_ms in bars) == sorted(time_ms for time_ms in hours if time_ms >= page.begin_ms)


def test_every_field_of_the_known_points_is_one_that_panels_can_ask_about(databases: Databases) -> None:
    for points in databases.points.values():
        for point in points:
            known = [rows for name, rows in MEASUREMENTS.items() if (rows.name or name) == point.measurement]
            assert any(point.fields.keys() <= rows.units.keys() for rows in known), point
