"""The story of the demo through a real gateway: no panel is empty that does not say why."""

import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from typing import Final

import pytest
import yaml

from firmware_sim.cli import main as firmware_sim
from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from grafana.ask import Ask, Each, Over, Question, Step, asks, first
from grafana.model import Kind, Panel
from grafana.tables import DASHBOARDS
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.grafana.answers import Page
from tests.grafana.asked import asked
from tests.grafana.known_points import DAY_MS, HOUR_MS
from tests.grafana.ledger_readings import rows_of
from tests.monitoring.reports.conftest import started
from tests.system.fleet import wait_settled
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(3600)]

DEVICES: Final = ["--scenario", "province", "--devices", "120"]
BEGIN_MS: Final = 1_790_661_600_000
"""2026-09-29 at one o'clock in the afternoon, in Vietnam: two midnights lie in the two days of the story, and a month ends.
VictoriaMetrics drops points of the future."""
SPEED: Final = 1_800.0
PATIENCE_S: Final = 600.0


@dataclass(frozen=True)
class Told:
    """A story that was told.

    :ivar devices: kind → a device.
    """

    database: Service
    end_ms: int
    devices: Mapping[str, str]

    def page(self, days: int) -> Page:
        """A page that ends with the story."""
        return Page(self.end_ms - days * DAY_MS, self.end_ms, days * 600_000, shows_simulated=True)

    def is_closed(self) -> bool:
        """Tell if the hour before the last one is closed: the devices' readings behind the last one are not all there."""
        question = Ask("hourly", "volume_used_m3", Each.SUM, Step.HOUR, Over.SUM)
        last_ms = self.end_ms // HOUR_MS * HOUR_MS - 2 * HOUR_MS
        return ((), last_ms) in asked(self.database).answer(
            question, Page(last_ms - HOUR_MS, last_ms + HOUR_MS - 1, shows_simulated=True)
        )


@pytest.fixture(scope="module", params=["influxdb", "victoria-metrics"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch, services.mosquitto(folder) as broker, started(request.param, folder) as filled:
        database = filled.service
        gate = gateway(folder / "gateway", broker.url, database.url, journal={"path": "data/journal.db"})
        registry = said("registry", *DEVICES)
        gate.config.with_name("devices.yaml").write_text(registry)
        gate.journal.parent.mkdir()
        (gate.journal.parent / PERMIT).touch()
        patch.setenv(VARIABLE, str(ScaledTime(time.time_ns() // 1_000_000 + 3000, BEGIN_MS, SPEED)))
        with gate:
            gate.wait_subscribed()
            ledger = folder / "ledger.jsonl"
            said("run", "--broker", broker.url, "--connections", "shared", "--ledger", str(ledger), *DEVICES)
            wait_settled(gate, broker)
            devices = [device["id"] for device in yaml.safe_load(registry)["devices"]]
            end_ms = max(row["ts"] or 0 for row in rows_of(ledger) if "m" in row)
            found = Told(database, end_ms, {name.rpartition("-")[0]: name for name in devices})
            until(found.is_closed, PATIENCE_S, what="the last hours are closed")
        yield found


def said(*arguments: str) -> str:
    with redirect_stdout(StringIO()) as out:
        status = firmware_sim(arguments)
    assert status == 0, out.getvalue()
    return out.getvalue()


def is_asked(question: Question, page: Page) -> bool:
    """Tell if so many days are shown that a question is asked."""
    shown = [
        page.length_ms > ask.above_days * DAY_MS and not 0 < ask.up_to_days * DAY_MS < page.length_ms for ask in asks(question)
    ]
    return all(shown)


def empty(told: Told) -> Iterator[tuple[str, Panel, Question]]:
    """Yield the questions without an answer, with their dashboards."""
    for board in DASHBOARDS:
        whole = told.page(board.days)
        is_single = any(variable.is_single for variable in board.variables)
        pages = [replace(whole, choice={"device": [name]}) for name in told.devices.values()] if is_single else [whole]
        for section in board.sections:
            for panel in section.panels if not section.closed else ():
                shown = [page.of(panel) for page in pages]
                questions = [question for question in panel.questions if is_asked(question, shown[0])]
                answered = [any(asked(told.database).answer(question, page) for page in shown) for question in questions]
                if panel.kind is Kind.TABLE and any(answered):
                    continue  # one of its columns may be empty, as that of certificates is without TLS
                for question, is_answered in zip(questions, answered, strict=True):
                    if not is_answered:
                        yield board.name, panel, question


def test_no_panel_of_the_story_is_empty_that_does_not_say_why(told: Told) -> None:
    """A panel with a text of its own says why; of the others the reason is only that nothing was found."""
    found = list(empty(told))
    say(
        "".join(
            f"\n{board}: {panel.title}: {first(question).field}: {panel.without_data!r}" for board, panel, question in found
        )
    )
    assert [
        f"{board}: {panel.title}: {first(question).field}" for board, panel, question in found if not panel.without_data
    ] == []


def say(text: str) -> None:
    """Tell those who ask with ``-s``."""
    print(text)  # noqa: T201 - as it says
