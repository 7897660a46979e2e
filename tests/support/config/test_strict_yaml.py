"""YAML for people's files: what is refused, and that the fast reader of plain files reads what the full one reads."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.support.config import plain_yaml
from gateway.support.config.files import ConfigurationFault, read_yaml
from gateway.support.config.plain_yaml import TOGETHER, read
from gateway.support.config.strict_yaml import lines_of, parse
from gateway.support.config.yaml_words import YamlFault
from tests.examples import examples
from tests.rows import each_row


@each_row(
    ("text", "line", "what"),
    [
        pytest.param("a: 1\nb: 00012074", 2, 'quote it: "00012074"', id="serial-that-is-octal"),
        pytest.param("00029: Phường Ba Đình", 1, 'quote it: "00029"', id="code-with-a-leading-zero"),
        pytest.param("a: [1, -007.5]", 1, 'quote it: "-007.5"', id="fraction-with-a-leading-zero"),
        pytest.param("\n\nat: 18:30", 3, 'quote it: "18:30"', id="time-of-day"),
        pytest.param("mac: 10:20:30:40:50:51", 1, "quote it", id="mac-address"),
        pytest.param("a: 1\nb: 2\na: 3", 3, "the key 'a' occurs twice", id="key-twice"),
        pytest.param("a: &x [1]\nb: *x", 2, "an alias", id="alias"),
        pytest.param("a: !!python/name:os.system x", 1, "the tag", id="tag"),
        pytest.param("a: !!set {x}", 1, "the tag", id="collection-tag"),
        pytest.param("? [a]\n: b", 1, "a key is one word", id="list-as-key"),
        pytest.param("a: 2026-02-30", 1, "'2026-02-30' is not a valid timestamp", id="no-such-day"),
        pytest.param(f"a: {'9' * 5000}", 1, "is not a valid int", id="number-without-end"),
        pytest.param("[" * 100, 1, "more than 64 levels deep", id="too-deep"),
        pytest.param("a: 1\n---\nb: 2", 2, "a second document", id="two-documents"),
        pytest.param("a: {b: c", 2, "did not find expected", id="brace-not-closed"),
        pytest.param("a: 1\nb: \x01", 2, "control characters", id="control-character"),
        pytest.param("a: 1\nb: \ud800", 2, "surrogates", id="half-a-character"),
        pytest.param('{"a": 1, "a": 2}', 1, "the key 'a' occurs twice", id="json-key-twice"),
        pytest.param('{"a": 007}', 1, "quote it", id="json-leading-zero"),
    ],
)
def test_what_people_get_wrong_unseen_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    for reader in (parse, read):
        with pytest.raises(YamlFault) as fault:
            reader(text)
        assert str(fault.value).startswith(f"line {line}: ")
        assert what in str(fault.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="empty"),
        pytest.param("# nothing\n", None, id="comment"),
        pytest.param("a: '00012074'", {"a": "00012074"}, id="quoted"),
        pytest.param("a: 0x1F\nb: 0\nc: 0.5\nd: -3", {"a": 31, "b": 0, "c": 0.5, "d": -3}, id="numbers"),
        pytest.param("zone: +07:00", {"zone": "+07:00"}, id="zone-is-text-in-yaml"),
        pytest.param("a: !!str 12", {"a": "12"}, id="explicit-text"),
        pytest.param('{"a": "\\ud83d\\ude97"}', {"a": "🚗"}, id="json-escapes"),
    ],
)
def test_what_is_right_is_read(text: str, value: object) -> None:
    assert read(text) == value


def test_a_place_is_found_again_in_the_text() -> None:
    text = "areas: {A1: x}\ndevices:\n  - id: a\n\n  - id: b\n    params:\n      x: 1\n"
    places: list[tuple[int | str, ...]] = [
        (),
        ("areas", "A1"),
        ("devices", 1),
        ("devices", 1, "params", "x"),
        ("devices", 0, "lat"),
    ]
    assert lines_of(text, places) == [1, 1, 5, 7, 3]


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_bytes("a: Phường".encode("utf-16"))
    with pytest.raises(ConfigurationFault, match=r"devices\.yaml: document: is not UTF-8"):
        read_yaml(tmp_path / "devices.yaml")


# The fast reader.

KEYS = ["a", "b", "id", "k.1", "c-d", "on", "null"]
SCALARS = st.one_of(
    st.sampled_from(
        ["wm-0117", "Phường Trung Tâm", "00012074", "15min", "a: b", "no", "2026-03-14", "", " x ", "it's", 'a "b"', "x\ny"]
    ),
    st.floats(-90, 90).map(lambda number: round(number, 5)),
    st.integers(-1000, 10**12),
    st.booleans(),
    st.none(),
)
DEVICES = st.lists(
    st.dictionaries(st.sampled_from(KEYS), SCALARS | st.dictionaries(st.sampled_from(KEYS), SCALARS, max_size=2)), max_size=4
)
ENDS = ["", " ", " # c", "#c", "\t", " x", ": x", " y\n", "\n  z: 1", "\n", ",", "\n- x", "\n  - {a: 1}", "\n    z: 1"]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A file as libraries write it, with lines moved, shortened or lengthened."""
    document = {"areas": {"A1": "x"}, "devices": draw(DEVICES)}
    text = yaml.safe_dump(document, default_flow_style=draw(st.sampled_from([False, None])), allow_unicode=True)
    lines = text.splitlines()
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = draw(
            st.sampled_from(
                [f" {lines[at]}", f"  {lines[at]}", lines[at][1:], lines[at][2:], lines[at].partition(":")[0] + ":", ""]
            )
            | st.sampled_from(ENDS).map(lines[at].__add__)
        )
    return "\n".join(lines)


@settings(max_examples=examples(1500))
@given(spoilt())
def test_whatever_the_fast_reader_takes_the_full_one_reads_the_same(text: str) -> None:
    try:
        fast = plain_yaml._DocumentBuilder().read(text)  # noqa: SLF001 - without its way out, the full reader
    except (plain_yaml._NotPlain, YamlFault):  # noqa: SLF001
        return
    assert repr(fast) == repr(parse(text))


@settings(max_examples=examples(200))
@given(DEVICES, st.sampled_from([False, True, None]), st.integers(2, 6), st.booleans())
def test_what_a_yaml_library_wrote_is_read_back(devices: list[Any], flow: bool | None, indent: int, as_json: bool) -> None:  # noqa: FBT001
    document = {"devices": devices, "areas": {"A1": "x"}}
    text = (
        json.dumps(document)
        if as_json
        else yaml.safe_dump(document, default_flow_style=flow, indent=indent, allow_unicode=True)
    )
    assert read(text) == document


@pytest.mark.parametrize("flow", [pytest.param(False, id="block"), pytest.param(None, id="parameters-in-braces")])
@pytest.mark.parametrize("full", [True, False])
def test_a_registry_as_it_is_usually_written_needs_no_full_reader(
    monkeypatch: pytest.MonkeyPatch, *, full: bool, flow: bool | None
) -> None:
    """The start of a gateway with 10,000 devices lives by this; how long it takes is measured in the bench."""
    device: dict[str, Any] = {"id": "wm-0117", "site": "s1", "domain": "water", "area": "A1"}
    if full:
        rest = {
            "model": "Flow meter (DN200), type 3",
            "serial": "00012074",
            "interval": "15min",
            "silent_after": "2h",
            "lat": 22.5,
            "lon": -1,
        }
        device |= rest | {"installed": "2026-03-14", "params": {"ct_ratio": 40}}
    document = {"areas": {"A1": "Phường Trung Tâm"}, "devices": [device, deepcopy(device) | {"id": "b"}]}
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=1000)
    hand_made = f"# ours\n{text.replace('devices:', 'devices: # all')}\n  # end\n"

    def parsed(_: str) -> None:
        raise AssertionError

    monkeypatch.setattr("gateway.support.config.strict_yaml.parse", parsed)
    assert read(text) == read(hand_made) == read(json.dumps(document)) == document


@pytest.mark.parametrize(
    "text", [f"a: {{{'b: 1, ' * 50_000}}}", "a: " + "x " * 100_000 + "\x01", f"- {{{'{' * 50_000}", "{" * 100_000]
)
def test_a_long_hostile_line_takes_no_time(text: str) -> None:
    with pytest.raises(YamlFault):
        read(text)


def test_the_items_of_a_long_list_are_settled_while_it_is_read() -> None:
    def settle(items: list[Any]) -> None:
        items[-TOGETHER:] = [item["id"] for item in items[-TOGETHER:]]

    items: list[dict[str, Any]] = [{"id": f"d{number}", "params": {"x": number}} for number in range(2 * TOGETHER + 1)]
    text = "devices:\n" + "".join(f"- id: {item['id']}\n  params:\n    x: {item['params']['x']}\n" for item in items)
    assert read(text, settle) == {"devices": [*(item["id"] for item in items[:-1]), items[-1]]}
