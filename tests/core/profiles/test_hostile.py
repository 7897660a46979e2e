"""Anything as a message, and anything as a profile: what is documented comes out, and nothing else is raised."""

import copy
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.core.message import Undecodable
from gateway.core.profiles.language.profile import CompiledProfile, ProfileFaults, compile_profile
from gateway.core.profiles.language.texts import may_name_a_device
from gateway.core.profiles.mapped import MappedReading
from schemas.profile import Profile
from schemas.quantities import HEALTH, QUANTITIES, Kind
from schemas.topics import is_name
from tests.core.profiling import compiled, context
from tests.examples import examples

EVERYTHING = """
match: {topic: "t/{device}/{n}", when: {/a: [number, list, map, absent, "x*"], any_present: [/a, /b, "/c[*]"]}}
root: {first_of: [/root, /]}
device: {first_of: [/d, /a], strip: true, regex: "[a-z0-9]+", lower: true}
site: {join: [/a, {topic: n}], by: "-"}
seq: /a
tags: {lane: /b, vehicle_class: /a}
dedup: {key: [/a, /b], window: 1min}
historic: {/b: {mask: 4}}
ignore: [empty, {/a: "ignore*"}]
time:
  - {path: /a, format: auto, zone: "+07:00"}
  - {path: /b, format: unix_s, minus: /c, max_past: 400d}
  - {path: /b, format: "%d.%m.%Y", zone: UTC}
  - {parts: {year: /a, month: /b, day: "/c[0]"}, zone: UTC}
  - {parts: {hour: /a, minute: /b}, zone: "+07:00"}
  - {path: /a, format: "%H%M", zone: "+07:00"}
points:
  - measurement: power
    fields:
      energy_import_kwh: {path: /a, sentinels: [0, "x"], scale: /b, unit: {path: /u}, counter: {max_rate: 1/h}}
      voltage_l1_v:
        {sum: [/a, "/c[*]", 1], scale: 0.1, offset: 3, sentinels_after: [5], table: [[0, 0], [9, 400]], abs: true, round: 1}
      voltage_l2_v: {path: /a, bits: [2, 8], enum: {1: 2, 3: 4, "*": null}}
      voltage_l3_v: {mul: ["/c[*]", /a], pow10: /b}
      power_factor: {sub: [/a, /b]}
      current_l1_a: {div: [/a, "/c[*]"], none: [0, x]}
      current_l2_a: {path: /a, regex: "([0-9.]+)", none: [1], sentinels: ["1.5"], when: {/b: present}}
      current_l3_a: {between: [/a, {path: /b, format: unix_s}]}
      current_n_a: {between: [{path: /a, format: "%H%M"}, {path: /b, format: "%M%H"}]}
      relay_on: {path: /a, mask: 3, is: 1}
      alarm_outage: {path: /c, is: [1, x, true]}
      alarm_tamper: {path: /b, word: x}
  - measurement: power
    each: {of: /c, running: {start: /a, sign: -1}}
    time: [{base: /a, step: /b, first: 1, sign: -1, format: unix_s, else: skip}]
    tags: {channel: {key: true}}
    fields: {energy_import_kwh: {item: true, unit: W.h}, active_power_w: {sibling: /b}}
  - measurement: water
    each: {of: {x: /a, y: /b}, by: x, value: y, when: {x: present}}
    device: {path: x}
    map:
      "{p}/v": {field: ph, tags: {channel: "{p}"}}
      "a{n:1|2}": pressure_kpa
      "*": {field: turbidity_ntu, scale: {path: "/c[?a==1]/b", default: 2}}
  - measurement: traffic
    fields: {vehicle_count: /a, interval_s: {param: interval_s, default: /b}}
"""

PROFILES = [
    pytest.param(compiled(EVERYTHING.replace("default: /b", "default: 60")), id="everything"),
    pytest.param(
        compiled("decode: senml_json\npoints: [{measurement: water, each: {of: /, by: n, value: v}, map: {a: ph}}]"), id="senml"
    ),
    pytest.param(
        compiled("decode: obis\ntime: /a\npoints: [{measurement: power, fields: {active_power_w: /a, relay_on: /b}}]"),
        id="obis",
    ),
    pytest.param(
        compiled(
            "match: {envelope: lorawan}\nstruct: [{name: a, at: 0, type: u8}, {name: l, at: 1, count: a, "
            "repeat: [{name: b, at: 0, type: u8}]}]\n"
            "points: [{measurement: water, fields: {ph: /struct/a}}]"
        ),
        id="struct",
    ),
]

numbers = (
    st.none() | st.booleans() | st.integers() | st.integers(0, 3) | st.floats() | st.sampled_from([10**400, -(10**30), 1.7e308])
)
texts = st.text(max_size=8) | st.sampled_from(
    ["1", "0x1F", "1,5", "x", "a1", "a/v", "2026-09-03T00:00:00Z", "kWh", "1788393600"]
)
leaves = numbers | texts | st.binary(max_size=4)
keys = st.sampled_from(
    ["a", "b", "c", "d", "u", "root", "x", "y", "value", "unit", "time", "n", "v", "t", "t_rel", "payload"]
) | st.text(max_size=2)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=6), max_leaves=25
)
field_sets = (
    st.fixed_dictionaries({}, optional=dict.fromkeys(("a", "b", "c", "d", "u", "payload", "root"), documents)) | documents
)


def assert_canonical(point: MappedReading) -> None:
    quantities = QUANTITIES[point.measurement] | QUANTITIES[HEALTH]
    for field, value in point.values.items():
        if quantities[field].kind is Kind.STATE:
            assert type(value) is bool
        else:
            assert type(value) is float
            assert quantities[field].minimum <= value <= quantities[field].maximum
    assert all(is_name(text) for _, text in point.tags)
    assert point.time_ms is None or isinstance(point.time_ms, int)
    assert point.device is None or may_name_a_device(point.device)


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=examples(300))
@given(document=field_sets)
def test_any_document_becomes_canonical_points_or_is_undecodable(profile: CompiledProfile, document: Any) -> None:  # noqa: ANN401
    captures = {"device": "d", "n": "n"}
    try:
        prepared = profile.prepare(document)
        profile.holds(prepared, captures)
        profile.ignores(prepared, captures)
        seen = context(prepared, captures=captures, params={"interval_s": 60})
        hash(profile.dedup_key(seen))
        profile.site(seen)
        profile.explain(seen)
        for point in profile.map(seen):
            assert_canonical(point)
    except Undecodable:
        return


@settings(max_examples=examples(300))
@given(
    payload=st.binary(max_size=64),
    decode=st.sampled_from(["json", "json_lenient", "csv", "hex", "base64", "bytes", "obis", "cbor"]),
)
def test_any_payload_is_read_or_undecodable(payload: bytes, decode: str) -> None:
    profile = compiled(f"decode: {decode}\npoints: [{{measurement: water, fields: {{ph: /a}}}}]")
    try:
        profile.map(context(profile.prepare(profile.read(payload))))
    except Undecodable:
        return


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """The way to every part of a document."""
    yield way
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*way, key))


WRITTEN = {"profile": "p", **yaml.safe_load(EVERYTHING)}
PLACES = [way for way in places(WRITTEN) if way]
junk = st.recursive(
    leaves
    | st.sampled_from(["/", "/~", "/a[?x]", "a*", "(", "(a+)+", "{p}", "u32", "12:00", "+25:00", "arrival", "skip", "%Q"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys | st.sampled_from(["path", "is", "enum"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(1000))
@given(way=st.sampled_from(PLACES), put=junk)
def test_a_profile_with_anything_anywhere_compiles_or_tells_its_faults(way: tuple[Any, ...], put: Any) -> None:  # noqa: ANN401
    document = copy.deepcopy(WRITTEN)
    *above, last = way
    at: Any = document
    for key in above:
        at = at[key]
    at[last] = put
    try:
        profile = compile_profile(Profile.model_validate(document), file="p.yaml")
    except (ValidationError, ProfileFaults):
        return
    try:
        for point in profile.map(context({"a": 1, "b": [1, 2], "c": {"a": 3}}, captures={"device": "d", "n": "n"})):
            assert_canonical(point)
    except Undecodable:
        return


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"a": 1, "b": 2, "c": [1] * 100_000}, id="a-long-list"),
        pytest.param(
            {"a": [{"a": 1}] * 50_000, "b": [{"b": 1}] * 50_000, "c": [{"a": 2}] * 50_000}, id="long-lists-side-by-side"
        ),
        pytest.param({"a": "9" * 200_000, "b": "x " * 100_000, "c": 1}, id="long-texts"),
        pytest.param({"a": 1, "c": {str(at): {"a": at} for at in range(50_000)}}, id="a-large-map"),
        pytest.param({"a": 2**60, "c": [2**60] * 50_000}, id="a-product-of-large-numbers"),
    ],
)
def test_a_large_document_takes_no_more_than_its_size(document: object) -> None:
    """Each of these would take minutes if anything were done for each item with each other item."""
    profile = compiled(EVERYTHING.replace("default: /b", "default: 60"))
    before = time.process_time()
    with suppress(Undecodable):
        profile.map(context(document, captures={"device": "d", "n": "n"}))
    assert time.process_time() - before < 3
