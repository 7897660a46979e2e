"""Pressure in the staff's unit, on both databases: the same panels say the same, a hundredth in bar."""

from dataclasses import replace

import pytest

from grafana.ask import Ask, Each, Over, Step, first
from grafana.model import Dashboard
from grafana.pressure import KPA, PRESSURES, in_unit
from grafana.tables import DASHBOARDS
from tests.grafana.answers import Page, asked, panels_of
from tests.grafana.conftest import Databases
from tests.grafana.known_points import DAY_MS
from tests.rows import each_row

pytestmark = pytest.mark.real


@each_row("board", [board for board in DASHBOARDS if any(panel.unit == KPA for panel in panels_of(board))])
def test_a_panel_says_a_hundredth_of_it_in_bar(databases: Databases, board: Dashboard) -> None:
    page = Page(databases.now_ms - DAY_MS, databases.now_ms)
    shown = panels_of(in_unit(board, PRESSURES["bar"]))
    pairs = [(panel, bar) for panel, bar in zip(panels_of(board), shown, strict=True) if panel.unit == KPA]
    for service in databases.services:
        for panel, bar in pairs:
            kept, got = (dict(asked(service).answers(one, page)) for one in (panel, bar))
            for question, row in zip(panel.questions, bar.questions, strict=True):
                assert first(row).scale == PRESSURES["bar"].of_kpa
                assert got[row] == pytest.approx({key: value / 100 for key, value in kept[question].items()}, rel=1e-9)
            assert any(kept.values()), panel.title


def test_a_figure_of_each_kind_is_multiplied_once_and_a_count_is_not(databases: Databases) -> None:
    page = Page(databases.now_ms - DAY_MS, databases.now_ms)
    newest = Ask("water", "pressure_kpa", Each.LAST, Step.NOW, Over.MAX, ("device",))
    kinds = (
        newest,
        replace(newest, limit=3),
        replace(newest, over=Over.MEAN, by=()),
        replace(newest, step=Step.INTERVAL, each=Each.MEAN),
    )
    for service in databases.services:
        for question in kinds:
            kept, got = (asked(service).answer(one, page) for one in (question, replace(question, scale=0.01)))
            assert got == pytest.approx({key: value / 100 for key, value in kept.items()}, rel=1e-9)
            assert kept
