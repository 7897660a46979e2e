"""``gateway check`` as people call it: what it says is sound, each fault with file and key, and its exit status."""

from pathlib import Path

import pytest
import yaml

from gateway.commands.cli import main
from gateway.commands.demo import services
from gateway.support.config.files import ConfigurationFault
from tests.commands.typed import offered, written
from tests.site import CODEC, OWN, RADIO, Site


def check(site: Site, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, list[str]]:
    """The exit status, what was printed, and what was complained of, without the folder."""
    assert site.config
    status = main(["check", "-c", str(site.folder / "gateway.yaml"), *options])
    said = capsys.readouterr()
    return status, said.out.replace(f"{site.folder}/", ""), said.err.replace(f"{site.folder}/", "").splitlines()


def cells(out: str, profile: str) -> list[str]:
    """Return the cells of the table for a profile."""
    (line,) = (line for line in out.splitlines() if line.split("  ")[0] == profile)
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_what_is_sound_is_said_with_the_profiles_their_devices_and_the_subscriptions(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.profile("pump")
    site.profile("mine", RADIO, mine=CODEC)
    site.devices({"id": "m1", "model": "Qalcosonic W1"}, {"id": "m2", "profile": "axioma-w1"}, {"id": "m3"})
    status, out, faults = check(site, capsys)
    assert (status, faults) == (0, ["warning: profiles/mine.yaml: points.0.fields.ph: no test gives it a value"])
    assert "gateway.yaml: no faults\ndevices.yaml: 3 devices, 0 areas\n" in out
    assert cells(out, "pump") == ["pump", "yours", "yes", "0", "-", "1 of 1 pass"]
    assert cells(out, "mine") == ["mine", "yours", "yes", "0", "mine.js", "1 of 1 pass"]
    assert cells(out, "axioma-w1")[:-1] == ["axioma-w1", "shipped", "yes", "2", "axioma-w1.js"]
    assert cells(out, "tasmota-energy")[2] == "no"
    assert "FAIL" not in out
    subscribed = out.split("subscribes to:\n")[1].splitlines()
    assert {"  own/+/pump", "  application/+/device/+/event/+", "  iot/v1/+/+/+/readings"} <= set(subscribed)


def test_a_file_of_the_working_folder_that_sets_nothing_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").touch()
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"{tmp_path}/gateway.yaml: no faults\n{tmp_path}/devices.yaml: does not exist; no device is registered\n"
    )
    assert "FAIL" not in out, "all that is shipped passes the tests inside it"


def test_protections_against_codecs_that_this_machine_lacks_are_named(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.profile("mine", RADIO, mine=CODEC)
    monkeypatch.setattr(
        "gateway.ingest.codecs.process._PROGRAM", Path(__file__).parents[2] / "ingest" / "codecs" / "unprotected_worker.py"
    )
    status, out, said = check(site, capsys)
    assert (status, "missing protection against codecs: seccomp: Function not implemented\n" in out) == (0, True)
    assert cells(out, "mine")[-1] == "codec: not run here"
    [refused] = [line for line in said if "codecs" in line]
    assert refused.startswith("warning: codecs are not run: on this machine neither Landlock nor seccomp keeps them from files")
    assert "codecs.unconfined: accept in gateway.yaml" in refused
    assert refused.endswith("; until then the frames that need one of these wait in quarantine: mine.js")
    site.sections["codecs"] = {"unconfined": "accept"}
    status, out, said = check(site, capsys)
    assert (status, cells(out, "mine")[-1]) == (0, "1 of 1 pass")
    assert not [line for line in said if "codecs" in line]


DEMANDING = """
profile: NAME
match: {topic: "own/{device}/NAME"}
points: [{measurement: water, fields: {volume_m3: {path: /n, scale: {param: weight}}}}]
tests:
  - topic: own/d/NAME
    params: {weight: 2}
    payload: {n: 7}
    expect: [{measurement: water, time: arrival, fields: {volume_m3: 14}}]
"""
FRAME = RADIO.replace("expect: ignored", "expect: []").replace('"}}}]', '"}, fPort: 99, data: AQ==}}]')
FAULTS = [
    pytest.param(
        OWN.replace("fields: {ph: 7}", "fields: {ph: 8}"),
        CODEC,
        "profiles/pump.yaml: tests: test 1: ph should be 8, but is 7.0",
        id="a-test-fails",
    ),
    pytest.param(
        OWN.replace("expect: [{measurement: water, time: arrival, fields: {ph: 7}}]", "expect: bad_json"),
        CODEC,
        "profiles/pump.yaml: tests: test 1: should be the reject bad_json, but is points: water",
        id="a-reject-is-missed",
    ),
    pytest.param(
        OWN[: OWN.index("tests")], CODEC, "profiles/pump.yaml: tests: a profile without tests is refused", id="no-tests"
    ),
    pytest.param(RADIO, "function decodeUplink(", "profiles/pump.js: codec: SyntaxError", id="a-codec-that-cannot-be-loaded"),
    pytest.param(RADIO, "var x;", "profiles/pump.js: codec: ", id="a-codec-without-an-entry-point"),
    pytest.param(
        RADIO.replace("NAME.js", "other.js"),
        CODEC,
        "profiles/pump.yaml: codec: other.js is not beside the profile",
        id="no-codec",
    ),
    pytest.param(
        FRAME,
        "function decodeUplink() { throw new Error('no'); }",
        "profiles/pump.yaml: tests: test 1: rejected: profile_error: ",
        id="a-codec-that-throws",
    ),
    pytest.param(OWN.replace("/ph}", "/ph, pH: /x}"), CODEC, "profiles/pump.yaml: points.0.fields.pH: ", id="no-such-quantity"),
    pytest.param(
        DEMANDING,
        CODEC,
        "devices.yaml: devices.0.params.weight: is missing; profile pump needs it of m1 (line 2)",
        id="a-device-lacks-a-parameter",
    ),
]


@pytest.mark.parametrize(("text", "codec", "fault"), FAULTS)
def test_a_fault_is_told_on_one_line_with_file_and_key(
    site: Site, capsys: pytest.CaptureFixture[str], text: str, codec: str, fault: str
) -> None:
    site.profile("pump", text, pump=codec)
    site.devices({"id": "m1", "profile": "pump"})
    status, _, faults = check(site, capsys)
    assert status == 2
    assert len(faults) == 1, faults
    assert faults[0].startswith(fault)


def test_the_faults_of_all_profiles_are_told_at_once_and_the_table_still_stands(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        site.profile(name, OWN.replace("fields: {ph: 7}", "fields: {ph: 8}"))
    site.profile("three")
    status, out, faults = check(site, capsys)
    assert (status, [line.split(":")[0] for line in faults]) == (2, ["profiles/one.yaml", "profiles/two.yaml"])
    assert cells(out, "one")[-1] == "1 of 1 FAIL"
    assert cells(out, "three")[-1] == "1 of 1 pass"


def test_a_faulty_file_does_not_hide_the_results_of_the_others(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.profile("broken", "profile: NAME\nmatch: [")
    site.profile("unknown", OWN.replace("{ph: /ph}", "{pH: /ph}"))
    site.profile("fails", OWN.replace("fields: {ph: 7}", "fields: {ph: 8}"))
    site.profile("sound")
    site.devices({"id": "m1", "profile": "broken"}, {"id": "m2", "profile": "sound"}, {"id": "m3", "profile": "nobody"})
    status, out, faults = check(site, capsys)
    assert status == 2
    assert [line.split(":")[0] for line in faults] == [
        "profiles/broken.yaml",
        "profiles/unknown.yaml",
        "devices.yaml",
        "profiles/fails.yaml",
    ]
    assert "devices.2.profile: there is no profile nobody" in faults[2], "who names the broken one is not at fault"
    assert (cells(out, "sound")[3], cells(out, "sound")[-1]) == ("1", "1 of 1 pass")
    assert cells(out, "fails")[-1] == "1 of 1 FAIL"


def test_a_faulty_registry_does_not_hide_the_results_of_the_profiles(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.profile("sound")
    site.devices({"id": "m1", "colour": "blue"})
    status, out, faults = check(site, capsys)
    assert (status, faults) == (2, ["devices.yaml: devices.0.colour: there is no such key (line 2)"])
    assert cells(out, "sound")[-1] == "1 of 1 pass"


@pytest.mark.parametrize(("name", "key"), [("gateway-1", "mqtt.client_id"), ("gateway", "mqtt.username")])
def test_a_device_named_as_the_gateway_is_refused(site: Site, capsys: pytest.CaptureFixture[str], name: str, key: str) -> None:
    """Its account at the broker would own the gateway's session, or have the gateway's rights."""
    site.sections["mqtt"] = {"username": "gateway"}
    site.devices({"id": "m1"}, {"id": name})
    status, _, faults = check(site, capsys)
    assert status == 2
    assert faults[0].startswith(f"devices.yaml: devices.1.id: {name} is {key}: at the broker the device could be the gateway")


def test_what_is_seldom_meant_and_what_no_test_fills_are_warnings(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.profile("pump", OWN.replace("{ph: /ph}", "{ph: /ph, level_m: /levle}"))
    site.profile("greedy", RADIO.replace("envelope: lorawan, when: {/port: [99]}", "envelope: lorawan"), greedy=CODEC)
    status, out, said = check(site, capsys)
    assert (status, cells(out, "pump")[-1]) == (0, "1 of 1 pass")
    assert [line.partition(" no ")[0].partition(" takes ")[0] for line in said] == [
        "warning: profiles/greedy.yaml: match:",
        "warning: profiles/greedy.yaml: points.0.fields.ph:",
        "warning: profiles/pump.yaml: points.0.fields.level_m:",
    ]


def test_a_model_that_no_profile_has_is_a_warning(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.profile("mine", RADIO.replace("codec", "models: [Pump P-100]\ncodec", 1), mine=CODEC)
    site.devices(
        {"id": "m1", "model": "pump p100"},
        {"id": "m2", "model": "Pump P1000"},
        *({"id": f"n{n}", "model": "?"} for n in range(3)),
    )
    status, _, said = check(site, capsys)
    assert status == 0, "a device that sends natively may have any model"
    begins = "warning: devices.yaml: devices: no profile has the model"
    assert [line for line in said if "devices.yaml" in line] == [
        f"{begins} Pump P1000 (m2); did you mean Pump P-100?",
        f"{begins} ? (n0 and 2 more); this is correct if they send iot/v1/… themselves",
    ]


@pytest.mark.parametrize(
    ("section", "key", "value", "fault"),
    [
        pytest.param("devices", "unknown", "maybe", "gateway.yaml: devices.unknown: ", id="value"),
        pytest.param("devices", "unknwon", "accept", "gateway.yaml: devices.unknwon: ", id="key"),
        pytest.param("devices", "registry", "no.yaml", "gateway.yaml: devices.registry: ", id="a-path-that-is-not-there"),
        pytest.param("profiles", "enable", ["nobody"], "profiles: profiles.enable: there is no profile nobody", id="a-profile"),
    ],
)
def test_a_fault_of_the_configuration_is_told_with_its_key(
    site: Site, capsys: pytest.CaptureFixture[str], section: str, key: str, value: object, fault: str
) -> None:
    (site.folder / "gateway.yaml").write_text(yaml.safe_dump({section: {key: value}}))
    assert main(["check", "-c", str(site.folder / "gateway.yaml")]) == 2
    (line,) = capsys.readouterr().err.replace(f"{site.folder}/", "").splitlines()
    assert line.startswith(fault)


def test_what_cannot_be_reached_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    broker, influxdb = services.free_port(), services.free_port()
    site.sections["mqtt"]["url"] = f"mqtt://127.0.0.1:{broker}"
    site.sections["influxdb"] = {"url": f"http://127.0.0.1:{influxdb}", "timeout": "1s"}
    status, _, faults = check(site, capsys, "--connect")
    assert status == 3
    assert [f"127.0.0.1:{port}" in line for port, line in zip((broker, influxdb), faults, strict=True)] == [True, True]


def test_a_journal_that_could_not_be_opened_is_told_and_is_no_fault(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway starts all the same."""
    site.sections["journal"] = {"path": "nowhere/journal.db"}
    (site.folder / "nowhere").touch()
    status, _, said = check(site, capsys)
    assert (status, said) == (
        0,
        ["nowhere/journal.db: journal.path: nowhere is not a folder; the gateway would run without its journal"],
    )


def test_a_port_for_devices_that_nothing_limits_is_a_warning_with_what_to_do(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """The broker is of this machine, where no table for this port is loaded."""
    site.sections |= {"mqtt": {"url": "mqtt://localhost:18830"}, "enrolment": {"url": "mqtts://broker.example.vn:18883"}}
    status, _, said = check(site, capsys)
    (line,) = (line for line in said if "18883" in line)
    assert status == 0
    assert line.startswith("warning: port 18883 of the MQTT broker: nothing limits what one device sends")
    assert "Install nftables, run `gateway setup broker --upgrade`, then restart Mosquitto" in line


def test_the_rules_of_alarms_are_counted_and_a_faulty_one_is_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    rules = site.folder / "alarms.yaml"
    rules.write_text("rules: [{name: leak, severity: critical}]\nswitched_off: [congestion]\n", encoding="utf-8")
    status, out, faults = check(site, capsys)
    assert (status, faults) == (0, [])
    assert "alarms.yaml: 25 rules of alarms, 0 of them your own\n" in out
    rules.write_text("rules: [{name: leak, severity: high}]\n", encoding="utf-8")
    status, out, faults = check(site, capsys)
    assert status == 2
    assert faults == ["alarms.yaml: rules.0.severity: 'high' is not one of 'critical', 'warning' or 'info' (line 1)"]


@pytest.mark.parametrize(
    ("limit", "said", "warned"),
    [
        pytest.param("8kB", "link: 8,000 B/s, of which live readings of the 2 devices with an interval", "", id="enough"),
        pytest.param(100, "link: 100 B/s", "100 B/s is less than live readings need, about", id="less-than-live-readings"),
        pytest.param(850, "link: 850 B/s", "catching up takes longer than the outage did", id="nothing-left-for-a-backlog"),
    ],
)
def test_a_budget_of_the_link_is_held_against_the_devices_that_are_registered(
    site: Site, capsys: pytest.CaptureFixture[str], limit: str | int, said: str, warned: str
) -> None:
    site.sections["influxdb"] = {"max_bytes_per_s": limit}
    several = 1 if limit == "8kB" else 4
    site.devices(*({"id": f"m{number}", "interval": "2s"} for number in range(2 * several)), {"id": "m-unknown"})
    status, out, faults = check(site, capsys)
    assert status == 0
    assert said in out
    assert [warned in fault for fault in faults] == [True] * bool(warned)


@pytest.mark.parametrize("limit", [0, 99, -1, "8 kbit", "fast"])
def test_a_budget_that_no_write_fits_into_is_refused(site: Site, limit: object) -> None:
    site.sections["influxdb"] = {"max_bytes_per_s": limit}
    with pytest.raises(ConfigurationFault, match=r"influxdb\.max_bytes_per_s"):
        assert site.config


def test_what_people_type_is_what_they_know() -> None:
    assert offered("check") == written("check")
