"""Home Assistant's discovery: configurations read, templates understood, classes and units made quantities."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.onboarding.proposals.discovered_quantities import meaning_of
from gateway.onboarding.proposals.discovery import Entity, NotUnderstood, Template, entities_in, parse_template
from gateway.onboarding.proposals.proposal_text import text_of, with_tests
from gateway.onboarding.proposals.proposals import Heard, propose
from tests.onboarding.proposals.discovered import ARRIVAL_MS
from tests.rows import each_row


@each_row(
    ("template", "expected"),
    [
        pytest.param("", Template(None), id="none"),
        pytest.param("{{ value }}", Template(None), id="value"),
        pytest.param("{{value|float}}", Template(None), id="value-as-a-number"),
        pytest.param("{{ value_json.a['b'] | float }}", Template("/a/b"), id="as-the-issue-writes-it"),
        pytest.param("{{ value_json.a.b }}", Template("/a/b"), id="dots"),
        pytest.param("{{value_json['ENERGY'].Total}}", Template("/ENERGY/Total"), id="tasmota"),
        pytest.param('{{ value_json["a b"]["em1:0"] }}', Template("/a b/em1:0"), id="double-quotes"),
        pytest.param("{{ value_json['a/b~c'] }}", Template("/a~1b~0c"), id="slash-and-tilde-in-a-key"),
        pytest.param("{{ value_json.ENERGY.Power[1] }}", Template("/ENERGY/Power[1]"), id="number-in-a-list"),
        pytest.param("{{ value_json.a | float(0) | round(2) }}", Template("/a", round=2), id="float-and-round"),
        pytest.param("{{ value_json.a | int | abs }}", Template("/a", abs=True), id="int-and-abs"),
        pytest.param("{{ value_json.a | default(0) }}", Template("/a"), id="default-is-no-reading"),
        pytest.param("{{ value_json.a | default('none') }}", Template("/a"), id="nor-is-a-default-text"),
        pytest.param("{{ value_json.a | round }}", Template("/a", round=0), id="round-to-a-whole-number"),
        pytest.param("{{ value_json.a | round(40) }}", Template("/a", round=12), id="no-more-digits-than-there-are"),
        pytest.param("{{- value_json.a -}}", Template("/a"), id="trimmed"),
    ],
)
def test_a_template_that_takes_a_value_out_is_understood(template: str, expected: Template) -> None:
    assert parse_template(template) == expected


@each_row(
    "template",
    [
        "{{ value_json.a + value_json.b }}",
        "{{ (value_json.a | float) / 10 }}",
        "{% if value_json.a %}1{% endif %}",
        "{{ value_json[key] }}",
        "{{ value_json.a | timestamp_local }}",
        "{{ value.x }}",
        "{{ states('sensor.x') }}",
        "{{ value_json['a[0]'] }}",
        "{{ value_json.a | round('x') }}",
        "value_json.a",
    ],
)
def test_a_template_that_does_more_is_not_guessed_at(template: str) -> None:
    with pytest.raises(NotUnderstood, match="its value_template is not understood"):
        parse_template(template)


def read(topic: str, config: object) -> list[Entity | str]:
    return list(entities_in(topic, json.dumps(config).encode(), "homeassistant"))


def test_abbreviations_and_the_base_of_a_topic_are_spelt_out() -> None:
    short: dict[str, object] = {
        "~": "pump/1",
        "stat_t": "~/state",
        "unit_of_meas": "bar",
        "dev_cla": "pressure",
        "stat_cla": "measurement",
        "name": "P",
    }
    short |= {"val_tpl": "{{ value_json.p }}", "dev": {"ids": ["x1"], "name": "Pump", "mdl": "M", "mf": "F"}}
    long: dict[str, object] = {
        "state_topic": "pump/1/state",
        "unit_of_measurement": "bar",
        "device_class": "pressure",
        "state_class": "measurement",
        "name": "P",
    }
    long |= {
        "value_template": "{{ value_json.p }}",
        "device": {"identifiers": "x1", "name": "Pump", "model": "M", "manufacturer": "F"},
    }
    topic = "homeassistant/sensor/x1/p/config"
    assert read(topic, short) == read(topic, long)
    (entity,) = read(topic, short)
    assert isinstance(entity, Entity)
    assert (entity.state_topic, entity.owner.key, entity.owner.model) == ("pump/1/state", "x1", "M")


def test_a_configuration_of_a_whole_device_tells_of_all_its_values() -> None:
    config = {
        "dev": {"ids": "d1"},
        "state_topic": "d1/state",
        "cmps": {"a": {"p": "sensor", "dev_cla": "power"}, "b": {"p": "switch"}},
    }
    found = read("homeassistant/device/d1/config", config)
    assert [(entity.component, entity.state_topic) for entity in found if isinstance(entity, Entity)] == [
        ("sensor", "d1/state"),
        ("switch", "d1/state"),
    ]


def entity(**config: Any) -> Entity:  # noqa: ANN401 - whatever a configuration holds
    component = config.pop("component", "sensor")
    (found,) = read(f"homeassistant/{component}/n/o/config", {"state_topic": "t/s"} | config)
    assert isinstance(found, Entity)
    return found


@each_row(
    ("config", "field"),
    [
        pytest.param(
            {"device_class": "energy", "unit_of_measurement": "Wh", "state_class": "total"}, "energy_import_kwh", id="register"
        ),
        pytest.param({"device_class": "energy", "name": "Energy returned"}, "energy_export_kwh", id="export"),
        pytest.param({"unit_of_measurement": "kWh", "state_class": "total_increasing"}, "energy_import_kwh", id="by-its-unit"),
        pytest.param({"device_class": "voltage", "name": "Voltage phase b"}, "voltage_l2_v", id="phase-b"),
        pytest.param({"device_class": "current", "name": "Current L3"}, "current_l3_a", id="phase-3"),
        pytest.param({"device_class": "voltage", "unit_of_measurement": "mV"}, "battery_v", id="battery-in-mV"),
        pytest.param({"device_class": "pressure", "unit_of_measurement": "hPa"}, "air_pressure_hpa", id="hPa-is-the-air"),
        pytest.param({"device_class": "pressure", "unit_of_measurement": "kPa"}, "pressure_kpa", id="kPa-is-the-water"),
        pytest.param({"device_class": "temperature", "unit_of_measurement": "°F"}, "air_temperature_c", id="air"),
        pytest.param({"device_class": "temperature", "entity_category": "diagnostic"}, "enclosure_temperature_c", id="inside"),
        pytest.param({"device_class": "pm25", "unit_of_measurement": "μg/m³"}, "pm2_5_ug_m3", id="the-other-mu"),
        pytest.param({"component": "binary_sensor", "device_class": "moisture"}, "alarm_leak", id="leak"),
        pytest.param({"component": "binary_sensor", "device_class": "occupancy"}, "motion", id="motion"),
        pytest.param({"component": "switch"}, "relay_on", id="switch"),
    ],
)
def test_a_class_and_a_unit_are_a_quantity(config: dict[str, Any], field: str) -> None:
    assert meaning_of(entity(**config)).field == field


@pytest.mark.parametrize(
    ("config", "why"),
    [
        pytest.param({"device_class": "energy", "name": "Energy today"}, "starts again each day", id="day"),
        pytest.param({"device_class": "energy", "state_class": "measurement"}, "is not a register", id="no-register"),
        pytest.param({"device_class": "power", "unit_of_measurement": "°"}, "°", id="unit"),
        pytest.param({"device_class": "carbon_monoxide", "unit_of_measurement": "ppm"}, "ppm", id="another-kind-of-unit"),
        pytest.param({"device_class": "wind_speed"}, "is not a quantity known here", id="class"),
        pytest.param({"component": "switch", "entity_category": "config"}, "is not a quantity", id="a-setting"),
        pytest.param({}, "is not a quantity", id="nothing-said"),
    ],
)
def test_what_is_no_quantity_is_said(config: dict[str, Any], why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        meaning_of(entity(**config))


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"name": "x"}', b'{"state_topic": "a/#"}', b"\xff", b"null"])
def test_a_configuration_that_is_none_is_said_or_was_taken_back(payload: bytes) -> None:
    found = list(entities_in("homeassistant/sensor/n/config", payload, "homeassistant"))
    assert len(found) == bool(payload)
    assert all(isinstance(one, str) for one in found)


KEYS = [
    "~",
    "stat_t",
    "state_topic",
    "name",
    "dev",
    "device",
    "ids",
    "mdl",
    "dev_cla",
    "unit_of_meas",
    "stat_cla",
    "val_tpl",
    "cmps",
    "p",
]
VALUES = st.sampled_from(
    [
        "energy",
        "power",
        "kWh",
        "W",
        "~/s",
        "a/b/c",
        "x",
        "sensor",
        "{{ value }}",
        "{{ value_json.a['{p}'] }}",
        "{{ value_json.\u00e9 }}",
    ]
)
CONFIGS = st.recursive(
    VALUES | st.text(max_size=5) | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=25,
)


@example(configs=[{"stat_t": "a/b\n", "dev_cla": "power"}, {"stat_t": "a/\ud800", "dev_cla": "power"}], payload=b"1")
@example(configs=[{"stat_t": "a/b/c", "dev_cla": "power", "name": "\ud800\x85: #", "dev": {"name": "- \n"}}], payload=b"1")
@given(
    configs=st.lists(CONFIGS, max_size=4),
    payload=st.binary(max_size=20) | st.sampled_from([b"1", b'{"a": 1}', b'{"a": {"{p}": 2}}']),
)
def test_whatever_devices_tell_is_proposed_or_said(configs: list[object], payload: bytes) -> None:
    """Nothing that a broker remembers makes the command fail."""
    found = [
        one
        for config in configs
        for one in entities_in("homeassistant/device/n/config", json.dumps(config).encode(), "homeassistant")
    ]
    found += [
        one
        for config in configs
        for one in entities_in("homeassistant/sensor/n/config", json.dumps(config).encode(), "homeassistant")
    ]
    entities = [one for one in found if isinstance(one, Entity)]
    proposals, _ = propose(entities, {one.state_topic: Heard(payload, ARRIVAL_MS) for one in entities})
    for proposal in proposals:
        try:
            profile, silent = with_tests(proposal)
        except ValueError:  # no profile can be written of it: said
            continue
        text = text_of(profile, [*proposal.doubts, *silent])
        assert yaml.safe_load(text)["profile"] == profile["profile"]


OF_CLASS = {
    "energy": "energy_import_kwh",
    "reactive_energy": "reactive_energy_import_kvarh",
    "power": "active_power_w",
    "apparent_power": "apparent_power_va",
    "reactive_power": "reactive_power_var",
    "voltage": "voltage_l1_v",
    "current": "current_l1_a",
    "power_factor": "power_factor",
    "frequency": "frequency_hz",
    "water": "volume_m3",
    "volume": "volume_m3",
    "volume_flow_rate": "flow_m3_h",
    "ph": "ph",
    "conductivity": "conductivity_us_cm",
    "distance": "distance_m",
    "temperature": "air_temperature_c",
    "humidity": "relative_humidity_pct",
    "atmospheric_pressure": "air_pressure_hpa",
    "pressure": "pressure_kpa",
    "pm1": "pm1_ug_m3",
    "pm25": "pm2_5_ug_m3",
    "pm10": "pm10_ug_m3",
    "nitrogen_dioxide": "no2_ug_m3",
    "sulphur_dioxide": "so2_ug_m3",
    "ozone": "o3_ug_m3",
    "carbon_monoxide": "co_ug_m3",
    "carbon_dioxide": "co2_ppm",
    "volatile_organic_compounds_parts": "tvoc_ppb",
    "illuminance": "illuminance_lx",
    "sound_pressure": "noise_laeq_db",
    "precipitation": "rain_interval_mm",
    "speed": "mean_speed_km_h",
    "battery": "battery_pct",
    "signal_strength": "rssi_dbm",
}
OF_UNIT = {
    **dict.fromkeys(("kWh", "Wh", "MWh"), "energy_import_kwh"),
    **dict.fromkeys(("W", "kW"), "active_power_w"),
    **dict.fromkeys(("m³/h", "L/min", "L/h", "L/s"), "flow_m3_h"),
    **dict.fromkeys(("°C", "°F", "K"), "air_temperature_c"),
    **dict.fromkeys(("kPa", "bar", "psi", "MPa"), "pressure_kpa"),
    **dict.fromkeys(("L", "m³"), "volume_m3"),
    "V": "voltage_l1_v",
    "A": "current_l1_a",
    "mA": "current_l1_a",
    "hPa": "air_pressure_hpa",
    "mbar": "air_pressure_hpa",
    "VA": "apparent_power_va",
    "var": "reactive_power_var",
    "Hz": "frequency_hz",
    "lx": "illuminance_lx",
    "dBm": "rssi_dbm",
}


def test_each_class_that_home_assistant_has_a_quantity_for_is_that_one() -> None:
    assert {name: meaning_of(entity(device_class=name)).field for name in OF_CLASS} == OF_CLASS


def test_a_value_without_a_class_is_what_its_unit_says() -> None:
    found = {unit: meaning_of(entity(unit_of_measurement=unit, state_class="total_increasing")).field for unit in OF_UNIT}
    assert found == OF_UNIT


def test_a_word_of_the_path_tells_the_meaning_where_the_name_does_not() -> None:
    config = {
        "name": "Meter",
        "dev_cla": "energy",
        "unit_of_meas": "kWh",
        "stat_t": "a/export",
        "val_tpl": "{{ value_json.total }}",
    }
    total = entity(**config | {"val_tpl": "{{ value_json.total }}"})
    assert meaning_of(total).field == "energy_import_kwh", "its topic is that of others too"
    assert meaning_of(entity(**config | {"val_tpl": "{{ value_json.export }}"})).field == "energy_export_kwh"
    assert meaning_of(entity(**config | {"val_tpl": ""})).field == "energy_export_kwh"


def test_a_device_without_identifiers_is_known_by_its_node() -> None:
    config = {"dev_cla": "power", "unit_of_meas": "W", "state_topic": "a/b"}
    nothing: list[object] = [[], None, {}, [None]]
    for ids in nothing:
        owner = entity(**config | {"dev": {"ids": ids, "mf": "Maker", "mdl": 7}}).owner
        assert (owner.key, owner.name, owner.maker, owner.model) == ("n", "n", "Maker", "7")
    assert entity(**config | {"dev": {"ids": ["x", "y"], "name": "Plug"}}).owner.key == "x"
    assert entity(**config | {"dev": {"ids": "x"}}).owner.name == "x"


def test_values_of_a_list_are_told_apart_by_their_place() -> None:
    entities = [
        entity(dev_cla="power", unit_of_meas="W", state_topic="a/b", val_tpl=f"{{{{ value_json.p[{at}] }}}}") for at in (0, 1)
    ]
    (proposal,), notes = propose(entities, {"a/b": Heard(b'{"p": [1, 2]}', ARRIVAL_MS)})
    assert notes == []
    assert [point["tags"] for point in proposal.profile["points"]] == [{"channel": {"literal": at}} for at in ("0", "1")]
    assert proposal.profile["match"]["when"] == {"any_present": ["/p[0]", "/p[1]"]}


def test_a_voltage_in_thousandths_is_that_of_a_battery() -> None:
    for config in ({"unit_of_meas": "mV"}, {"unit_of_meas": "mV", "dev_cla": "voltage"}):
        assert meaning_of(entity(**config)).field == "battery_v"
    assert meaning_of(entity(unit_of_meas="V")).field == "voltage_l1_v"
