"""Looks that all panels share, and what the guard says of a page that does not fit."""

from dataclasses import replace
from typing import Any

import pytest

from grafana.ask import Ask, Each, Over, Step
from grafana.guard import misfits, twice
from grafana.looks import PALE, PLAIN
from grafana.model import CRITICAL, GOOD, HALF, MISSING, QUARTER, STAT_SIZE, WARNING, Column, Dashboard, Kind, Panel, Section
from grafana.render import dashboard
from grafana.stores import DATABASES, INFLUXDB, VICTORIA_METRICS, Database
from grafana.units import COUNT, DURATION

Json = dict[str, Any]
FLOW = Ask("hourly", "volume_used_m3", Each.SUM, Step.HOUR, Over.SUM)
OPEN = Ask("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("alarm", "severity", "area", "site", "device"), limit=50)
BARS = Panel("Nước", "Water", Kind.BARS, (FLOW,), "m3", HALF, "", "")
ALARMS = replace(BARS, kind=Kind.TABLE, targets=(OPEN,), columns=(Column("since_ms", "Từ", "Since", COUNT),))


def board(*panels: Panel, closed: bool = False) -> Dashboard:
    return Dashboard("try", "Thử", "Try", (), (Section("Phần", "Part", panels, closed=closed),))


def drawn(panel: Panel, database: Database = INFLUXDB) -> Json:
    found: Json = dashboard(board(panel), database, "en")["panels"][1]
    return found


def defaults(panel: Panel) -> Json:
    found: Json = drawn(panel)["fieldConfig"]["defaults"]
    return found


def overridden(panel: Json) -> dict[str, Json]:
    """Name of a column or line → its properties."""
    found: dict[str, Json] = {}
    for one in panel["fieldConfig"]["overrides"]:
        found.setdefault(str(one["matcher"]["options"]), {}).update({row["id"]: row["value"] for row in one["properties"]})
    return found


@pytest.mark.parametrize("kind", [Kind.BARS, Kind.AREAS])
def test_bars_and_areas_begin_at_0_unless_they_may_lie_below(kind: Kind) -> None:
    assert defaults(replace(BARS, kind=kind))["min"] == 0
    below = defaults(replace(BARS, kind=kind, below_zero=True))
    assert ("min" in below, below["custom"]["axisSoftMin"]) == (False, 0)


def test_an_axis_shows_every_limit_in_the_colour_of_its_worse_side() -> None:
    limits = replace(BARS, kind=Kind.LINES, steps=((None, CRITICAL), (6.0, GOOD), (8.0, WARNING), (8.5, CRITICAL)))
    drawn_so = defaults(limits)
    assert drawn_so["custom"]["axisSoftMin"] == 5.875
    assert drawn_so["custom"]["axisSoftMax"] == 8.625
    lines = {step["value"]: step["color"] for step in drawn_so["thresholds"]["steps"]}
    assert lines == {None: CRITICAL, 6.0: CRITICAL, 8.0: WARNING, 8.5: CRITICAL}
    assert "axisSoftMax" not in defaults(replace(limits, maximum=14.0))["custom"]


def test_a_missing_figure_is_grey_and_none_of_what_is_counted_is_good() -> None:
    share = replace(BARS, kind=Kind.STAT, steps=((None, CRITICAL), (0.9, GOOD)), unit="percentunit")
    (missing,) = defaults(share)["mappings"]
    assert missing["options"] == {"match": "null+nan", "result": {"color": PALE, "index": 0}}
    assert defaults(replace(share, steps=()))["mappings"][0]["options"]["result"]["color"] == MISSING
    assert defaults(replace(share, without_data="0"))["mappings"] == []


def test_a_large_number_that_is_not_well_fills_its_panel_and_one_that_is_well_is_plain() -> None:
    share = replace(BARS, kind=Kind.STAT, steps=((None, CRITICAL), (0.9, GOOD)), unit="percentunit")
    assert [step["color"] for step in defaults(share)["thresholds"]["steps"]] == [CRITICAL, PLAIN]
    assert drawn(share)["options"]["colorMode"] == "background_solid"
    several = replace(share, targets=(FLOW, replace(FLOW, name="other")))
    assert [step["color"] for step in defaults(several)["thresholds"]["steps"]] == [CRITICAL, GOOD]
    assert drawn(several)["options"]["colorMode"] == "value"


def test_durations_do_not_stand_twice_at_an_axis() -> None:
    assert defaults(replace(BARS, unit=DURATION))["unit"] == "dthms"
    assert defaults(replace(BARS, kind=Kind.STAT, unit=DURATION))["unit"] == "dtdurations"


def test_lines_that_have_a_name_of_their_own_have_a_colour_that_means_nothing_else() -> None:
    named = tuple(replace(FLOW, name=name) for name in ("supplied", "other", "used"))
    shown = overridden(drawn(replace(BARS, targets=named)))
    colors = {name: row["color"]["fixedColor"] for name, row in shown.items() if "color" in row}
    assert len(set(colors.values())) == len(colors) == 3
    assert not {GOOD, WARNING, CRITICAL} & set(colors.values())
    alone = overridden(drawn(replace(BARS, targets=named[2:])))
    assert alone["used"]["color"]["fixedColor"] == colors["used"], "on every dashboard"


@pytest.mark.parametrize("database", DATABASES)
def test_a_table_says_what_and_who_first_and_fits_its_panel(database: Database) -> None:
    half, narrow = (drawn(replace(ALARMS, size=size), database) for size in (HALF, QUARTER))
    order = half["transformations"][-1]["options"]
    assert list(order["indexByName"]) == ["severity", "alarm", "device", "site", "since_ms"]
    assert order["excludeByName"] == {"area": True}
    assert list(narrow["transformations"][-1]["options"]["indexByName"]) == ["severity", "alarm", "device", "since_ms"]
    widths = [int(row.get("custom.width") or row.get("custom.minWidth") or 0) for row in overridden(half).values()]
    assert 500 < sum(widths) <= 683, "the rest is for long names"


def test_a_missing_cell_is_a_grey_dash_and_codes_are_words() -> None:
    columns = overridden(drawn(ALARMS))
    (missing,) = columns["since_ms"]["mappings"]
    assert missing["options"]["result"] == {"text": "-", "color": MISSING, "index": 0}
    said = [row["options"] for row in columns["severity"]["mappings"]]
    assert {"critical": {"text": "critical", "color": CRITICAL, "index": 0}} in said


@pytest.mark.parametrize("database", [INFLUXDB, VICTORIA_METRICS])
def test_a_map_paints_states_above_the_good_and_nothing_where_a_state_is_nowhere(database: Database) -> None:
    place = Ask("registry", "lon", Each.LAST, Step.NOW, Over.MAX, ("device",), limit=5)
    bad = Ask("alarm", "active", Each.LAST, Step.NOW, Over.COUNT, ("device",), name="bad")
    columns = (
        Column("lon", "", ""),
        Column("lat", "", ""),
        Column("bad", "", "", steps=((None, "transparent"), (1.0, CRITICAL))),
    )
    asked = (place, replace(place, field="lat", limit=0), bad)
    painted = drawn(replace(BARS, kind=Kind.MAP, targets=asked, columns=columns), database)
    good, above = (layer["config"]["style"]["color"] for layer in painted["options"]["layers"])
    assert (good, above) == ({"fixed": GOOD}, {"fixed": "transparent", "field": "bad"})
    assert "://" not in painted["options"]["basemap"]["config"]["url"], "nothing is loaded from elsewhere"
    (missing,) = overridden(painted)["bad"]["mappings"]
    assert missing["options"]["result"]["color"] == "transparent"
    assert "links" in overridden(painted)["device"]


def test_a_title_that_is_cut_in_one_language_is_told() -> None:
    fits = replace(BARS, size=STAT_SIZE, vi="Thiết bị đang im lặng")
    assert list(misfits(board(fits, *[replace(fits, en=str(number)) for number in range(5)]))) == []
    cut = replace(fits, vi="Thiết bị đang im lặng bây giờ")
    (told,) = misfits(board(*[replace(cut if not number else fits, en=str(number)) for number in range(6)]))
    assert told == "Dashboard 'try': the title 'Thiết bị đang im lặng bây giờ' is 29 pixels wider than its panel."


def test_a_table_that_is_wider_than_its_panel_is_told() -> None:
    many = tuple(Column(f"lon{number}", "Kinh độ của nó", "Its longitude", COUNT) for number in range(4))
    wide = replace(ALARMS, size=QUARTER, columns=many)
    told = list(misfits(board(*[replace(wide, en=str(number)) for number in range(4)])))
    assert [sentence.split("'")[3] for sentence in told] == ["Nước"] * 4 + ["0", "1", "2", "3"]


def test_too_many_panels_and_questions_at_open_are_told_and_closed_rows_are_not_counted() -> None:
    many = [replace(BARS, en=str(number)) for number in range(41)]
    told = [sentence.partition("'try' ")[2].partition(",")[0] for sentence in misfits(board(*many))]
    assert told == ["opens with 41 panels", "opens with 41 questions in InfluxQL", "opens with 41 questions in MetricsQL"]
    assert list(misfits(board(*many, closed=True))) == []


def test_a_row_on_two_dashboards_is_told() -> None:
    assert twice([board(BARS), replace(board(BARS), name="other")]) == ["'Part' of 'other' stands on 'try' too."]
    assert twice([board(BARS), replace(board(ALARMS, BARS), name="other")]) == []
