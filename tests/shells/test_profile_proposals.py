"""Profiles proposed from Home Assistant's discovery: they are sound, say what is not known, and are not in force."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.cli import main
from gateway.desk.discovered_quantities import meaning_of
from gateway.desk.discovery import Entity, NotUnderstood, Template, entities_in, parse_template
from gateway.desk.proposal_text import text_of, with_tests
from gateway.desk.proposals import Heard, propose
from tests.shells.discovered import ARRIVAL_MS, ESPHOME, MAKES, SHELLY, TASMOTA, ZIGBEE

Rows = list[dict[str, Any]]


class Site:
    """A folder with a configuration, in which profiles are proposed and checked."""

    def __init__(self, folder: Path, printed: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.printed = printed
        (folder / "profiles").mkdir()
        (folder / "gateway.yaml").write_text("profiles: {path: profiles}\ndevices: {registry: devices.yaml}\n")
        (folder / "devices.yaml").write_text("devices: []\n")

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Status, what was printed, what was said beside it."""
        status = main([*arguments, "-c", str(self.folder / "gateway.yaml")])
        return status, *self.printed.readouterr()

    def propose(self, rows: Rows, *more: str) -> tuple[int, str, str]:
        """Run the command on a recording."""
        (self.folder / "heard.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.run("profiles", "propose", "--jsonl", str(self.folder / "heard.jsonl"), *more)

    def profiles(self, rows: Rows) -> list[dict[str, Any]]:
        """The profiles proposed."""
        status, text, _ = self.propose(rows)
        assert status == 0
        return [document for document in yaml.safe_load_all(text) if document]

    def points(self, rows: Rows) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
        """Measurement, tags and fields of all points that the tests expect."""
        return [
            (point["measurement"], point.get("tags", {}), point["fields"])
            for profile in self.profiles(rows)
            for test in profile["tests"]
            for message in test.get("messages", [test])
            for point in message["expect"]
        ]


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(tmp_path, capsys)


@pytest.mark.parametrize("make", MAKES)
def test_a_proposed_profile_passes_its_own_tests_once_it_is_put_in_place(make: str, site: Site) -> None:
    out = site.folder / "proposed.yaml"
    status, printed, _ = site.propose(MAKES[make], "--out", str(out))
    assert (status, printed) == (0, "")
    shutil.move(out, site.folder / "profiles" / "proposed.yaml")
    status, printed, said = site.run("check")
    assert (status, said) == (0, "")
    lines = [line for line in printed.splitlines() if " yours " in line]
    assert lines
    assert all("yes" in line and "pass" in line for line in lines)


def test_tasmota_tells_of_a_register_and_of_days_that_are_none(site: Site) -> None:
    assert site.points(TASMOTA) == [
        (
            "power",
            {},
            {
                "energy_import_kwh": 412.375,
                "active_power_w": 46.0,
                "voltage_l1_v": 229.0,
                "current_l1_a": 0.262,
                "power_factor": 0.77,
            },
        )
    ]
    _, text, _ = site.propose(TASMOTA)
    assert "522851_ENERGY_Today/config: begins anew each day" in " ".join(text.replace("#", " ").split())


def test_zigbee2mqtt_tells_of_a_switch_and_of_a_radio_that_has_no_quantity(site: Site) -> None:
    assert site.points(ZIGBEE) == [
        ("power", {}, {"energy_import_kwh": 22.75, "active_power_w": 115.0, "voltage_l1_v": 231.5, "relay_on": True})
    ]
    _, text, _ = site.propose(ZIGBEE)
    assert "linkquality/config: is no quantity that is known here" in text
    assert "update/config: is no quantity that is known here (update)" in text


def test_esphome_tells_one_value_a_topic(site: Site) -> None:
    assert [(measurement, fields) for measurement, _, fields in site.points(ESPHOME)] == [
        ("water", {"pressure_kpa": 312.0}),
        ("water", {"flow_m3_h": 0.75}),
        ("water", {"volume_m3": 123.456}),
        ("device_health", {"rssi_dbm": -67.0}),
        ("water", {"alarm_leak": False}),
    ]
    topics = [profile["match"]["topic"] for profile in site.profiles(ESPHOME)]
    assert topics == ["{device}/sensor/{what}/state", "{device}/binary_sensor/leak/state"]


def test_two_values_of_one_name_get_a_channel_each(site: Site) -> None:
    powers = [(tags, fields) for _, tags, fields in site.points(SHELLY) if "active_power_w" in fields]
    assert powers == [({"channel": "0"}, {"active_power_w": 500.5}), ({"channel": "1"}, {"active_power_w": 20.0})]


def test_devices_of_the_same_form_share_a_profile_with_a_test_each(site: Site) -> None:
    other = json.loads(json.dumps(ZIGBEE).replace("0x00158d00045", "0x00158d00046").replace("plug-3", "plug-4"))
    (profile,) = site.profiles(ZIGBEE + other)
    assert [test["topic"] for test in profile["tests"]] == ["zigbee2mqtt/plug-3", "zigbee2mqtt/plug-4"]


def power_of(name: str, topic: str, **more: str) -> Rows:
    """A device that tells of one power, and its last message."""
    config = {"dev_cla": "power", "unit_of_meas": "W", "stat_t": topic, "dev": {"ids": name, "name": name}} | more
    return [
        {"topic": f"homeassistant/sensor/{name.replace('/', '_')}/config", "payload": config},
        {"topic": topic, "payload": "12.5"},
    ]


def test_devices_on_one_floor_do_not_become_one_device(site: Site) -> None:
    rows = (
        power_of("floor/plug", "z/floor/plug")
        + power_of("floor/lamp", "z/floor/lamp")
        + power_of("x9", "y/hall/a")
        + power_of("x8", "y/hall/b")
    )
    found = [
        (profile["match"]["topic"], test["expect"][0]["device"]) for profile in site.profiles(rows) for test in profile["tests"]
    ]
    assert found == [
        ("z/floor/plug", "floor-plug"),
        ("z/floor/lamp", "floor-lamp"),
        ("y/hall/{device}", "a"),
        ("y/hall/{device}", "b"),
    ]


def test_a_proposal_leaves_a_level_of_the_topic_so_that_it_takes_nobody_elses_messages(site: Site) -> None:
    rows = power_of("pump7", "pump7/p") + power_of("pump7", "pump7/q", dev_cla="voltage", unit_of_meas="V")
    rows[2]["topic"] = "homeassistant/sensor/pump7/q/config"
    (profile,) = site.profiles(rows)
    assert (profile["match"]["topic"], profile["device"]) == ("pump7/{what}", {"literal": "pump7"})
    (profile,) = site.profiles(power_of("pump7", "pump7"))
    assert (profile["match"]["topic"], profile["device"]) == ("pump7", {"literal": "pump7"})


def test_a_profile_that_reads_the_messages_already_is_named(site: Site) -> None:
    _, text, _ = site.propose(TASMOTA)
    assert "The profile tasmota-energy reads these messages already" in text


def test_nothing_is_in_force_after_a_proposal(site: Site) -> None:
    site.propose(ESPHOME, "--out", str(site.folder / "proposed.yaml"))
    _, printed, _ = site.run("check")
    assert " yours " not in printed


def test_a_file_that_is_there_is_not_overwritten(site: Site) -> None:
    out = site.folder / "mine.yaml"
    out.write_text("mine")
    status, _, said = site.propose(ESPHOME, "--out", str(out))
    assert (status, out.read_text()) == (2, "mine")
    assert "mine.yaml: --out: exists already" in said


def test_a_proposal_is_not_written_where_the_gateway_would_take_it(site: Site) -> None:
    out = site.folder / "profiles" / "proposed.yaml"
    status, _, said = site.propose(ESPHOME, "--out", str(out))
    assert status == 2
    assert "--out: lies where the gateway would take it" in said
    assert not out.exists()


def test_a_topic_that_was_silent_gives_no_profile_and_is_said(site: Site) -> None:
    silent = [row for row in TASMOTA if row["topic"].startswith("homeassistant/")]
    status, printed, said = site.propose(silent)
    assert (status, printed) == (1, "")
    assert "tele/kiosk-4/SENSOR: no message was heard" in said


def test_a_last_message_without_values_gives_no_test_and_is_said(site: Site) -> None:
    rows = [row | {"payload": "unavailable"} if row["topic"].endswith("line_pressure/state") else row for row in ESPHOME]
    _, text, _ = site.propose(rows)
    assert "pump-house/sensor/line_pressure/state: 'unavailable' gave no line_pressure (wrong_type)" in " ".join(
        text.replace("#", " ").split()
    )


def test_what_a_device_calls_itself_cannot_leave_the_comments(site: Site) -> None:
    """A name with a line break would else be read as YAML when the file is put in place."""
    config = {
        "name": "x\nprofile: evil\u2028match: {topic: '#'}",
        "device_class": "wind",
        "state_topic": "a/b",
        "unit_of_measurement": "m\ns",
    }
    _, text, _ = site.propose([*ESPHOME, {"topic": "homeassistant/sensor/n/o/config", "payload": config}])
    assert not any(line.startswith(("profile: evil", "match: {topic: '#'}", "s)")) for line in text.splitlines())


@pytest.mark.parametrize(
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
        pytest.param("{{- value_json.a -}}", Template("/a"), id="trimmed"),
    ],
)
def test_a_template_that_takes_a_value_out_is_understood(template: str, expected: Template) -> None:
    assert parse_template(template) == expected


@pytest.mark.parametrize(
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
    short = {
        "~": "pump/1",
        "stat_t": "~/state",
        "unit_of_meas": "bar",
        "dev_cla": "pressure",
        "stat_cla": "measurement",
        "name": "P",
    }
    short |= {"val_tpl": "{{ value_json.p }}", "dev": {"ids": ["x1"], "name": "Pump", "mdl": "M", "mf": "F"}}
    long = {
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


@pytest.mark.parametrize(
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
        pytest.param({"device_class": "energy", "name": "Energy today"}, "begins anew each day", id="day"),
        pytest.param({"device_class": "energy", "state_class": "measurement"}, "is no register", id="no-register"),
        pytest.param({"device_class": "power", "unit_of_measurement": "°"}, "°", id="unit"),
        pytest.param({"device_class": "carbon_monoxide", "unit_of_measurement": "ppm"}, "ppm", id="another-kind-of-unit"),
        pytest.param({"device_class": "wind_speed"}, "is no quantity that is known here", id="class"),
        pytest.param({"component": "switch", "entity_category": "config"}, "is no quantity", id="a-setting"),
        pytest.param({}, "is no quantity", id="nothing-said"),
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


def test_templates_can_be_listed_and_copied(site: Site) -> None:
    assert main(["profiles", "template"]) == 0
    assert site.printed.readouterr().out.split() == ["pulse-module"]
    assert main(["profiles", "template", "pulse-module"]) == 0
    (site.folder / "profiles" / "mine.yaml").write_text(site.printed.readouterr().out)
    _, printed, _ = site.run("check")
    assert any("my-pulse-module" in line and "pass" in line for line in printed.splitlines())
    assert main(["profiles", "template", "nothing"]) == 2
