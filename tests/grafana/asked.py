"""The questions of a dashboard, asked of a service that a test started."""

from collections.abc import Iterator

from gateway.commands.demo.services import Service
from grafana.answers import Asked, AskedInfluxDb, AskedVictoriaMetrics, questions
from grafana.ask import Question
from grafana.model import HALF, Dashboard, Kind, Panel, Prom


def asked(service: Service) -> Asked:
    """The database to ask."""
    return AskedInfluxDb(service.url) if service.name == "influxdb" else AskedVictoriaMetrics(service.url)


def questions_of(panel: Panel) -> Iterator[Question]:
    """Yield what a panel asks the database of readings."""
    return (target for target in panel.targets if not isinstance(target, Prom))


def with_marks(board: Dashboard) -> Iterator[tuple[Panel, Question]]:
    """Yield the questions of a dashboard, those of its marks as panels of their own."""
    yield from questions(board)
    for mark in board.annotations:
        yield Panel(mark.vi, mark.en, Kind.LINES, (mark.question,), "", HALF, "", ""), mark.question
