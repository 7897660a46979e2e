"""Profiles proposed from Home Assistant's discovery: they are sound, say what is not known, and are not active."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.commands.cli import main
from tests.onboarding.proposals.discovered import ESPHOME, MAKES, SHELLY, TASMOTA, ZIGBEE

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
    assert "522851_ENERGY_Today/config: starts again each day" in " ".join(text.replace("#", " ").split())


def test_zigbee2mqtt_tells_of_a_switch_and_of_a_radio_that_has_no_quantity(site: Site) -> None:
    assert site.points(ZIGBEE) == [
        ("power", {}, {"energy_import_kwh": 22.75, "active_power_w": 115.0, "voltage_l1_v": 231.5, "relay_on": True})
    ]
    _, text, _ = site.propose(ZIGBEE)
    assert "linkquality/config: is not a quantity known here" in text
    assert "update/config: is not a quantity known here (update)" in text


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


COMMON = (
    *("tele", "stat", "status", "sensor", "binary_sensor", "switch", "state", "states", "data", "result", "info"),
    *("telemetry", "mqtt", "homeassistant", "zigbee2mqtt", "shellies", "iot", "home", "devices", "value", "Shellies"),
)


def test_a_level_that_many_makes_have_is_no_name_of_a_device(site: Site) -> None:
    rows = [row for number, level in enumerate(COMMON) for row in power_of(f"x{number}", f"{level}/n{number}")]
    assert {profile["match"]["topic"] for profile in site.profiles(rows)} == {f"{level}/{{device}}" for level in COMMON}


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


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_a_proposal_is_for_its_owner_alone(site: Site, umask: int) -> None:
    out, before = site.folder / "proposed.yaml", os.umask(umask)
    try:
        assert site.propose(ESPHOME, "--out", str(out))[0] == 0
    finally:
        os.umask(before)
    assert out.stat().st_mode & 0o777 == 0o600, "it holds what devices said last"


def test_a_proposal_is_not_written_where_the_gateway_would_take_it(site: Site) -> None:
    out = site.folder / "profiles" / "proposed.yaml"
    status, _, said = site.propose(ESPHOME, "--out", str(out))
    assert status == 2
    assert "--out: is where the gateway would activate it" in said
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


def test_templates_can_be_listed_and_copied(site: Site) -> None:
    assert main(["profiles", "template"]) == 0
    assert site.printed.readouterr().out.split() == ["pulse-module"]
    assert main(["profiles", "template", "pulse-module"]) == 0
    (site.folder / "profiles" / "mine.yaml").write_text(site.printed.readouterr().out)
    _, printed, _ = site.run("check")
    assert any("my-pulse-module" in line and "pass" in line for line in printed.splitlines())
    assert main(["profiles", "template", "nothing"]) == 2


def test_messages_of_one_moment_arrive_a_second_apart_in_the_test_that_is_made_of_them(site: Site) -> None:
    (profile, *_) = site.profiles([row | {"arrival_ms": 1_788_422_400_500} for row in ESPHOME])
    (test,) = profile["tests"]
    assert test["name"].startswith("the last messages of ")
    assert [message["arrival"] for message in test["messages"]] == [
        "2026-09-03T08:00:00.500Z",
        "2026-09-03T08:00:01.500Z",
        "2026-09-03T08:00:02.500Z",
        "2026-09-03T08:00:03.500Z",
    ]
    (alone, *_) = site.profiles(power_of("x9", "y/hall/a"))
    assert alone["tests"][0]["name"] == "the last message of x9"
    assert alone["description"] == "Proposed from Home Assistant's discovery: (x9)."


def test_two_makes_of_one_name_get_profiles_of_different_names(site: Site) -> None:
    device = {"dev": {"ids": "a", "name": "One", "mdl": "Plug S", "mf": "Maker"}}
    rows = power_of("a", "u/one/p", **device) + power_of("b", "w/two/q", dev=device["dev"] | {"ids": "b", "name": "Two"})  # type: ignore[arg-type]
    found = site.profiles(rows)
    assert [profile["profile"] for profile in found] == ["ha-plug-s", "ha-plug-s-2"]
    assert found[0]["description"] == "Proposed from Home Assistant's discovery: Maker Plug S (One)."


def test_a_register_that_comes_as_text_is_proposed_as_one_with_its_steps(site: Site) -> None:
    rows = power_of("x9", "y/hall/a", dev_cla="energy", unit_of_meas="kWh", val_tpl="{{ value | round(1) }}")
    (profile,) = site.profiles(rows)
    (test,) = profile["tests"]
    assert test["text"] == "12.5"
    assert profile["points"] == [
        {"measurement": "power", "fields": {"energy_import_kwh": {"path": "/value", "round": 1, "counter": True}}}
    ]
    (point,) = test["expect"]
    assert (point["device"], point["time"], point["fields"]) == ("y", "arrival", {"energy_import_kwh": 12.5})
