from pathlib import Path

import pytest

from grafana.answers import DAY_MS, Page
from grafana.model import Dashboard
from grafana.preview import main, page_html
from grafana.tables import DASHBOARDS
from grafana.units import DURATION, SHARE
from grafana.written import number_text
from tests.grafana.asked import asked
from tests.grafana.conftest import Databases


@pytest.mark.real
@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_every_open_panel_is_drawn_or_says_why_it_is_empty(databases: Databases, board: Dashboard) -> None:
    page = Page(databases.now_ms - board.days * DAY_MS, databases.now_ms, shows_simulated=True)
    drawn = page_html(board, asked(databases.services[0]), page)
    panels = [panel for section in board.sections if not section.closed for panel in section.panels]
    assert [panel.title for panel in panels if f"<h3>{panel.title}</h3>" not in drawn] == []
    assert drawn.count("<h3>") >= len(panels)
    assert "<svg" in drawn


def test_a_database_that_does_not_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["water", "--influxdb", "http://127.0.0.1:9", "--out", str(tmp_path / "preview.html")])
    assert status == 3
    assert capsys.readouterr().err.startswith("http://127.0.0.1:9 does not answer: ")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.987, SHARE, "98.7 %"),
        (5400.0, DURATION, "1.5 h"),
        (12.0, DURATION, "12 s"),
        (0.0, DURATION, "0 s"),
        (12345.6, "m3", "12,346 m³"),
        (1.23456, "suffix:m³/h", "1.235 m³/h"),
        (3.0, "none", "3"),
        (1_578_832.0, "watt", "1.579 MW"),
        (950.0, "voltamp", "950 VA"),
    ],
)
def test_figures_have_their_unit(value: float, unit: str, text: str) -> None:
    assert number_text(value, unit) == text
