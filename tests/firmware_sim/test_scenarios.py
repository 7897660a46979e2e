"""Every scenario through the gateway's core: readings, sums and alarms are what its ledger says."""

import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from firmware_sim.alarm_check import check_alarms
from firmware_sim.cli import main
from firmware_sim.compare import Counts, compare
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import build_fleet
from firmware_sim.scenarios.events import incidents_of
from firmware_sim.scenarios.loader import BadScenario, scenario, shipped
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.chronicle import Chronicle
from firmware_sim.stories.plan import SimulatedSpan, plan
from firmware_sim.stories.table import STORIES
from firmware_sim.sum_check import check_sums
from firmware_sim.truth_rows import TruthRows
from schemas.quantities import DOMAINS, HEALTH
from schemas.scenario import FaultKind, Scenario
from tests.firmware_sim.core_gateway import CoreGateway
from tests.firmware_sim.storied import BEGIN_S
from tests.rows import each_row

BEFORE_S = 2 * HOUR_S
"""A run begins before midnight, so that its first day is whole."""
FEW = {"water": 3, "power": 3, "traffic": 3, "urban": 3}
SHORT_S = 6 * HOUR_S
"""Of a scenario in which nothing happens at a time of its own."""
TWICE = (FaultKind.DUPLICATE, FaultKind.RETRANSMIT)
REFUSED = (FaultKind.TRUNCATE, FaultKind.GARBAGE, FaultKind.POISON)
DROPPED = (FaultKind.NOT_A_NUMBER, FaultKind.SENTINEL)


def roles_of(behaving: Scenario, interval_s: float) -> tuple[list[Role], TruthRows, SimulatedSpan]:
    """The devices of a scenario with what happens to them, and the truth of it."""
    span = SimulatedSpan(BEGIN_S - BEFORE_S, BEGIN_S - BEFORE_S + (behaving.lasts_s or SHORT_S), interval_s)
    fleet = build_fleet(behaving.fleet or FEW, interval_s, 1, behaving.sites)
    incidents = [*plan(fleet, STORIES, behaving.stories, span, 1), *incidents_of(behaving, fleet, span, 1)]
    incidents.sort(key=lambda incident: (incident.begin_s, incident.story, incident.device))
    roles = cast(fleet, incidents, STORIES, span)
    truth = TruthRows()
    for _, line in Chronicle([role.witness for role in roles], incidents, STORIES, span).lines():
        truth.take(json.loads(line))
    return roles, truth, span


def pass_by(behaving: Scenario, interval_s: float) -> Counts:
    """Let a scenario pass through the core, and hold what stands against its ledger."""
    roles, truth, span = roles_of(behaving, interval_s)
    gateway = CoreGateway(roles, span, keeps_points=True, keeps_all=True, behaving=behaving)
    gateway.run()

    counts = Counts()
    for domain in DOMAINS:
        rows = [row for row in gateway.rows if row["m"] == domain]
        found = compare(domain, rows, gateway.stored(domain), gateway.stored(HEALTH), 3_600_000)
        assert found.findings == []
        counts.add(found.counts)
    assert counts.sent + counts.refused + counts.repeated == len(gateway.rows) > 100
    happenings = list(truth.happenings.values())
    days = [day for days in truth.consumed.values() for day in days]
    sums = check_sums(days, happenings, gateway.points)
    assert sums.findings == []
    span_ms = (round(span.begin_s * 1000), round(span.end_s * 1000))
    alarms = check_alarms(happenings, gateway.standing(), span_ms, len(roles))
    assert [f"{finding.kind} {finding.device} {finding.detail}" for finding in alarms.findings] == []
    return counts


@each_row("name", shipped())
def test_every_scenario_is_accounted_for_with_its_sums_and_alarms(name: str) -> None:
    pass_by(scenario(name), HOUR_S if name == "province" else 1_800.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_every_whole_scenario_is_accounted_for(name: str) -> None:
    behaving = scenario(name)
    pass_by(behaving, behaving.interval_s or 60.0)


@each_row("kind", FaultKind)
def test_every_fault_becomes_what_its_row_says(kind: FaultKind) -> None:
    event = {"story": f"fault_{kind}", "at": "0s", "lasts": "5h", "size": 0.3}
    counts = pass_by(Scenario.model_validate({"about": "x", "lasts": "6h", "events": [event]}), 900.0)
    assert (counts.repeated > 50) is (kind in TWICE)
    assert (counts.refused > 20) is (kind in REFUSED)
    if kind is FaultKind.DROP:
        assert 150 < counts.sent < 330
    elif kind is FaultKind.FLOOD:
        assert counts.sent > 1_000
    else:
        assert counts.sent + counts.refused == 360


FAULTY = """
about: a faulty one
fleet: {water: 3, fire: 2}
lasts: 1d
faults: {poison: 2}
events: [{story: earthquake, at: 1h}, {story: burst, at: soon}]
speed: 3
"""


def test_each_fault_of_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(FAULTY)
    with pytest.raises(BadScenario) as raised:
        scenario(str(file))
    assert [line.removeprefix(f"{file}: ") for line in str(raised.value).splitlines()] == [
        "faults.poison: Input should be less than or equal to 1",
        "events.1.at: 'soon' is not a span of time; write for example 200ms, 90s, 10min, 2h or 40d",
        "speed: there is no such key",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("about: x\nlasts: 1d\nevents: [{story: earthquake, at: 1h}]", "events.0.story: there is no story earthquake"),
        ("about: x\nlasts: 1d\nstories: {market: 1}", "stories.market: there is no story market"),
        ("about: x\nfleet: {fire: 2}", "fleet.fire: write a domain \\(water, power, traffic, urban\\) or a kind"),
        (
            "about: x\nlasts: 1d\nevents: [{story: burst, at: 1h, kinds: [urban-air]}]",
            "events.0.kinds: burst does not happen to",
        ),
        ("about: x\nevents: [{story: burst, at: 1h}]", "document: .* set lasts"),
        ("about: x\nlasts: 1h\nevents: [{story: burst, at: 2h}]", "document: burst is to happen after the end"),
        ("about: x\ntogether: [3, 1]", "document: together is the least and the most readings"),
        ("about: [x", "document: line 1: "),
        ("- about", "document: Input should be a valid dictionary"),
    ],
)
def test_what_cannot_be_is_told_with_what_to_do(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(BadScenario, match=f"{re.escape(str(file))}: {told}"):
        scenario(str(file))


def test_an_event_befalls_the_same_devices_in_any_order_of_the_fleet_and_spreads() -> None:
    behaving = Scenario.model_validate(
        {"about": "x", "lasts": "1d", "events": [{"story": "tamper", "at": "1h", "count": 3, "spread": "10min"}]}
    )
    fleet = build_fleet({"water-meter": 8}, 900, 1)
    span = SimulatedSpan(BEGIN_S, BEGIN_S + DAY_S, 900)
    found = incidents_of(behaving, fleet, span, 1)
    assert found == incidents_of(behaving, fleet[::-1], span, 1)
    assert [incident.begin_s - BEGIN_S for incident in found] == [3600, 3900, 4200]
    assert len({incident.device for incident in found}) == 3


def test_events_that_are_here_befall_one_site() -> None:
    roles, _, _ = roles_of(scenario("power_cut"), 900)
    struck = {role.device.site for role in roles if any(one.story == "last_gasp" for one in role.radio.incidents)}
    assert len(struck) == 1


def test_scenarios_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == list(shipped())
    assert said[0] == "normal          everything works"


def test_the_registry_is_that_of_the_scenario_with_parents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "--scenario", "province", "--devices", "90"]) == 0
    devices = yaml.safe_load(capsys.readouterr().out)["devices"]
    assert len(devices) == 90
    assert {device["domain"] for device in devices} == set(DOMAINS)
    by_id = {device["id"]: device for device in devices}
    children = [device for device in devices if "parent" in device]
    assert len(children) > 20
    assert all(by_id[child["parent"]]["site"] == child["site"] for child in children)


@pytest.mark.slow
def test_the_oldest_python_sends_the_same_bytes() -> None:
    script = "from tests.firmware_sim.test_scenarios import digests; print(digests())"
    oldest = Path(".venv-oldest/bin/python").absolute()
    if not oldest.exists():
        pytest.skip("there is no .venv-oldest: .ci/setup oldest")
    said = subprocess.run([oldest, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == digests()


def digests() -> str:
    """A digest of all payloads of each scenario."""
    found = {}
    for name, behaving in shipped().items():
        roles, _, span = roles_of(behaving, 1_800.0)
        digest = sha256()
        for role in roles:
            firmware = Firmware(role.device, behaving, 1, radio=role.radio)
            for tick in range(int((span.end_s - span.begin_s) / 1_800.0)):
                at_s = role.witness.first_s + tick * 1_800.0
                for message in firmware.measure(at_s, round(at_s * 1000)):
                    digest.update(message.payload)
        found[name] = digest.hexdigest()
    return json.dumps(found)
