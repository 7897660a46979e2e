import pytest

from schemas.quantities import DOMAINS
from tests.grafana.as_documented import (
    ALL,
    DAY_MS,
    DOCUMENTED,
    MINUTE_MS,
    LeftOver,
    Shown,
    built_in,
    choices,
    filled,
    names,
    own_values,
    queries,
    read,
    used,
)
from tests.grafana.conftest import Databases
from tests.grafana.documented_sources import LENGTHS_MS, Sources, differences
from tests.rows import each_row

NAMES = [(store, name) for store in ("influxdb", "victoriametrics") for name in names(store)]
AT_ONCE = ("a day", "a minute more than three days")
"""By hour and by day: the others ask the same, of more points."""
SHOWN = Shown(1_790_000_000_000, 1_790_000_000_000 + DAY_MS)


@each_row(("folder", "name"), NAMES)
def test_a_query_holds_only_variables_that_its_data_source_documents(folder: str, name: str) -> None:
    dashboard = read(folder, name)
    own = own_values(dashboard, "water.1").keys()
    strange = {(query.place, *used(query.text) - own - DOCUMENTED[query.source]) for query in queries(dashboard)}
    assert {row for row in strange if len(row) > 1} == set()


@each_row(("folder", "name"), NAMES)
def test_a_choice_depends_only_on_the_choices_before_it(folder: str, name: str) -> None:
    dashboard = read(folder, name)
    asked = [choice for choice, _, _ in choices(dashboard)]
    for place, (_, _, text) in enumerate(choices(dashboard)):
        assert used(text) <= {"simulated", *asked[:place]}


@each_row(
    ("source", "text"),
    [
        ("influxdb", "$__range"),
        ("influxdb", "${__range_s} <= 259200"),
        ("influxdb", "$__rate_interval"),
        ("influxdb", "${__from:date:iso}"),
        ("influxdb", "${lane:regex}"),
        ("influxdb", "time > ${__to"),
        ("influxdb", "[[area]]"),
        ("prometheus", "$timeFilter"),
        ("prometheus", "$__range_h"),
    ],
)
def test_what_a_data_source_would_leave_in_a_query_is_refused(source: str, text: str) -> None:
    with pytest.raises(LeftOver, match="in SELECT"):
        filled(f"SELECT {text}", {"area": ALL, **built_in(source, SHOWN, MINUTE_MS)})


def test_several_chosen_names_are_written_so_that_a_database_takes_them_as_they_are() -> None:
    assert filled("${site:regex} ${area:regex} ${area:raw}", {"site": ALL, "area": ["A.1", "B/2"]}) == r".* (A\.1|B\/2) A.1,B/2"
    assert filled("${area:regex}", {"area": ["A (1)"]}) == r"A \(1\)"


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "length", [*AT_ONCE, *(pytest.param(each, marks=pytest.mark.slow) for each in LENGTHS_MS if each not in AT_ONCE)]
)
def test_what_one_database_shows_of_known_points_the_other_shows_too(databases: Databases, length: str) -> None:
    influxdb, victoria_metrics = databases.services
    page = Shown(databases.now_ms - LENGTHS_MS[length], databases.now_ms)
    sources = Sources(influxdb.url, victoria_metrics.url)
    assert differences(sources, page, [f"{domain}.1" for domain in DOMAINS]) == []
