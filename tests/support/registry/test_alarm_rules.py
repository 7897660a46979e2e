"""Loading ``alarms.yaml``: shipped rules changed, switched off, added to; every fault by file, key, reason and line."""

import json
import re
from pathlib import Path
from typing import Final, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

import schemas
from gateway.core.alarms.alarm import Severity
from gateway.core.alarms.rules import (
    ClockWrong,
    Completeness,
    Condition,
    CounterStep,
    Limit,
    Losses,
    Night,
    Param,
    Rule,
    Silent,
    Stuck,
    Usual,
    Values,
)
from gateway.core.alarms.shipped import SHIPPED
from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.alarm_rules import load_alarm_rules, rules_without_devices
from schemas.registry import RegisteredDevice, Registry
from tests.rows import each_row

SCHEMA = Draft202012Validator(json.loads((Path(schemas.__file__).parent / "json" / "alarms.json").read_bytes()))
CHECKOUT = Path(schemas.__file__).parents[1]
OWN = """
  - name: cold_water
    severity: info
    text: {vi: Nước lạnh., en: Cold water.}
    advice: {vi: Không cần làm gì., en: Nothing to do.}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alarms.yaml"


def load(path: Path, text: str) -> dict[str, Rule]:
    path.write_text(text, encoding="utf-8")
    SCHEMA.validate(yaml.safe_load(text))
    return dict(load_alarm_rules(path).by_name)


def faults(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationFault) as found:
        load_alarm_rules(path)
    return [line.removeprefix(f"{path}: ") for line in found.value.lines]


@pytest.mark.parametrize("text", [None, "", "# later\n", "rules:\n", "rules: []\nswitched_off: []\n"])
def test_without_a_change_the_shipped_rules_are_active(path: Path, text: str | None) -> None:
    if text is not None:
        path.write_text(text)
    assert load_alarm_rules(path).rules == SHIPPED.rules


def test_a_rule_of_a_shipped_name_replaces_it_and_what_it_leaves_out_stays_as_shipped(path: Path) -> None:
    text = "rules: [{name: pressure_low, severity: critical, when: {field: pressure_kpa, below: 150}, for: 5min, clear: 170}]"
    rules = load(path, text)
    rule, shipped = rules["pressure_low"], SHIPPED.by_name["pressure_low"]
    assert rule.when == (Values((Limit("pressure_kpa", "below", 150, 170),)),)
    assert (rule.severity, rule.for_ms, rule.source) == (Severity.CRITICAL, 300_000, "")
    assert (rule.text, rule.advice) == (shipped.text, shipped.advice)
    assert list(rules) == list(SHIPPED.by_name)


def test_a_changed_time_alone_keeps_limits_and_their_source(path: Path) -> None:
    rule, shipped = load(path, "rules: [{name: overload, for: 0s}]")["overload"], SHIPPED.by_name["overload"]
    assert (rule.for_ms, rule.when, rule.source) == (0, shipped.when, shipped.source)


def test_a_shipped_rule_is_switched_off_by_its_name(path: Path) -> None:
    assert "congestion" not in load(path, "switched_off: [congestion, lamp_failed]")


CONDITIONS: Final[list[tuple[str, Condition]]] = [
    ("{state: pump_on}", Values((Limit("pump_on", "above", 0, 0),))),
    ("{field: temperature_c, below: 4}", Values((Limit("temperature_c", "below", 4, 4),))),
    ("{field: flow_m3_h, above: 3, clear: 2, of: usual}", Values((Limit("flow_m3_h", "above", 3, 2, Usual.HOUR),))),
    ("{field: flow_m3_h, above: 2, of: usual_peak}", Values((Limit("flow_m3_h", "above", 2, 2, Usual.PEAK),))),
    (
        "{field: level_m, above: 0.9, of: dam_m, default: 5}",
        Values((Limit("level_m", "above", 0.9, 0.9, Param("dam_m", 5)),)),
    ),
    (
        "{all: [{field: flow_m3_h, below: 1}, {state: pump_on, at: parent}]}",
        Values((Limit("flow_m3_h", "below", 1, 1), Limit("pump_on", "above", 0, 0, at="parent"))),
    ),
    ("{silent: site}", Silent("site")),
    ("{night_flow_above: 0.2, nights: 5}", Night(0.2, 5)),
    ("{night_flow_above: 2, of: usual, least: 0.1}", Night(2, 3, Usual.HOUR, 0.1)),
    ("{completeness_below: 95}", Completeness(0.95)),
    ("{counter_step: 2}", CounterStep(2)),
    ("{register_stuck: flow}", Stuck("flow")),
    ("{register_stuck: habit, times: 10}", Stuck("habit", 10)),
    ("{losses_above: 15, times_usual: 2, days: 5, least_a_day: 3}", Losses(0.15, 5, None, 2, 3)),
    ("{losses_above: 1, of: loss_limit_pct, default: 20, times_usual: 0}", Losses(0.01, 3, Param("loss_limit_pct", 20), 0)),
    ("{clock_wrong: true}", ClockWrong()),
]
"""Each kind of condition as it is written, and as the engine takes it."""
OF_OWN_READINGS: Final = {Values, CounterStep, ClockWrong}
"""Kinds that a gateway judges by what it received itself, whoever else hears the device."""
ENGINE: Final = "".join(
    path.read_text(encoding="utf-8") for path in (CHECKOUT / "gateway/core/alarms").glob("*.py") if path.name != "rules.py"
)


@pytest.mark.parametrize(("when", "condition"), CONDITIONS)
def test_a_rule_of_ones_own_has_any_kind_of_condition(path: Path, when: str, condition: object) -> None:
    assert load(path, f"rules:{OWN}    when: {when}\n")["cold_water"].when == (condition,)


@each_row("kind", get_args(Condition), ids=lambda kind: kind.__name__)
def test_each_kind_of_condition_can_be_written_is_explained_and_is_judged(kind: type[Condition]) -> None:
    written = [(when, condition) for when, condition in CONDITIONS if isinstance(condition, kind)]
    assert written, "write it as in alarms.yaml into CONDITIONS of this file"
    when, condition = written[0]
    page = (CHECKOUT / "docs" / "alarms.md").read_text(encoding="utf-8")
    assert f"| `{when.partition(':')[0]}: " in page, "docs/alarms.md has no row for it"
    assert re.search(rf"(isinstance\([^)]*|\.of\()\b{kind.__name__}\b", ENGINE), "no module of gateway/core/alarms judges it"
    of_all = Rule("x", Severity.INFO, (condition,), {}, {}).of_all_readings
    assert bool(of_all) != (kind in OF_OWN_READINGS), "name it in Rule.of_all_readings, or in OF_OWN_READINGS of this file"


def test_several_conditions_are_a_list(path: Path) -> None:
    rule = load(path, f"rules:{OWN}    when: [{{field: ph, below: 6}}, {{field: ph, above: 9}}]\n")["cold_water"]
    assert rule.when == (Values((Limit("ph", "below", 6, 6),)), Values((Limit("ph", "above", 9, 9),)))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("{field: presure_kpa, below: 4}", "when.0.field: there is no quantity presure_kpa"),
        ("{field: pump_on, above: 0}", "when.0: pump_on is true or false; write state: pump_on"),
        ("{state: ph}", "when.0: ph is a number; write field: ph with above or below"),
        ("{state: pump_on, above: 1}", "when.0: a state is true or false; leave out"),
        ("{field: ph}", "when.0: give above or below for ph"),
        ("{field: ph, below: 6, above: 9}", "when.0: give above or below for ph; for both write two conditions"),
        ("{field: ph, below: 6, clear: 5}", "when.0: clear lies beyond the limit"),
        ("{field: ph, below: acid}", "when.0.below: 'acid' is not a number"),
        ("{field: ph, below: 6, default: 5}", "when.0: default is the value of a parameter"),
        ("{field: ph, below: 6, nights: 5}", "when.0: nights does not belong to a condition with field"),
        ("{}", "when.0: a condition has exactly one of state, field"),
        ("{silent: device, clock_wrong: true}", "when.0: a condition has exactly one of"),
        ("{silent: town}", "when.0.silent: 'town' is not one of 'device' or 'site'"),
        ("{all: [{field: ph, below: 6}]}", "when.0.all: "),
        ("{all: [{field: ph, below: 6, at: parent}, {state: pump_on}]}", "when.0: the first of all is the device's own"),
        ("{field: ph, below: 6, at: parent}", "when.0: at: parent stands in all"),
        ("{colour: red}", "when.0.colour: there is no such key"),
        ("[]", "when: "),
        ("3", "when: 3 is not a list"),
    ],
)
def test_a_faulty_condition_is_said_with_its_key_and_line(path: Path, when: str, said: str) -> None:
    (line,) = faults(path, f"rules:{OWN}    when: {when}\n")
    assert line.startswith(f"rules.0.{said}")
    assert line.endswith("(line 6)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{name: Cold}]", "rules.0.name: "),
        ("rules: [{name: cold}]", "rules.0.severity: is missing; cold is not a shipped rule"),
        ("rules: [{name: leak}, {name: leak}]", "rules.1.name: leak occurs twice; the first is rules.0"),
        ("rules: [{name: leak, for: 10}]", "rules.0.for: 10 is not a span of time; write"),
        ("rules: [{name: leak, severity: high}]", "rules.0.severity: 'high' is not one of"),
        ("rules: [{name: leak, clear: 3}]", "rules.0.clear: belongs to one limit"),
        ("rules: [{name: leak, text: {vi: Rò rỉ}}]", "rules.0.text.en: is missing"),
        (
            "switched_off: [leek]",
            "switched_off.0: there is no shipped rule leek; gateway alarms rules lists them; did you mean leak?",
        ),
        ("[1]", "document: "),
        ("silenced: true", "silenced: there is no such key"),
    ],
)
def test_a_faulty_file_is_said_with_its_key(path: Path, text: str, said: str) -> None:
    assert faults(path, text)[0].startswith(said)


def test_a_rule_that_looks_at_what_no_registered_device_sends_is_named(path: Path) -> None:
    path.write_text(f"rules:{OWN}    when: {{field: temperature_c, below: 4}}\n", encoding="utf-8")
    rules = load_alarm_rules(path)
    power, water = RegisteredDevice(id="p1", domain="power"), RegisteredDevice(id="w1", domain="water")
    assert list(rules_without_devices(rules, Registry(devices=[power]))) == [
        "cold_water looks at temperature_c; no registered device sends that"
    ]
    assert list(rules_without_devices(rules, Registry(devices=[power, water]))) == []
    assert list(rules_without_devices(rules, Registry(devices=[RegisteredDevice(id="unknown")]))) == []
    assert list(rules_without_devices(SHIPPED, Registry(devices=[water]))) == [], "shipped rules are for all provinces"


def test_the_example_of_the_documentation_is_sound(path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "alarms.md").read_text(encoding="utf-8")
    rules = load(path, text.split("```yaml\n")[1].split("```")[0])
    assert rules["pressure_low"].for_ms == 300_000
    assert "cold_main" in rules
    assert "congestion" not in rules
