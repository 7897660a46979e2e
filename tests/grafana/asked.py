"""The questions of a dashboard, asked of a service that a test started."""

from collections.abc import Iterator

from gateway.commands.demo.services import Service
from grafana.ask import Question
from grafana.model import HALF, Dashboard, Kind, Panel
from tests.grafana.answers import Asked, AskedInfluxDb, AskedVictoriaMetrics


def asked(service: Service) -> Asked:
    """The database to ask."""
    return AskedInfluxDb(service.url) if service.name == "influxdb" else AskedVictoriaMetrics(service.url)


def panels_of(board: Dashboard, *, with_marks: bool = True) -> Iterator[Panel]:
    """Yield the panels of a dashboard that ask the database of readings; and its marks over time, as panels of their own."""
    yield from (panel for section in board.sections for panel in section.panels if panel.questions)
    for mark in board.annotations if with_marks else ():
        yield Panel(mark.vi, mark.en, Kind.LINES, (mark.question,), "", HALF, "", "")


def with_marks(board: Dashboard) -> Iterator[tuple[Panel, Question]]:
    """Yield the questions of a dashboard, those of its marks among them."""
    for panel in panels_of(board):
        yield from ((panel, question) for question in panel.questions)
