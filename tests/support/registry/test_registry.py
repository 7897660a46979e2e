"""Loading ``devices.yaml``: every fault by file, key, reason and line."""

import hashlib
from pathlib import Path

import pytest

from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Mqtt
from gateway.support.config.plain_yaml import TOGETHER
from gateway.support.registry.registry import (
    fault_lines,
    load_registry,
    named_as_gateway,
    text_if_there,
    unknown_profiles,
    version_of,
    version_of_text,
)
from gateway.support.registry.yaml_file import write_out
from schemas.registry import RegisteredDevice, Registry


def faults(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationFault) as found:
        load_registry(path)
    return [line.removeprefix(f"{path}: ") for line in found.value.lines]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "devices.yaml"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param("id: a b", "devices.0.id: 'a b' may hold 1 to 64 of A-Z a-z 0-9 . _ : - (line 2)", id="grammar"),
        pytest.param(
            "id: a\n    params:\n      reading_day: 31",
            "devices.0.params.reading_day: 31 is not a reading day, which is from 1 to 28 (line 4)",
            id="reading-day",
        ),
        pytest.param("id: 12", "devices.0.id: 12 is not a text; put it in quotes (line 2)", id="number-as-id"),
        pytest.param("site: s", "devices.0.id: is missing (line 2)", id="no-id"),
        pytest.param("id: a\n    lat: 91", "devices.0.lat: 91 is more than 90 (line 3)", id="latitude"),
        pytest.param("id: a\n    lon: 105,8", "devices.0.lon: '105,8' is not a number (line 3)", id="decimal-comma"),
        pytest.param(
            "id: a\n    domain: heat", "'heat' is not one of 'water', 'power', 'traffic' or 'urban' (line 3)", id="domain"
        ),
        pytest.param("id: a\n    interval: x", "devices.0.interval: 'x' is not a span of time; write", id="interval"),
        pytest.param(
            "id: a\n    installed: 14/03/2026", "'14/03/2026' is not a date; write it as 2026-03-14 (line 3)", id="date"
        ),
        pytest.param(
            "id: a\n    serial: 12074", "devices.0.serial: 12074 is not a text; put it in quotes (line 3)", id="serial"
        ),
        pytest.param("id: a\n    serial: 00012074", 'line 3: quote it: "00012074"', id="leading-zero"),
        pytest.param("id: a\n    colour: red", "devices.0.colour: there is no such key (line 3)", id="unknown-key"),
        pytest.param("id: a\n    model: '{x}'\n    site: '{y}'", "devices.0.site: '{y}' may hold", id="braces"),
        pytest.param(
            "id: a\n    params:\n      x: [1]", "devices.0.params.x: [1] is not a number, text or boolean (line 4)", id="list"
        ),
        pytest.param("id: a\n    area: A9", "devices.0.area: A9 is not among the areas (line 3)", id="unknown-area"),
        pytest.param("id: a\n    id: b", "line 3: the key 'id' occurs twice", id="key-twice"),
    ],
)
def test_a_fault_is_said_with_its_key_reason_and_line(path: Path, entry: str, said: str) -> None:
    (line,) = faults(path, f"devices:\n  - {entry}\n")
    assert said in line


def test_all_faults_are_said_at_once_and_a_flood_of_them_is_cut(path: Path) -> None:
    assert len(faults(path, "devices: [{id: a, lat: 91, lon: 181}, {id: ''}]")) == 3
    many = faults(path, "devices:\n" + "".join(f"- {{id: d{n}, area: A9}}\n" for n in range(60)))
    assert len(many) == 51
    assert many[-1] == "document: 10 faults more"


def test_a_fault_of_a_long_registry_is_said_with_its_place(path: Path) -> None:
    """Some devices are validated while the others are read."""
    entries = [f"- id: d{number}\n  lat: {91 if number == TOGETHER + 5 else 10}\n" for number in range(3 * TOGETHER + 1)]
    place, line = f"devices.{TOGETHER + 5}.lat", 2 * (TOGETHER + 5) + 3
    assert faults(path, f"devices:\n{''.join(entries)}") == [f"{place}: 91 is more than 90 (line {line})"]


def test_devices_with_the_same_parameters_share_them(path: Path) -> None:
    path.write_text("devices:\n- {id: a, params: {x: 1}}\n- {id: b, params: {x: 1}}\n- {id: c, params: {x: 1.0}}\n")
    one, same, other = load_registry(path).devices
    assert one.params is same.params
    assert (type(one.params["x"]), type(other.params["x"])) == (int, float)


@pytest.mark.parametrize("second", ["wm-1", "24-E1-24-13-6D-00-00-01"])
def test_a_device_registered_twice_is_said_with_both_places(path: Path, second: str) -> None:
    text = f"devices:\n- id: wm-1\n- id: 24e124136d000001\n- id: {second}\n"
    first = 0 if second == "wm-1" else 1
    assert faults(path, text) == [f"devices.2.id: {second} occurs twice; the first is devices.{first} (line 4)"]


@pytest.mark.parametrize("text", ["[1]", "3", "devices: 3", "areas: [a]", "device: []", "devices: [3]"])
def test_what_is_no_registry_at_all_is_a_fault(path: Path, text: str) -> None:
    assert len(faults(path, text)) == 1


@pytest.mark.parametrize("text", ["", "# later\n", "devices:\nareas:\n", "devices: []\nareas: {}\n"])
def test_a_registry_may_be_empty_or_absent(path: Path, text: str) -> None:
    assert load_registry(path).devices == []
    path.write_text(text)
    assert load_registry(path).devices == []


def test_a_profile_that_does_not_exist_is_named_with_the_device_that_asks_for_it(path: Path) -> None:
    path.write_text("devices:\n- id: a\n  profile: axioma-w1\n- id: b\n  profile: axioma-w2\n- id: c\n")
    registry = load_registry(path)
    assert fault_lines(path, unknown_profiles(registry, {"axioma-w1"})) == [
        f"{path}: devices.1.profile: there is no profile axioma-w2; did you mean axioma-w1? (line 5)"
    ]
    assert fault_lines(path, unknown_profiles(registry, {"axioma-w1", "axioma-w2"})) == []


@pytest.mark.parametrize(
    ("second", "said"),
    [
        pytest.param("id: b\n    source: Ổ 1", "source: 'Ổ 1', the source of b, is also the source of a, devices.0", id="one"),
        pytest.param("id: b\n    source: a", "source: 'a', the source of b, is also the id of a, devices.0", id="an-id"),
        pytest.param("id: .", "id: '.' is not a name: it means a folder", id="this-folder"),
        pytest.param("id: ..", "id: '..' is not a name: it means a folder", id="the-folder-above"),
    ],
)
def test_a_name_that_cannot_be_or_that_two_devices_claim_is_a_fault(path: Path, second: str, said: str) -> None:
    (fault,) = faults(path, f"devices:\n  - id: a\n    source: Ổ 1\n  - {second}\n")
    assert fault.startswith(f"devices.1.{said}")


@pytest.mark.parametrize(
    ("written", "parents"),
    [
        pytest.param("a", ("a",), id="one"),
        pytest.param("[a]", ("a",), id="a-list-of-one"),
        pytest.param("[a, m.1]", ("a", "m.1"), id="a-list"),
        pytest.param("'a,m.1'", ("a", "m.1"), id="as-typed"),
        pytest.param("' a ; '", None, id="not-with-a-semicolon"),
        pytest.param("[a, '..']", None, id="not-a-folder"),
        pytest.param("[]", None, id="not-none"),
    ],
)
def test_a_device_has_one_parent_or_several(path: Path, written: str, parents: tuple[str, ...] | None) -> None:
    path.write_text(f"devices: [{{id: a}}, {{id: m.1}}, {{id: b, parent: {written}, role: use, customers: 3}}]")
    if parents is None:
        with pytest.raises(ConfigurationFault, match=r"devices\.2\.parent"):
            load_registry(path)
        return
    device = load_registry(path).devices[2]
    assert (device.parents, device.role, device.customers) == (parents, "use", 3)
    path.write_text(write_out(load_registry(path)))
    assert load_registry(path).devices[2] == device


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        pytest.param("{id: a, parent: b}", ["devices.0.parent: b is not among the devices"], id="unknown"),
        pytest.param("{id: a, parent: a}", ["devices.0.parent: a → a: nothing flows to a device through itself"], id="itself"),
        pytest.param(
            "{id: a, parent: b}, {id: b, parent: c}, {id: c, parent: b}",
            ["devices.1.parent: b → c → b: nothing", "devices.2.parent: c → b → c: nothing"],
            id="circle",
        ),
        pytest.param(
            "{id: a}, {id: b, parent: [a, c]}, {id: c, parent: 'a, b'}",
            ["devices.1.parent: b → c → b: nothing", "devices.2.parent: c → b → c: nothing"],
            id="circle-over-the-second-of-two",
        ),
        pytest.param("{id: a}, {id: b, parent: [a, c]}", ["devices.1.parent: c is not among the devices"], id="unknown-second"),
        pytest.param(
            "{id: a, domain: water}, {id: b, domain: power, parent: a}",
            ["devices.1.parent: a measures water, b power: there is no balance of the two"],
            id="other-domain",
        ),
    ],
)
def test_a_parent_that_cannot_be_one_is_said(path: Path, devices: str, said: list[str]) -> None:
    found = faults(path, f"devices: [{devices}]")
    assert len(found) == len(said)
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True))


def test_a_parent_may_have_a_parent_and_its_id_may_be_spelled_otherwise(path: Path) -> None:
    path.write_text("devices: [{id: 24-E1-24-13-6D-00-00-01}, {id: b, parent: 24e124136d000001}, {id: c, parent: b}]")
    assert [device.parent for device in load_registry(path).devices] == [None, "24e124136d000001", "b"]


def test_the_version_is_that_of_the_text_and_a_file_that_is_not_there_has_none(path: Path) -> None:
    path.unlink(missing_ok=True)
    assert (version_of(path), text_if_there(path), version_of_text(None)) == ("", None, "")
    path.write_text("\ufeffdevices: []\n")
    assert text_if_there(path) == "devices: []\n"
    assert version_of(path) == version_of_text("devices: []\n") == hashlib.sha256(b"devices: []\n").hexdigest()[:16]
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationFault, match="is not UTF-8"):
        version_of(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationFault, match="cannot be read: Is a directory"):
        version_of(path)


def test_a_device_that_could_be_the_gateway_at_the_broker_is_named() -> None:
    registry = Registry(devices=[RegisteredDevice("m1"), RegisteredDevice("gateway-1"), RegisteredDevice("bob")])
    found = named_as_gateway(registry, Mqtt(username="bob"))
    assert [(place, what.partition(":")[0]) for place, what in found] == [
        (("devices", 1, "id"), "gateway-1 is mqtt.client_id"),
        (("devices", 2, "id"), "bob is mqtt.username"),
    ]
    assert named_as_gateway(registry, Mqtt(client_id="x")) == []
