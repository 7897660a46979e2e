"""Writing the registry: people's comments stay, nothing is lost, and what is written reads back the same."""

import os
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.support.config.files import ConfigurationFault
from gateway.support.config.strict_yaml import parse
from gateway.support.private_files import replace_file
from gateway.support.registry.changes import change_of
from gateway.support.registry.edit import edit, pinned
from gateway.support.registry.registry import registry_of
from gateway.support.registry.yaml_file import scalar, write_out
from schemas.registry import RegisteredDevice, Registry
from schemas.topics import is_id
from tests.examples import examples
from tests.rows import each_row

SAMPLE = Path(__file__).parents[3] / "deploy" / "devices.yaml"

TEXTS = st.sampled_from(
    ["x", "00012074", "1e5", "no", "y", "~", "a: b", "a #b", "Phường 1", "🚰\x7f\u2028", "2026-03-14", "-", "12:30", " x "]
)
TEXTS |= st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES: st.SearchStrategy[Any] = TEXTS | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
MADE = st.builds(
    RegisteredDevice,
    id=st.from_regex(r"[A-Za-z0-9._:\-]{1,9}", fullmatch=True).filter(is_id),
    source=st.none() | TEXTS,
    model=st.none() | TEXTS,
    interval=st.none() | st.integers(1, 10**9).map(lambda span_ms: timedelta(milliseconds=span_ms)),
    silent_after=st.none() | st.integers(1, 10**9).map(lambda span_ms: timedelta(milliseconds=span_ms)),
    lat=st.none() | st.floats(-90, 90),
    installed=st.none() | st.dates(),
    params=st.dictionaries(TEXTS, VALUES, max_size=2),
)


def changed_to(text: str, place: int, **keys: Any) -> tuple[str, bool]:  # noqa: ANN401 - of any field
    """The text after one device changed and one was added; whether comments were kept."""
    registry = registry_of(parse(text))
    after = replace(registry.devices[place], **keys)
    new = RegisteredDevice(id="new", site="s9", params={"k": 1})
    devices = [*registry.devices, new]
    devices[place] = after
    edition = edit(text, change_of(registry, [new], {place: after}))
    assert registry_of(parse(edition.text)).devices == devices
    return edition.text, edition.comments_kept


def test_a_change_touches_only_its_device_and_comments_elsewhere_stay() -> None:
    before = re.sub(r"^#(  |$)", r"\1", SAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    after, kept = changed_to(before, 1, site="district-7", installed=date(2026, 9, 1))
    assert kept
    comments = [line for line in before.splitlines() if "#" in line]
    assert [line for line in after.splitlines() if "#" in line] == comments
    assert (
        "  - id: wm-0002\n    site: district-7\n    domain: water\n    area: A01\n    parent: wm-0001\n    interval: 1h\n"
        "    installed: 2026-09-01\n" in after
    )
    assert after.endswith("  - id: new\n    site: s9\n    params:\n      k: 1\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("devices: # ours\n- id: a # A\n- id: b # B\n# end\nareas: {A1: 🚰 x}\n", id="dash-at-the-margin"),
        pytest.param("areas:\n  A1: Đống Đa\ndevices: [{id: a}, {id: b}] # ours\n", id="one-line"),
        pytest.param("devices:\n  - {id: a, params: {x: 1}} # A\n  # B\n  - {id: b}\n", id="device-a-line"),
        pytest.param(
            "devices:\n-\n    # A\n    id: a\n-   id: b\n    params:\n        x: 1 # last", id="wide-without-line-end"
        ),
        pytest.param('{"devices": [{"id": "a"}, {"id": "b"}]}', id="json"),
    ],
)
def test_a_device_is_changed_where_it_stands(text: str) -> None:
    after, kept = changed_to(text, 0, lat=1.5)
    assert kept
    assert after.count("#") == text.count("#")


def test_unusual_yaml_is_written_anew_rather_than_wrong() -> None:
    after, kept = changed_to("devices:\n  - id: a # A\n    model: >\n      folded\n      text\n  - id: b\n", 0, model="x")
    assert not kept
    assert after.startswith("devices:\n  - id: a\n")


LIVED_IN = """\
# Kept by Lan.
areas:
  A1: Bản Mế  # as on the map
devices:
  # The main meter.
  - id: wm-1  # in the cellar
    site: s1
    interval: 15min  # as on the label
    params:
      pulse_weight: 10  # L
      k: 1
    # ask Binh for the key
  -   serial: "007"
      id: wm-2

  - {id: wm-3, site: s1}  # on one line
"""


@each_row(
    ("place", "keys", "gone", "new"),
    [
        pytest.param(0, {"site": "s2"}, ["    site: s1"], ["    site: s2"], id="another-value"),
        pytest.param(
            0, {"interval": timedelta(hours=1)}, ["    interval: 15min  #"], ["    interval: 1h  #"], id="its-remark-stays"
        ),
        pytest.param(0, {"interval": None}, ["    interval: 15min  # as on the label"], [], id="none-any-more"),
        pytest.param(0, {"area": "A1"}, [], ["    area: A1"], id="a-new-key"),
        pytest.param(
            0, {"params": {"k": 1, "pulse_weight": 100}}, ["pulse_weight: 10 "], ["pulse_weight: 100 "], id="a-parameter"
        ),
        pytest.param(0, {"params": {"pulse_weight": 10, "m": 2}}, ["      k: 1"], ["      m: 2"], id="parameters-come-and-go"),
        pytest.param(0, {"params": {}}, ["pulse_weight", "      k: 1", "    params:"], [], id="no-parameters-left"),
        pytest.param(1, {"lat": 22.5}, [], ["      lat: 22.5"], id="dash-far-from-its-key"),
        pytest.param(1, {"serial": "8"}, ['serial: "007"'], ['serial: "8"'], id="behind-the-dash"),
        pytest.param(2, {"site": None}, ["{id: wm-3, site: s1}"], ["{id: wm-3}"], id="on-one-line"),
    ],
)
def test_only_the_lines_of_changed_keys_differ(place: int, keys: dict[str, Any], gone: list[str], new: list[str]) -> None:
    text = LIVED_IN
    registry = registry_of(parse(text))
    edition = edit(text, change_of(registry, changed={place: replace(registry.devices[place], **keys)}))
    assert edition.comments_kept
    before, after = set(text.splitlines()), set(edition.text.splitlines())
    assert sorted(before - after) == sorted(line for line in before for part in gone if part in line)
    assert sorted(after - before) == sorted(line for line in after for part in new if part in line)


def test_devices_come_and_go_between_comments_that_stay() -> None:
    text = f"{LIVED_IN}# the end\n"
    registry = registry_of(parse(text))
    edition = edit(text, change_of(registry, [RegisteredDevice("new")], retired=[0, 1]))
    assert registry_of(parse(edition.text)).devices == [registry.devices[2], RegisteredDevice("new")]
    assert edition.text.startswith(text.partition("  - id")[0])
    assert edition.text.endswith(
        "    # ask Binh for the key\n\n  - {id: wm-3, site: s1}  # on one line\n  - id: new\n# the end\n"
    )


@pytest.mark.parametrize("text", ["", "devices: []\n", "# ours\ndevices: # none yet\nareas:\n  A1: x\n", "# ours\ndevices:"])
def test_a_registry_without_devices_takes_its_first_one(text: str) -> None:
    registry = registry_of(parse(text))
    new = RegisteredDevice(id="new")
    edition = edit(text, change_of(registry, [new]))
    assert registry_of(parse(edition.text)) == replace(registry, devices=[new])
    assert edition.comments_kept == (text != "devices: []\n")
    assert edition.text.count("#") == text.count("#")


@settings(max_examples=examples(300))
@given(st.lists(MADE, max_size=3), st.dictionaries(st.sampled_from(["A1", "00029", "no", "1"]), TEXTS, max_size=3))
def test_whatever_is_registered_reads_back_the_same(devices: list[RegisteredDevice], areas: dict[str, str]) -> None:
    registry = Registry(areas=areas, devices=devices)
    assert registry_of(parse(write_out(registry))) == registry


@each_row("text", ["00012074", "12", "1e5", "no", "Y", "null", "2026-03-14", "0x1F", "1_000", "", "-", "a: b", "a #b"])
def test_text_that_another_reader_could_take_for_something_else_is_quoted(text: str) -> None:
    assert scalar(text)[0] == '"'
    assert yaml.safe_load(scalar(text)) == text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_replaced_at_once_and_the_old_one_stays_beside_it(tmp_path: Path) -> None:
    path, link = tmp_path / "devices.yaml", tmp_path / "link.yaml"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    backup = replace_file(link, "mới")
    assert backup == tmp_path / "devices.yaml.bak"
    assert (path.read_text(encoding="utf-8"), backup.read_text()) == ("mới", "old")
    assert (path.stat().st_mode & 0o777, link.is_symlink()) == (0o640, True)
    assert names(tmp_path) == ["devices.yaml", "devices.yaml.bak", "link.yaml"]


def test_a_new_file_has_no_old_one(tmp_path: Path) -> None:
    assert replace_file(tmp_path / "devices.yaml", "new") is None
    assert names(tmp_path) == ["devices.yaml"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, "new")
    assert (path.read_text(), names(tmp_path)) == ("old", ["devices.yaml"])


TEXT = """\
gateways: [gateway-1, gateway-2] # two machines
shares:
  # the north
  - {site: ward-1, weight: 1200}   # large
  - {site: ward-9, gateway: gateway-2}
  - site: ward-3
    domain: water  # the rest is not ours

  - {group: xa-tan-an}
"""


@pytest.mark.parametrize(
    ("number", "before", "after"),
    [
        (0, "{site: ward-1, weight: 1200}", "{site: ward-1, weight: 1200, gateway: gateway-1}"),
        (1, "{site: ward-9, gateway: gateway-2}", "{site: ward-9, gateway: gateway-1}"),
        (2, "    domain: water  # the rest", "    domain: water\n    gateway: gateway-1  # the rest"),
        (3, "{group: xa-tan-an}", "{group: xa-tan-an, gateway: gateway-1}"),
    ],
)
def test_the_gateway_of_a_share_is_written_beside_it(number: int, before: str, after: str) -> None:
    assert pinned(TEXT, number, "gateway-1") == TEXT.replace(before, after)


def test_a_text_without_a_list_is_left_to_people() -> None:
    with pytest.raises(ConfigurationFault, match="write the gateway of the share by hand"):
        pinned("shares: {}", 0, "gateway-1")


ITEM = "devices:\n  - id: a\n    params: {k: 1}\n    model: acme\n    serial: |\n      7\n      8\n  - site: s1\n    id: b\n"


@pytest.mark.parametrize(
    ("place", "keys", "wanted"),
    [
        pytest.param(0, {"params": {"k": 2, "m": 1}}, "    params: {k: 2, m: 1}\n", id="in-braces"),
        pytest.param(0, {"params": {}}, "  - id: a\n    model: acme\n", id="braces-go"),
        pytest.param(1, {"site": None}, "  - id: b\n", id="behind-the-dash"),
        pytest.param(1, {"params": {"a b": "x y"}}, "    params:\n      a b: x y\n", id="parameters-come"),
        pytest.param(1, {"lat": 1e-7, "lon": 105.0}, "    lat: 1.0e-07\n    lon: 105.0\n", id="numbers"),
    ],
)
def test_a_key_is_changed_however_it_is_written(place: int, keys: dict[str, Any], wanted: str) -> None:
    registry = registry_of(parse(ITEM))
    edition = edit(ITEM, change_of(registry, changed={place: replace(registry.devices[place], **keys)}))
    assert edition.comments_kept
    assert wanted in edition.text
    assert registry_of(parse(edition.text)).devices[place] == replace(registry.devices[place], **keys)


def test_a_value_of_several_lines_makes_a_new_text() -> None:
    registry = registry_of(parse(ITEM))
    edition = edit(ITEM, change_of(registry, changed={0: replace(registry.devices[0], serial="9")}))
    assert not edition.comments_kept
    assert registry_of(parse(edition.text)).devices == [replace(registry.devices[0], serial="9"), registry.devices[1]]


@pytest.mark.parametrize("end", ["", "\n", "\n\n# the end", "\n  # of the list\n"])
def test_a_new_device_stands_below_the_last_whatever_the_end_of_the_text_is(end: str) -> None:
    text = f"devices:\n  - id: a\n    site: s1{end}"
    registry = registry_of(parse(text))
    changed = {0: replace(registry.devices[0], area=None, model="acme", site="s2")}
    edition = edit(text, change_of(registry, [RegisteredDevice("b", serial="x")], changed))
    assert edition.comments_kept
    assert edition.text.startswith("devices:\n  - id: a\n    site: s2\n    model: acme\n  - id: b\n    serial: x\n")
    assert edition.text.rstrip("\n").endswith(end.strip("\n"))


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param("devices: [{id: a}, {id: c}]\n", "devices: [{id: a, site: s1}, {id: c},\n  {id: b}]\n", id="in-brackets"),
        pytest.param('{"devices": [{"id": "a"}]}', '{"devices": [{id: a, site: s1},\n  {id: b}]}', id="json"),
    ],
)
def test_a_list_in_brackets_is_changed_in_place(text: str, after: str) -> None:
    registry = registry_of(parse(text))
    change = change_of(registry, [RegisteredDevice("b")], {0: replace(registry.devices[0], site="s1")})
    assert edit(text, change).text == after


def test_a_device_out_of_a_list_in_brackets_makes_a_new_text() -> None:
    text = "# ours\ndevices: [{id: a}, {id: b}]\nareas: {A1: x}\n"
    edition = edit(text, change_of(registry_of(parse(text)), retired=[0]))
    assert (edition.text, edition.comments_kept) == ("areas:\n  A1: x\n\ndevices:\n  - id: b\n", False)
    assert edit("", change_of(Registry(areas={"A": "yes"}))).text == 'areas:\n  A: "yes"\n\ndevices: []\n'
