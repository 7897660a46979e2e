"""The registry as a model: what a device may say of itself, and the published schema of the file."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

import schemas
from schemas.durations import UNITS_MS, format_duration, parse_duration
from schemas.quantities import RAISED_BY
from schemas.registry import (
    COLUMNS,
    PARAMETERS,
    RegisteredDevice,
    Registry,
    clashes,
    device_adapter,
    device_key,
    registry_adapter,
)
from tests.rows import each_row

SCHEMA = json.loads((Path(schemas.__file__).parent / "json" / "registry.json").read_bytes())
SAMPLE = Path(__file__).parents[2] / "deploy" / "devices.yaml"
EUI = "24e124136d000001"


def device(**keys: object) -> RegisteredDevice:
    found: RegisteredDevice = device_adapter.validate_python({"id": "d1", **keys})
    return found


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("24E124136D000001", id="upper-case"),
        pytest.param("24-E1-24-13-6D-00-00-01", id="label"),
        pytest.param("24:e1:24:13:6d:00:00:01", id="colons"),
        pytest.param(EUI, id="network-server"),
    ],
)
def test_an_eui_is_the_same_device_in_any_writing(written: str) -> None:
    assert device_key(written) == EUI
    registered = Registry(devices=[device(id=written)]).by_id()
    assert registered[EUI] is registered[written]


@pytest.mark.parametrize("other", ["WM-0117", "24E124136D00000", "24-E1-24-13-6D-00-00:01", "24E124136D00000G", "a" * 17])
def test_any_other_id_is_matched_exactly(other: str) -> None:
    assert device_key(other) == other


def test_twins_are_told_with_both_places() -> None:
    devices = [device(id=name) for name in ("a", EUI, "b", EUI.upper(), "A", "a")]
    assert [(before, place) for before, place, _ in clashes(devices)] == [(1, 3), (0, 5)]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("15min", 900), ("1h", 3600), ("90 s", 90), ("1d", 86400), (900, 900), (0.5, 0.5), (timedelta(minutes=2), 120)],
)
def test_an_interval_is_a_duration_or_seconds(written: object, seconds: float) -> None:
    assert device(interval=written).interval == timedelta(seconds=seconds)
    assert device(silent_after=written).silent_after == timedelta(seconds=seconds)


@each_row("written", ["15", "min", "-5min", "1 fortnight", 0, -1, True, float("nan"), float("inf"), 1e300, [], "0s"])
def test_what_is_no_interval_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        device(interval=written)


@given(st.integers(0, 10**12))
def test_a_duration_reads_back_as_written(span_ms: int) -> None:
    duration = timedelta(milliseconds=span_ms)
    assert parse_duration(format_duration(duration)) == duration


def test_a_duration_is_written_in_the_largest_unit_that_fits() -> None:
    written = [format_duration(timedelta(seconds=seconds)) for seconds in (900, 90, 3600, 86400, 0.25, 0)]
    assert written == ["15min", "90s", "1h", "1d", "250ms", "0s"]
    assert UNITS_MS["d"] == 86_400_000


@each_row(
    ("key", "value"),
    [
        pytest.param("id", "", id="no-id"),
        pytest.param("id", "a b", id="space-in-id"),
        pytest.param("id", "x" * 65, id="long-id"),
        pytest.param("id", "d1\n", id="line-feed-in-id"),
        pytest.param("site", "Hồ 1", id="site-is-a-tag"),
        pytest.param("domain", "heat", id="domain"),
        pytest.param("lat", 90.1, id="beyond-the-pole"),
        pytest.param("lon", -180.5, id="beyond-the-date-line"),
        pytest.param("lat", float("nan"), id="nan"),
        pytest.param("serial", 12074, id="serial-as-number"),
        pytest.param("installed", "14/03/2026", id="date-of-a-spreadsheet"),
        pytest.param("params", {"x": None}, id="parameter-without-value"),
        pytest.param("params", {"x": [1]}, id="parameter-list"),
        pytest.param("params", {"x": float("inf")}, id="parameter-infinite"),
        pytest.param("profile", "", id="empty-text"),
        pytest.param("colour", "red", id="unknown-key"),
    ],
)
def test_a_faulty_value_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError) as fault:
        device(**{key: value})
    assert fault.value.errors()[0]["loc"][0] == key


def test_a_device_keeps_what_it_is_given() -> None:
    full = device(site="s1", domain="water", lat=22.4, installed="2026-03-14", params={"ct_ratio": 40, "on": True, "name": "x"})
    assert full.installed == date(2026, 3, 14)
    assert full.params == {"ct_ratio": 40, "on": True, "name": "x"}
    assert isinstance(full.params["on"], bool)
    assert isinstance(full.params["ct_ratio"], int)


def test_the_parameters_that_raise_bounds_are_documented() -> None:
    assert set(RAISED_BY) <= set(PARAMETERS)
    described = SCHEMA["$defs"]["RegisteredDevice"]["properties"]["params"]["description"]
    assert all(name in described for name in PARAMETERS)


def test_the_published_schema_is_sound_and_names_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert tuple(SCHEMA["$defs"]["RegisteredDevice"]["properties"]) == COLUMNS


@pytest.mark.parametrize(
    ("document", "taken"),
    [
        pytest.param({}, True, id="empty"),
        pytest.param({"devices": [{"id": "a", "interval": 900}], "areas": {"A1": "x"}}, True, id="small"),
        pytest.param({"devices": [{"site": "s"}]}, False, id="without-id"),
        pytest.param({"devices": [{"id": "a", "serial": 12}]}, False, id="serial-as-number"),
        pytest.param({"devices": [{"id": "a", "colour": "red"}]}, False, id="unknown-key"),
        pytest.param({"device": []}, False, id="misspelt"),
    ],
)
def test_the_schema_and_the_model_agree(document: dict[str, Any], *, taken: bool) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(document) == taken
    try:
        registry_adapter.validate_python(document)
    except ValidationError:
        assert not taken
    else:
        assert taken


def test_an_editor_takes_the_sample() -> None:
    document = json.loads(json.dumps(yaml.safe_load(SAMPLE.read_text(encoding="utf-8")), default=str))
    Draft202012Validator(SCHEMA).validate(document)
