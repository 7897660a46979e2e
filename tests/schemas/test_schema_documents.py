"""The published documents: valid by their own rules, and saying what the gateway does."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

import schemas
from schemas.documents import STATUS, WILL, documents
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, REQUIRES, Kind, Quantity
from schemas.readings import ARRAY_MAX, ENVELOPE_KEYS, native_adapter
from schemas.topics import NAME_PATTERN, parse_topic
from tests.examples import examples
from tests.rows import each_row

PACKAGE = Path(schemas.__file__).parent
EXAMPLES = sorted((PACKAGE / "examples").glob("*.json"))
BY_NAME = [pytest.param(path, id=path.stem) for path in EXAMPLES]


@cache
def schema(topic: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((PACKAGE / "json" / f"{topic}.json").read_bytes())


@cache
def asyncapi() -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load((PACKAGE / "asyncapi.yaml").read_bytes())


def is_published(topic: str, payload: object) -> bool:
    """Tell if the published schema accepts ``payload``."""
    return Draft202012Validator(schema(topic)).is_valid(payload)


def is_strictly_valid(domain: str, reading: object) -> bool:
    try:
        native_adapter(domain).validator.validate_json(json.dumps(reading))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("topic", [*DOMAINS, STATUS])
def test_a_published_schema_is_json_schema_2020_12(topic: str) -> None:
    assert schema(topic)["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema(topic))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_quantity_is_published_with_meaning_unit_kind_and_bounds(domain: str) -> None:
    properties = schema(domain)["$defs"]["reading"]["properties"]
    quantities = QUANTITIES[domain] | QUANTITIES[HEALTH]
    assert list(properties) == [*ENVELOPE_KEYS, *quantities]
    for field, quantity in quantities.items():
        about = properties[field]
        assert (about["description"], about["x-kind"]) == (quantity.meaning, quantity.kind)
        if quantity.kind is Kind.STATE:
            assert about["type"] == "boolean"
        else:
            assert about["type"] == "number"
            assert (about["minimum"], about["maximum"], about["x-unit"]) == (quantity.minimum, quantity.maximum, quantity.unit)


@each_row("path", BY_NAME)
def test_an_example_is_valid_and_shown_where_it_belongs(path: Path) -> None:
    topic = path.stem.partition("-")[0]
    payload = json.loads(path.read_bytes())
    Draft202012Validator(schema(topic)).validate(payload)
    assert payload in schema(topic)["examples"]
    assert {"name": path.stem, "payload": payload} in asyncapi()["components"]["messages"][topic]["examples"]


@each_row("path", [param for param in BY_NAME if not str(param.id).startswith(STATUS)])
def test_an_example_is_taken_by_the_strict_validator_at_once(path: Path) -> None:
    payload = json.loads(path.read_bytes())
    for reading in payload if isinstance(payload, list) else [payload]:
        native_adapter(path.stem.partition("-")[0]).validator.validate_json(json.dumps(reading))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_has_examples(domain: str) -> None:
    assert len([path for path in EXAMPLES if path.stem.startswith(f"{domain}-")]) >= 2


@each_row(
    ("topic", "payload", "taken"),
    [
        pytest.param("water", [{"ph": 7}] * ARRAY_MAX, True, id="longest-array"),
        pytest.param("water", [{"ph": 7}] * (ARRAY_MAX + 1), False, id="array-too-long"),
        pytest.param("water", [], False, id="empty-array"),
        pytest.param("water", [[{"ph": 7}]], False, id="array-in-array"),
        pytest.param("water", "online", False, id="text"),
        pytest.param("water", {}, False, id="empty-object"),
        pytest.param("water", {"ts": 1793491200, "seq": 3}, False, id="no-quantity"),
        pytest.param("water", {"ph": 7, "colour": "red"}, True, id="unknown-key-beside"),
        pytest.param("water", {"ph": "7"}, False, id="number-as-text-is-not-canonical"),
        pytest.param("water", {"battery_pct": 88}, True, id="health-alone"),
        pytest.param("traffic", {"vehicle_count": 3, "interval_s": 60}, True, id="count-with-interval"),
        pytest.param("traffic", {"vehicle_count": 3}, False, id="count-without-interval"),
        pytest.param("urban", {"people_in": 3, "interval_s": 60}, True, id="people-with-interval"),
        pytest.param("urban", {"people_in": 3}, False, id="people-without-interval"),
        pytest.param("status", {"state": "online", "firmware": "1"}, True, id="status-with-more"),
        pytest.param("status", {"state": "asleep"}, False, id="status-unknown"),
        pytest.param("status", {}, False, id="status-missing"),
        pytest.param("status", json.loads(WILL), True, id="the-will"),
    ],
)
def test_the_schema_draws_the_line_where_the_contract_does(topic: str, payload: object, *, taken: bool) -> None:
    assert is_published(topic, payload) == taken


def canonical(quantity: Quantity) -> st.SearchStrategy[Any]:
    return st.booleans() if quantity.kind is Kind.STATE else st.floats(quantity.minimum, quantity.maximum)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)


@pytest.mark.parametrize("domain", DOMAINS)
@settings(max_examples=examples(25))
@given(data=st.data())
def test_whatever_stands_within_the_table_is_taken_by_schema_and_validator(domain: str, data: st.DataObject) -> None:
    rows = (QUANTITIES[domain] | QUANTITIES[HEALTH]).values()
    quantities = data.draw(st.lists(st.sampled_from(sorted(rows, key=lambda row: row.field)), min_size=1, max_size=6))
    reading = {row.field: data.draw(canonical(row), label=row.field) for row in quantities}
    needed = {REQUIRES[field]: 60 for field in reading if field in REQUIRES}
    assert is_published(domain, needed | reading)
    assert is_strictly_valid(domain, needed | reading)


def is_read_otherwise(value: object) -> bool:
    """JSON Schema takes 17.0 for an integer and, in Python, a line feed behind the end of a pattern."""
    return value.is_integer() if isinstance(value, float) else isinstance(value, str) and value.endswith("\n")


@pytest.mark.parametrize("domain", DOMAINS)
@settings(max_examples=examples(60))
@given(data=st.data())
def test_schema_and_validator_agree_on_any_value_of_any_key(domain: str, data: st.DataObject) -> None:
    keys = [*ENVELOPE_KEYS, *QUANTITIES[domain], *QUANTITIES[HEALTH]]
    reading = data.draw(st.dictionaries(st.sampled_from(keys), SCALARS, max_size=2))
    assume(not any(is_read_otherwise(reading[key]) for key in ENVELOPE_KEYS.keys() & reading.keys()))
    complete = bool(reading.keys() - ENVELOPE_KEYS.keys())
    complete &= all(REQUIRES[field] in reading for field in reading.keys() & REQUIRES.keys())
    assert is_published(domain, reading) == (complete and is_strictly_valid(domain, reading))


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(reference: str) -> Any:  # noqa: ANN401 - a part of a document
    """Resolve ``reference`` of the AsyncAPI document; KeyError or FileNotFoundError if it points at nothing."""
    if not reference.startswith("#/"):
        return json.loads((PACKAGE / reference).read_bytes())
    node = asyncapi()
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return resolved(node["$ref"]) if "$ref" in node else node


def test_every_reference_of_the_asyncapi_document_points_at_something() -> None:
    found = set(references(asyncapi()))
    assert found >= {f"./json/{topic}.json" for topic in (*DOMAINS, STATUS)}
    for reference in found:
        assert resolved(reference), reference


@pytest.mark.parametrize("name", ["readings", "status"])
def test_a_channel_defines_the_parameters_in_its_address(name: str) -> None:
    channel = asyncapi()["channels"][name]
    assert set(re.findall(r"{(\w+)}", channel["address"])) == channel["parameters"].keys()
    parameters = {key: resolved(parameter["$ref"]) for key, parameter in channel["parameters"].items()}
    assert parameters["domain"]["enum"] == list(DOMAINS)
    for key in ("site", "device"):
        assert parameters[key]["x-pattern"] == f"^{NAME_PATTERN}$"
        assert all(re.fullmatch(NAME_PATTERN, example) for example in parameters[key]["examples"])
    topic = parse_topic(channel["address"].format(site="s", domain="water", device="d"))
    assert topic is not None
    assert topic.channel == name


def test_the_gateway_receives_every_message_of_every_channel() -> None:
    received = {}
    for operation in asyncapi()["operations"].values():
        assert operation["action"] == "receive"
        channel = operation["channel"]["$ref"]
        received[channel] = [message["$ref"].removeprefix(f"{channel}/messages/") for message in operation["messages"]]
        assert received[channel] == list(resolved(channel)["messages"])
    assert received == {"#/channels/readings": list(DOMAINS), "#/channels/status": [STATUS]}


def test_readings_are_not_retained_and_the_will_is_the_retained_offline_of_the_status_topic() -> None:
    document = asyncapi()
    bindings = {name: operation["bindings"]["mqtt"] for name, operation in document["operations"].items()}
    assert (bindings["receiveReadings"]["qos"], bindings["receiveReadings"]["retain"]) == (1, False)
    assert bindings["receiveStatus"]["retain"] is True
    will = document["servers"]["broker"]["bindings"]["mqtt"]["lastWill"]
    assert (will["topic"], will["retain"]) == (document["channels"]["status"]["address"], True)
    assert json.loads(will["message"]) == {"state": "offline"}


def test_the_documents_do_not_depend_on_the_order_of_the_examples() -> None:
    payloads = {path.stem: json.loads(path.read_bytes()) for path in EXAMPLES}
    assert documents(payloads) == documents(dict(reversed(payloads.items())))


def test_every_document_ends_with_one_line_feed_and_has_none_of_pydantics_titles() -> None:
    for name, text in documents({}).items():
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name
        assert '"title": "Ts"' not in text, name


def test_an_example_of_no_known_topic_is_named() -> None:
    with pytest.raises(ValueError, match=r"example wather-tank: .* water, power, traffic, urban, status and a dash"):
        documents({"wather-tank": {"ph": 7}})
