"""Profiles from files: what is shipped, what replaces it, the sketches of the language, and faults told with file and key."""

from pathlib import Path

import pytest

from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.matching import Profiles
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.profile_tests import check_profile
from gateway.support.config.bundled_profiles import SHIPPED
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.profile_files import ambiguities, read_profiles
from tests.profile_loading import load_profiles

GOOD = """
profile: %s
match: {topic: "a/{device}"}
points: [{measurement: water, fields: {ph: /ph}}]
tests: [{topic: a/b, payload: {ph: 7}, expect: [{measurement: water, time: arrival, fields: {ph: 7}}]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shipped").mkdir()
    (tmp_path / "local").mkdir()
    return tmp_path


def put(folder: Path, **files: str) -> None:
    """Write files; ``shipped__a`` is ``shipped/a.yaml``."""
    for name, text in files.items():
        (folder / f"{name.replace('__', '/')}.yaml").write_text(text)


def lines(folder: Path) -> list[str]:
    """Return the faults of the files, without the folder."""
    with pytest.raises(ConfigurationFault) as fault:
        load_profiles(folder / "local", folder / "shipped")
    return [line.removeprefix(f"{folder}/") for line in fault.value.lines]


def test_all_that_is_shipped_loads_and_no_two_of_it_are_alike() -> None:
    loaded = load_profiles(None)
    assert loaded.profiles
    assert loaded.envelopes
    assert all(file.shipped and file.model.tests for file in loaded.profiles.values())
    assert ambiguities(loaded.profiles.values()) == []


def test_a_file_of_more_than_4_mib_is_refused_before_it_is_read(folder: Path) -> None:
    with (folder / "local/a.yaml").open("wb") as file:
        file.truncate(4 * 2**20 + 1)
    assert lines(folder) == ["local/a.yaml: document: is larger than 4 MiB"]


def test_a_file_of_the_same_name_replaces_a_shipped_one(folder: Path) -> None:
    put(folder, shipped__a=GOOD % "one", shipped__b=GOOD % "two", local__a=GOOD % "mine")
    loaded = load_profiles(folder / "local", folder / "shipped")
    assert {name: file.shipped for name, file in loaded.profiles.items()} == {"mine": False, "two": True}


def test_a_profile_of_the_same_name_replaces_a_shipped_one_whatever_its_file_is_called(folder: Path) -> None:
    put(folder, shipped__z=GOOD % "one", local__a=GOOD % "one")
    assert [file.path.name for file in load_profiles(folder / "local", folder / "shipped").profiles.values()] == ["a.yaml"]


def test_two_of_one_name_beside_each_other_are_a_fault(folder: Path) -> None:
    put(folder, local__a=GOOD % "one", local__b=GOOD % "one")
    (line,) = lines(folder)
    assert line.startswith("local/b.yaml: profile: one is also the name of ")


def test_a_file_may_hold_several_profiles_and_an_envelope(folder: Path) -> None:
    envelope = "envelope: mine\nwhen: {/eui: present}\ndevice: /eui\npayload: /bytes\nport: /p\n"
    put(folder, local__all="---\n".join([GOOD % "one", GOOD % "two", envelope]))
    loaded = load_profiles(folder / "local", folder / "shipped")
    assert (sorted(loaded.profiles), sorted(loaded.envelopes)) == (["one", "two"], ["mine"])


def test_profiles_that_would_take_the_same_messages_alike_are_told(folder: Path) -> None:
    other_name = (GOOD % "two").replace("{device}", "{meter}")
    more_particular = (GOOD % "three").replace('"}', '", when: {/ph: number}}', 1)
    put(folder, local__a=GOOD % "one", local__b=other_name, local__c=more_particular)
    (line,) = ambiguities(load_profiles(folder / "local", folder / "shipped").profiles.values())
    assert "b.yaml: match: takes the same messages as" in line
    assert "a.yaml" in line


def test_one_faulty_file_does_not_keep_the_others_from_being_looked_at(folder: Path) -> None:
    put(folder, local__a="profile: Two\n", local__b=f"{GOOD % 'one'}---\nprofile: [", local__c=GOOD % "three")
    loaded = read_profiles(folder / "local", folder / "shipped")
    assert sorted(loaded.profiles) == ["three"]
    assert {file.name for file in loaded.faults} == {"a.yaml", "b.yaml"}


@pytest.mark.parametrize(
    ("match", "warned"),
    [
        pytest.param("{envelope: lorawan}", True, id="nothing-more"),
        pytest.param("{envelope: lorawan, when: {/port: [2]}}", False, id="a-port"),
        pytest.param("{envelope: lorawan, by: registry}", False, id="registry"),
        pytest.param("{envelope: lorawan, topic: 'app/{device}/up'}", False, id="topic"),
        pytest.param("{topic: 'app/{device}/up'}", False, id="no-envelope"),
    ],
)
def test_a_profile_that_takes_every_frame_of_every_device_is_warned_of(folder: Path, match: str, warned: bool) -> None:  # noqa: FBT001
    put(folder, local__a=(GOOD % "one").replace('{topic: "a/{device}"}', match))
    (file,) = load_profiles(folder / "local", folder / "shipped").profiles.values()
    assert [line.partition(": takes every frame")[0] for line in file.warnings] == [f"{file.path}: match"] * warned


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("profile: [", "line 2: ", id="no-yaml"),
        pytest.param("- a", "document: is not a mapping", id="a-list"),
        pytest.param("profile: one\nprofile: two", "line 2: ", id="a-key-twice"),
        pytest.param("profile: &a one\ndescription: *a", "line 2: an alias", id="alias"),
        pytest.param((GOOD % "one") + "models: [00012074]", "quote it", id="leading-zero"),
        pytest.param(GOOD.partition("tests:")[0] % "one", "tests: a profile without tests is refused", id="no-tests"),
        pytest.param(
            (GOOD % "one").replace("points", "pionts"), "pionts: there is no such key; did you mean points?", id="key"
        ),
        pytest.param(
            (GOOD % "one").replace("ph: /ph", "hp: /ph"), "points.0.fields.hp: 'hp' is not a field of water", id="field"
        ),
        pytest.param((GOOD % "one").replace("/ph}}]", "/~}}]"), "points.0.fields.ph.path: '/~' is not a path", id="path"),
        pytest.param((GOOD % "one").replace("water", "gas", 1), "points.0.measurement: 'gas' is not one of", id="measurement"),
        pytest.param((GOOD % "one") + "codec: a.js", "codec: a.js is not beside the profile", id="codec-file"),
        pytest.param(
            (GOOD % "one") + "time: {path: /t, max_past: 40}", "time.max_past: 40 is not a span of time", id="short-form"
        ),
        pytest.param("profile: one\nmatch: {topic: t}\ntests: 5", "tests: 5 is not a list", id="type"),
        pytest.param("profile: one\nmatch: 5", "match: is a mapping, with keys of its own", id="no-mapping"),
        pytest.param(
            "profile: A b\nmatch: {topic: t}", "profile: 'A b' is not of the form 1 to 64 of a-z 0-9 . _ -", id="name"
        ),
        pytest.param("envelope: e\nwhen: {/a: present}", "device: must be given", id="envelope"),
        pytest.param("envelope: e\nwhen: {/a: present}\ndevice: {pfad: /a}", "device: is a path, such as /a/b", id="no-path"),
        pytest.param(
            (GOOD % "one").replace("ph: /ph", "ph: {path: /ph, none: [null]}"), "none.0: null is not a value", id="none"
        ),
        pytest.param(
            (GOOD % "one").replace("ph: /ph", "alarm_leak: {path: /l, is: null}"), "is: null cannot be tested", id="is-null"
        ),
    ],
)
def test_a_fault_is_told_with_file_and_key(folder: Path, text: str, fault: str) -> None:
    put(folder, local__a=text)
    found = lines(folder)
    assert all(line.startswith("local/a.yaml: ") for line in found)
    assert any(fault in line for line in found), found


def test_the_faults_of_all_files_are_told_at_once_each_place_once(folder: Path) -> None:
    faulty = (GOOD % "one").replace("ph: /ph", "ph: {path: 5, scale: [1], bits: x}, volume: /v")
    put(folder, local__a=faulty, local__b="profile: Two\n")
    places = [": ".join(line.split(": ")[:2]) for line in lines(folder)]
    assert len(places) == len(set(places))
    assert {"local/a.yaml: points.0.fields.ph.path", "local/b.yaml: match"} <= set(places)


def test_the_line_of_a_fault_is_that_of_the_file_also_in_a_later_document(folder: Path) -> None:
    put(folder, local__a=f"{GOOD % 'one'}---\nprofile: two\nprofile: two\n")
    (line,) = lines(folder)
    assert line.startswith(f"local/a.yaml: line {(GOOD % 'one').count(chr(10)) + 3}: ")


def test_what_yaml_reads_as_a_date_is_the_text_it_was(folder: Path) -> None:
    text = (
        (GOOD % "one")
        .replace("time: arrival", "time: 2026-09-03T00:00:00Z")
        .replace("{ph: 7}, expect", "{ph: 7, t: 2026-09-03}, expect")
    )
    put(folder, local__a=text)
    (test,) = load_profiles(folder / "local", folder / "shipped").profiles["one"].model.tests
    assert test.expect is not None
    assert (test.body(), test.expect.points[0].time) == (b'{"ph":7,"t":"2026-09-03"}', "2026-09-03T00:00:00+00:00")


CODEC = """
function decodeUplink(input) {
  var b = input.bytes, u32 = function (at) { return b[at] + b[at + 1] * 256 + b[at + 2] * 65536 + b[at + 3] * 16777216; };
  var deltas = [];
  for (var at = 9; at + 1 < b.length; at += 2) deltas.push(b[at] + b[at + 1] * 256);
  return {data: {t: u32(0), total_l: u32(4), status: b[8], deltas: deltas}};
}
"""

SKETCHES = """
profile: w1
match: {envelope: lorawan, when: {/port: [100]}}
codec: w1.js                        # gives t, total_l, status, deltas
time: [{path: /codec/t, format: unix_s, max_past: 40d}, {path: /time, format: rfc3339}, arrival]
points:
  - measurement: water
    fields:
      volume_m3: {path: /codec/total_l, unit: L, sentinels: [4294967295], counter: {wrap: u32, max_rate: 20/h}}
      alarm_leak: {path: /codec/status, mask: 0xE0, is: 0x20}
  - measurement: water
    each: {of: /codec/deltas, running: {start: /codec/total_l, sign: -1}}
    time: [{base: /codec/t, step: 1h, first: 1, sign: -1, else: skip}]
    fields: {volume_m3: {item: true, unit: L}}
tests:
  - topic: application/1/device/0011223344556677/event/up
    payload: {deviceInfo: {devEui: "0011223344556677"}, time: "2026-09-03T00:00:00Z", fPort: 100, data: "rqyYajIXAABgAQACAA=="}
    expect:
      - {measurement: water, time: "2026-09-02T23:09:34Z", fields: {volume_m3: 5.938, alarm_leak: false}}
      - {measurement: water, time: "2026-09-02T22:09:34Z", fields: {volume_m3: 5.937}}
      - {measurement: water, time: "2026-09-02T21:09:34Z", fields: {volume_m3: 5.935}, quality: 8}
---
profile: tasmota
match: {topic: ["tele/{device}/SENSOR", "stat/{device}/STATUS10"], when: {any_present: [/ENERGY, /StatusSNS/ENERGY]}}
decode: json_lenient
root: {first_of: [/StatusSNS, /]}
retained: drop_unless_timestamped
time: [{path: /Time, format: rfc3339, zone: "+07:00", max_past: 2h}, arrival]
points:
  - measurement: power
    when: {/ENERGY/Total: number}
    fields:
      energy_import_kwh: {path: /ENERGY/Total, counter: {reset: small_step_back_is_suspect, max_rate: 80/h}}
      active_power_w: {path: /ENERGY/Power}
      voltage_l1_v: {path: /ENERGY/Voltage}
      power_factor: {path: /ENERGY/Factor, abs: true}
  - measurement: power                     # multi-channel firmware: a list or a map
    when: {/ENERGY/Total: [list, map]}
    each: {of: /ENERGY/Total}
    tags: {channel: {key: true}}
    fields: {energy_import_kwh: {item: true}}
status: [{topic: "tele/{device}/LWT", text: {Online: online, Offline: offline}}]
tests:
  - topic: tele/plug/SENSOR
    payload: {Time: "2026-09-03T07:00:00", ENERGY: {Total: 1.5, Power: 20, Voltage: 230, Factor: -0.5}}
    expect:
      - measurement: power
        time: "2026-09-03T00:00:00Z"
        fields: {energy_import_kwh: 1.5, active_power_w: 20, voltage_l1_v: 230, power_factor: 0.5}
  - topic: stat/plug/STATUS10
    payload: {StatusSNS: {Time: "2026-09-03T07:00:00", ENERGY: {Total: [1.5, 2]}}}
    expect:
      - {measurement: power, time: "2026-09-03T00:00:00Z", tags: {channel: 0}, fields: {energy_import_kwh: 1.5}}
      - {measurement: power, time: "2026-09-03T00:00:00Z", tags: {channel: 1}, fields: {energy_import_kwh: 2}}
  - topic: tele/plug/SENSOR
    text: '{"ENERGY":{"Total":1.5,"Power":nan}}'
    expect: [{measurement: power, time: arrival, fields: {energy_import_kwh: 1.5}}]
  - {topic: tele/plug/LWT, payload: Offline, expect: ignored}
  - {topic: tele/plug/SENSOR, payload: {ENERGY: {Total: 1}}, retain: true, expect: ignored}
---
profile: plc
match: {topic: "plant/{device}/vals"}
points:
  - measurement: power
    each: {of: /vals, by: id, value: val, time: {path: ts, format: unix_ms}, when: {qc: [3, 192]}}
    map: {"101": {field: energy_import_kwh, unit: W.h}, "102": {field: voltage_l1_v, scale: 0.1}, "*": skip}
tests:
  - topic: plant/plc1/vals
    payload:
      vals:
        - {id: 101, val: 1234, ts: 1788390574000, qc: 192}
        - {id: "102", val: 2301, ts: 1788390574000, qc: 3}
        - {id: 102, val: 9999, ts: 1788390574000, qc: 0}
        - {id: 103, val: 1, ts: 1788390574000, qc: 3}
    expect: [{measurement: power, time: 1788390574000, fields: {energy_import_kwh: 1.234, voltage_l1_v: 230.1}}]
---
profile: sparkplug
match: {topic: "spBv1.0/{group}/{verb}/{node}/{device}", when: {verb: [DBIRTH, DDATA]}}
decode: sparkplug_b
device: {join: [{topic: group}, {topic: node}, {topic: device}], by: "."}
points:
  - measurement: power
    each: {of: /metrics, by: name, value: value, time: timestamp}
    map:
      "Voltage/L{p:1|2|3}": {field: "voltage_l{p}_v"}
      Power/Active: {field: active_power_w}
      Energy/Import: {field: energy_import_kwh, unit: W.h, counter: {}}
tests:
  - name: one metric named Voltage/L2, 230.1 as a float, at 2026-09-02T23:09:34Z
    topic: spBv1.0/g/DBIRTH/n/d
    hex: 08b08f8aa38634121a0a0a566f6c746167652f4c3218b08f8aa386342009659a1966431800
    expect: [{measurement: power, device: g.n.d, time: 1788390574000, fields: {voltage_l2_v: 230.1}}]
"""
"""The four sketches from which the language was drawn, with names of their own and with tests."""


def test_the_sketches_of_the_language_load_and_do_what_their_tests_say(folder: Path) -> None:
    put(folder, local__sketches=SKETCHES)
    (folder / "local" / "w1.js").write_text(CODEC)
    loaded = load_profiles(folder / "local", SHIPPED)
    own = {name: file for name, file in loaded.profiles.items() if not file.shipped}
    assert list(own) == ["w1", "tasmota", "plc", "sparkplug"]
    codecs = {file.codec.name: file.codec for file in own.values() if file.codec is not None}
    with SyncCodecs(codecs) as calls:
        for name, file in own.items():
            alone = Profiles([file.compiled], Envelopes(loaded.envelopes.values()))
            faults = [fault for checked in check_profile(name, file.model.tests, alone, calls) for fault in checked.faults]
            assert (name, faults) == (name, [])
