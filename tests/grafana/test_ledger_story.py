"""A story of a day and two nights through a real gateway: dashboards and reports say what the simulator's ledger says.

It lies in the past: VictoriaMetrics drops points of the future.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml

from firmware_sim.cli import main as firmware_sim
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import SimDevice, build_fleet
from firmware_sim.scenarios.loader import scenario
from gateway.commands.demo.services import Service
from grafana.ask import Ask, Each, Over, Step
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.grafana.answers import Page, asked
from tests.grafana.held import Holding, hold
from tests.grafana.held_reports import HeldReports
from tests.grafana.known_points import DAY_MS, HOUR_MS, MINUTE_MS
from tests.grafana.ledger_points import LedgerPoints, StoryPeriods, ledger_points
from tests.grafana.ledger_readings import StoryLedger, rows_of
from tests.grafana.story_days import SUMS_FROM
from tests.monitoring.reports.conftest import started
from tests.system.fleet import client_of, publish_all, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(3600)]

STORY = Path(__file__).with_name("proof_story.yaml")
VIETNAM = timezone(timedelta(hours=7))
SPEED = 1_800.0
UNHURRIED = 240.0
"""The speed for what needs more time on a busy machine than an hour of the story lasts: all periods once more."""
INTERVAL_S = 900.0
PATIENCE_S = 600.0
LOOKS_S = 0.6
"""Sixty looks at all dashboards, each of which takes seconds."""
LATE_AFTER_MS = HOUR_MS


def local_ms(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=VIETNAM).timestamp() * 1000)


BEGIN_MS = local_ms("2026-09-29 14:00")
DAYS = [local_ms(f"2026-{day}") for day in ("09-29", "09-30", "10-01", "10-02")]
"""In the first the story begins, in the last it ends."""
MONTHS = [(local_ms("2026-09-01"), local_ms("2026-10-01"))]


@dataclass
class Played:
    """A story that is played through a gateway into one database."""

    gate: Gateway
    broker: Service
    database: Service
    ledger: StoryLedger
    registry: Sequence[Mapping[str, Any]]
    fleet: Sequence[SimDevice]

    @property
    def replaces(self) -> bool:
        """A point that is written again replaces the one before."""
        return self.database.name == "influxdb"

    def slow_down(self, clock: ScaledTime, patch: pytest.MonkeyPatch) -> None:
        """Start the gateway again on a clock that goes on more slowly."""
        assert self.gate.terminate() == 0
        real_ns = time.time_ns()
        patch.setenv(VARIABLE, str(ScaledTime(real_ns // 1_000_000, clock.at_ms(real_ns), UNHURRIED)))
        self.gate.start()
        self.gate.wait_ready(PATIENCE_S)

    def tell_exchange(self) -> str:
        """Tell of an exchange days after it was made; have the sums since then worked out again. Return the device."""
        (row,) = self.ledger.exchanges
        device, at = row["exchange"], datetime.fromtimestamp(row["at"] / 1000, VIETNAM).isoformat()
        registers = ("--final", str(row["final"]), "--register", str(row["register"]))
        for words in (("exchange", device, "--at", at, *registers), ("resum", device, "--from", at)):
            done = self.gate.command("devices", *words)
            assert done.returncode == 0, done.stdout + done.stderr
        self.ledger.told(device, row["at"], row["register"] - row["final"], is_in_sums=self.replaces)
        return str(device)

    def greet(self, client: paho.Client, clock: ScaledTime) -> None:
        """Let each device send readings, of which the last one has a sum."""
        for turn in range(SUMS_FROM + 1):
            sent = [(device, clock.at_ms(time.time_ns())) for device in self.fleet]
            messages = [
                (message, now_ms)
                for device, now_ms in sent
                for message in Firmware(device, scenario("normal"), 1).measure(now_ms / 1000, now_ms)
            ]
            publish_all(client, [(message.topic, message.payload) for message, _ in messages])
            rows = [json.loads(row) | {"at": now_ms} for message, now_ms in messages for row in message.rows]
            self.ledger.add(rows, has_sums=turn == SUMS_FROM)
            for device in self.fleet if turn == 0 else ():
                until(lambda name=device.name: self._knows_sums(name), PATIENCE_S, what=f"sums of {device.name} are known")

    def _knows_sums(self, device: str) -> bool:
        status, text = self.gate.ask(f"/api/devices/{device}")
        return status == 200 and all(one["sum"] is not None for one in json.loads(text)["counters"])

    def truth(self) -> LedgerPoints:
        """The points that the gateway should have written."""
        return ledger_points(self.ledger, self.registry, StoryPeriods(DAYS, MONTHS, rough=1), LATE_AFTER_MS)

    def pages(self) -> Iterator[Page]:
        """Pages of a day and of a month, with one, several and all devices, sites and areas."""
        # They end with an hour: VictoriaMetrics gives the whole of the last one, InfluxDB the part before the end of the page.
        end_ms = DAYS[-2] + 4 * HOUR_MS - 1
        whole = Page(end_ms - DAY_MS - 17 * MINUTE_MS, end_ms, shows_simulated=True)
        one, *several = [device.name for device in self.fleet if device.kind in ("water-meter", "power-house")]
        site, area = self.registry[0]["site"], self.registry[0]["area"]
        yield whole
        yield replace(whole, begin_ms=end_ms - 30 * DAY_MS)
        for choice in ({"device": [one]}, {"device": several[:3], "area": [area], "site": [site, "none"]}):
            yield replace(whole, choice=choice)

    def own_pages(self) -> Iterator[Page]:
        """Pages of single devices: one of each kind, and those whose exchange was told. Sums of all of them are right."""
        whole, *_ = self.pages()
        sound = [device for device in self.fleet if device.name not in self.ledger.without_sums]
        of_kind = {device.kind: device.name for device in sound}
        told = {step.device for step in self.ledger.steps if step.is_in_sums}
        for name in {of_kind["water-meter"], of_kind["power-house"], *told}:
            yield replace(whole, choice={"device": [name]})

    def holds(self) -> Holding:
        """Hold all dashboards against the ledger, and again until what comes late has been worked in."""
        truth, found = self.truth(), Holding()

        def look() -> bool:
            nonlocal found
            found = hold(truth, self.database, list(self.pages()), since_ms=DAYS[1])
            found.add(hold(truth, self.database, list(self.own_pages()), ["device"], DAYS[1]))
            return not found.wrong

        try:
            until(look, LOOKS_S, what="all figures are those of the ledger")
        except AssertionError:
            raise AssertionError("\n".join([str(found), *found.wrong[:40]])) from None
        return found

    def reports(self) -> int:
        """Hold the command's reports of the two whole days against the ledger; the number of figures."""
        reports = HeldReports(self.gate.config, self.truth(), "2026-09-30", "2026-10-01", DAYS[1], DAYS[-1])
        return reports.hold("hour", "day")

    def is_closed(self) -> bool:
        """Tell if the last day is closed."""
        question = Ask("completeness", "expected", Each.SUM, Step.DAY, Over.SUM, ("device",))
        page = Page(DAYS[-2], DAYS[-2] + HOUR_MS, shows_simulated=True)
        return len(asked(self.database).answer(question, page)) == len(self.fleet)


@pytest.fixture(params=["influxdb", "victoria-metrics"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "database").mkdir()
    with started(request.param, tmp_path / "database") as filled:
        yield filled.service


@pytest.fixture
def played(mosquitto: Service, database: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    told = _said("registry", "--scenario", str(STORY))
    story = scenario(str(STORY))
    fleet = build_fleet(story.fleet, INTERVAL_S, 1, story.sites)
    (tmp_path / "gateway" / "data").mkdir(parents=True)
    gate = gateway(tmp_path / "gateway", mosquitto.url, database.url, journal={"path": "data/journal.db"})
    gate.config.with_name("devices.yaml").write_text(told)
    found = Played(gate, mosquitto, database, StoryLedger(), yaml.safe_load(told)["devices"], fleet)
    with client_of(mosquitto) as client:
        clock = ScaledTime(time.time_ns() // 1_000_000, BEGIN_MS, SPEED)
        monkeypatch.setenv(VARIABLE, str(clock))
        (gate.journal.parent / PERMIT).touch()
        with gate:
            gate.wait_subscribed()
            found.greet(client, clock)
            ledger = tmp_path / "ledger.jsonl"
            where = ["--broker", mosquitto.url, "--ledger", str(ledger), "--connections", "shared"]
            _said("run", *where, "--scenario", str(STORY))
            wait_settled(gate, mosquitto)
            found.ledger.add(rows_of(ledger))
            until(found.is_closed, PATIENCE_S, what="the last day is closed")
            found.slow_down(clock, monkeypatch)
            yield found


def _said(*arguments: str) -> str:
    with redirect_stdout(StringIO()) as out:
        status = firmware_sim(arguments)
    assert status == 0, out.getvalue()
    return out.getvalue()


def test_dashboards_and_reports_say_what_the_ledger_says_after_late_data_and_an_exchange_told_late(played: Played) -> None:
    assert days_off(played.ledger) == []
    say(f"{played.holds()}; reports: {played.reports()} figures")
    before = played.truth()
    device = played.tell_exchange()
    assert days_off(played.ledger) == []
    assert doubt_of(played.truth(), device) < doubt_of(before, device) / 100, "now it is known what flowed at the exchange"
    say(f"after the exchange was told: {played.holds()}; reports: {played.reports()} figures")


def doubt_of(truth: LedgerPoints, device: str) -> float:
    """The doubt of what flowed through a water meter on its days."""
    days = (point.fields for point in truth.doubts["daily"] if point.tags["device"] == device)
    return sum(float(doubts.get("volume_used_m3", 0.0)) for doubts in days)


def say(text: str) -> None:
    """Tell those who ask with ``-s``."""
    print(text, flush=True)  # noqa: T201 - as it says


def days_off(ledger: StoryLedger) -> list[str]:
    """The days on which the readings of a ledger do not say what the simulator let flow."""
    curves = ledger.flows()
    domains = {(reading.device, reading.tags): reading.domain for reading in ledger.readings}
    found = []
    for (device, tags, name, begin_ms, end_ms), flow in ledger.consumed.items():
        used = curves[domains[device, tags], device, tags, name].used(begin_ms, end_ms)
        if used is None or abs(used.total - flow.total) > used.doubt + flow.doubt:
            found.append(f"{device} {name} {begin_ms}: {used}, {flow}")
    assert len(ledger.consumed) > 20
    return found
