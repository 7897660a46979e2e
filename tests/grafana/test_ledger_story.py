"""A story of a day and two nights through a real gateway: dashboards and reports say what the simulator's ledger says."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from gateway.demo import services
from gateway.demo.services import Service
from grafana.answers import Page
from grafana.ask import Ask, Each, Over, Step
from schemas.quantities import SUM_OF, USED_OF
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.grafana.asked import asked
from tests.grafana.held import Holding, hold
from tests.grafana.known_points import DAY_MS, HOUR_MS, MINUTE_MS, KnownPoint
from tests.grafana.ledger_points import LedgerPoints, StoryPeriods, ledger_points
from tests.grafana.ledger_readings import StoryLedger, rows_of
from tests.grafana.test_ledger import SUMS_FROM
from tests.system.fleet import client_of, publish_all, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(1800)]

STORY = Path(__file__).with_name("proof_story.yaml")
VIETNAM = timezone(timedelta(hours=7))
SPEED = 1_800.0
INTERVAL_S = 900.0
PATIENCE_S = 600.0
LATE_AFTER_MS = HOUR_MS


def local_ms(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=VIETNAM).timestamp() * 1000)


BEGIN_MS = local_ms("2027-03-30 14:00")
DAYS = [local_ms(f"2027-{day}") for day in ("03-30", "03-31", "04-01", "04-02")]
"""In the first the story begins, in the last it ends."""
MONTH = (local_ms("2027-03-01"), local_ms("2027-04-01"))


@dataclass
class Played:
    """A story that is played through a gateway into one database."""

    gate: Gateway
    broker: Service
    database: Service
    ledger: StoryLedger
    registry: Sequence[Mapping[str, Any]]
    fleet: Sequence[SimDevice]

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
        return ledger_points(self.ledger, self.registry, StoryPeriods(DAYS, MONTH, rough=1), LATE_AFTER_MS)

    def pages(self) -> Iterator[Page]:
        """Pages of a day and of a month, with one, several and all devices, sites and areas."""
        end_ms = DAYS[-2] + 4 * HOUR_MS + 17 * MINUTE_MS
        whole = Page(end_ms - DAY_MS, end_ms, shows_simulated=True)
        one, *several = [device.name for device in self.fleet if device.kind in ("water-meter", "power-house")]
        site, area = self.registry[0]["site"], self.registry[0]["area"]
        yield whole
        yield replace(whole, begin_ms=end_ms - 30 * DAY_MS)
        for choice in ({"device": [one]}, {"device": several[:3], "area": [area], "site": [site, "none"]}):
            yield replace(whole, choice=choice)

    def own_pages(self) -> Iterator[Page]:
        """Pages of single devices, none of which was exchanged or set back."""
        whole, *_ = self.pages()
        stepped = {step.device for step in self.ledger.steps}
        of_kind = {device.kind: device.name for device in self.fleet if device.name not in stepped}
        for kind in ("water-meter", "power-house"):
            yield replace(whole, choice={"device": [of_kind[kind]]})

    def holds(self) -> Holding:
        """Hold all dashboards against the ledger, and again until what comes late has been worked in."""
        truth, found = self.truth(), Holding()

        def look() -> bool:
            nonlocal found
            found = hold(truth, self.database, list(self.pages()), since_ms=DAYS[1])
            found.add(hold(truth, self.database, list(self.own_pages()), ["device"], DAYS[1]))
            return not found.wrong

        try:
            until(look, 60.0, what="all figures are those of the ledger")
        except AssertionError:
            raise AssertionError("\n".join([str(found), *found.wrong[:40]])) from None
        return found

    def is_closed(self) -> bool:
        """Tell if the last day is closed."""
        question = Ask("completeness", "expected", Each.SUM, Step.DAY, Over.SUM, ("device",))
        page = Page(DAYS[-2], DAYS[-2] + HOUR_MS, shows_simulated=True)
        return len(asked(self.database).answer(question, page)) == len(self.fleet)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "database").mkdir()
    with services.influxdb(tmp_path / "database") as service:
        yield service


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
            yield found


def _said(*arguments: str) -> str:
    with redirect_stdout(StringIO()) as out:
        status = firmware_sim(arguments)
    assert status == 0, out.getvalue()
    return out.getvalue()


def test_dashboards_and_reports_say_what_the_ledger_says_also_after_late_data(played: Played) -> None:
    assert days_off(played.ledger) == []
    say(f"{played.holds()}; reports: {reports_hold(played)} figures")


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


def reports_hold(played: Played) -> int:
    """Hold the command's reports against the ledger; the number of figures."""
    truth = played.truth()
    first, last = "2027-03-31", "2027-04-01"

    def rows(kind: str, step: str, *more: str) -> list[dict[str, Any]]:
        done = played.gate.command("report", kind, "--from", first, "--to", last, "--step", step, "--json", *more)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    number = 0
    for step, measurement in (("hour", "hourly"), ("day", "daily")):
        used = {
            (
                row["device"],
                row["channel"],
                row["lane"],
                row["direction"],
                row["vehicle_class"],
                row["counter"],
                row_ms(row),
            ): row["used"]
            for row in rows("consumption", step)
            if row["used"] is not None
        }
        number += same(used, dict(of_uses(truth, measurement)))
        sides = {
            (row["parent"], side, row_ms(row)): row[side]
            for row in rows("balance", step)
            for side in ("in", "out")
            if row["lost"] is not None
        }
        number += same(sides, dict(of_balances(truth, step)))
    shares = {
        (row["device"], name, row_ms(row)): row[name]
        for row in rows("completeness", "day")
        for name in ("expected", "received", "missing", "on_time", "longest_gap_s")
    }
    return number + same(shares, dict(of_completeness(truth)))


Told = tuple[float, float]


def same(said: Mapping[Any, float], wanted: Mapping[Any, Told]) -> int:
    odd = [
        f"{key}: the report says {said.get(key)}, the ledger {wanted.get(key)}"
        for key in said.keys() | wanted.keys()
        if key not in said or key not in wanted or abs(said[key] - wanted[key][0]) > wanted[key][1] + 1e-6
    ]
    assert odd == [], "\n".join(sorted(odd)[:40])
    return len(said)


def row_ms(row: Mapping[str, Any]) -> int:
    return round(datetime.fromisoformat(row["from"]).timestamp() * 1000)


def pairs(truth: LedgerPoints, measurement: str) -> Iterable[tuple[KnownPoint, KnownPoint]]:
    both = zip(truth.points[measurement], truth.doubts[measurement], strict=True)
    return (pair for pair in both if pair[0].time_ms >= DAYS[1])


def of_uses(truth: LedgerPoints, measurement: str) -> Iterator[tuple[Any, Told]]:
    counters = {USED_OF[name]: name for name in SUM_OF}
    for point, doubt in pairs(truth, measurement):
        tags = tuple(point.tags.get(tag, "") for tag in ("device", "channel", "lane", "direction", "vehicle_class"))
        for name in point.fields.keys() & counters.keys():
            yield (*tags, counters[name], point.time_ms), (point.fields[name], doubt.fields[name])


def of_balances(truth: LedgerPoints, step: str) -> Iterator[tuple[Any, Told]]:
    for point, doubt in pairs(truth, "balance"):
        if point.tags["step"] == step:
            for side in ("in", "out"):
                yield (point.tags["device"], side, point.time_ms), (point.fields[side], doubt.fields[side])


def of_completeness(truth: LedgerPoints) -> Iterator[tuple[Any, Told]]:
    for point, doubt in pairs(truth, "completeness"):
        for name in ("expected", "received", "missing", "on_time", "longest_gap_s"):
            yield (point.tags["device"], name, point.time_ms), (point.fields[name], doubt.fields[name])
