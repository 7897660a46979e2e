"""The strict validators: they take what needs no thought, and nothing else.

There are two, and they agree on everything: what the gateway decodes with, and the JSON schema that makers of devices have.
"""

import json
import math

import pytest
from pydantic import ValidationError

from gateway.core.readings.native import NativeDecoder
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, VEHICLE_CLASSES, Kind, Quantity
from schemas.readings import SEQ_MAX, native_adapter
from tests.rows import each_row

EACH_DOMAIN = pytest.mark.parametrize("domain", DOMAINS)

NOT_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "true", '"12.3"', "null", "[1]", "{}"]
NOT_STATES = ["0", "1", "1.0", '"on"', '"true"', "null", "[]"]


def reading(domain: str, key: str, text: str) -> object:
    """The value of ``key`` as the validators of ``domain`` hand it on, from its JSON text; None: they refuse it."""
    payload = f'{{"{key}": {text}}}'.encode()
    try:
        taken = native_adapter(domain).validator.validate_json(payload)
    except ValidationError:
        taken = None
    decoded = NativeDecoder(domain).decode_plain(payload)
    quick = decoded[0] if decoded is not None else None
    assert quick == taken, payload
    if quick is None or taken is None:
        return None
    assert type(quick[key]) is type(taken[key]), payload
    return quick[key]


def is_refused(domain: str, key: str, text: str) -> bool:
    return reading(domain, key, text) is None


def numbers(domain: str) -> list[Quantity]:
    return [quantity for quantity in (QUANTITIES[domain] | QUANTITIES[HEALTH]).values() if quantity.kind is not Kind.STATE]


@EACH_DOMAIN
def test_a_bound_belongs_to_what_is_taken_and_the_next_float_does_not(domain: str) -> None:
    for quantity in numbers(domain):
        for bound, outwards in ((quantity.minimum, -math.inf), (quantity.maximum, math.inf)):
            taken = reading(domain, quantity.field, json.dumps(bound))
            assert (type(taken), taken) == (float, bound), quantity.field
            assert is_refused(domain, quantity.field, repr(math.nextafter(bound, outwards))), quantity.field


@EACH_DOMAIN
@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_not_a_finite_number_is_refused_for_a_number(domain: str, text: str) -> None:
    assert [quantity.field for quantity in numbers(domain) if not is_refused(domain, quantity.field, text)] == []


@EACH_DOMAIN
def test_only_true_and_false_are_taken_for_a_state(domain: str) -> None:
    for quantity in QUANTITIES[domain].values():
        if quantity.kind is Kind.STATE:
            assert reading(domain, quantity.field, "true") is True
            assert reading(domain, quantity.field, "false") is False
            assert [text for text in NOT_STATES if not is_refused(domain, quantity.field, text)] == [], quantity.field


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        pytest.param("ts", "1793491200250", 1793491200250, id="ts-epoch"),
        pytest.param("ts", '"2026-11-01T07:00:00+07:00"', "2026-11-01T07:00:00+07:00", id="ts-text"),
        pytest.param("seq", "0", 0, id="seq-first"),
        pytest.param("seq", str(SEQ_MAX), SEQ_MAX, id="seq-last"),
        pytest.param("lane", '"1"', "1", id="lane"),
        pytest.param("direction", '"in"', "in", id="direction"),
        pytest.param("channel", f'"{"c" * 64}"', "c" * 64, id="channel-of-64"),
        pytest.param("vehicle_class", '"bus"', "bus", id="vehicle-class"),
    ],
)
def test_the_keys_beside_the_quantities_are_handed_on_as_sent(key: str, text: str, value: object) -> None:
    assert reading("traffic", key, text) == value


@each_row(
    ("key", "text"),
    [
        pytest.param("ts", "1793491200.25", id="ts-fraction"),
        pytest.param("ts", "true", id="ts-boolean"),
        pytest.param("ts", "null", id="ts-null"),
        pytest.param("seq", "-1", id="seq-below"),
        pytest.param("seq", str(SEQ_MAX + 1), id="seq-above"),
        pytest.param("seq", "17.0", id="seq-float"),
        pytest.param("seq", '"17"', id="seq-text"),
        pytest.param("lane", "1", id="lane-number"),
        pytest.param("lane", '""', id="lane-empty"),
        pytest.param("lane", '"1\\n"', id="lane-line-feed-behind"),
        pytest.param("direction", '"in bound"', id="direction-space"),
        pytest.param("direction", '"a,b=c"', id="direction-line-protocol"),
        pytest.param("channel", f'"{"c" * 65}"', id="channel-of-65"),
        pytest.param("vehicle_class", '"tank"', id="vehicle-class-unknown"),
        pytest.param("colour", '"red"', id="unknown-key"),
        pytest.param("quality", "0", id="quality-is-not-the-devices"),
    ],
)
def test_a_key_outside_its_grammar_is_left_to_the_slow_path(key: str, text: str) -> None:
    assert is_refused("traffic", key, text)


@each_row("name", VEHICLE_CLASSES)
def test_every_vehicle_class_is_taken(name: str) -> None:
    assert reading("traffic", "vehicle_class", json.dumps(name)) == name


def test_a_quantity_of_another_domain_is_refused() -> None:
    assert is_refused("water", "voltage_l1_v", "230")


def test_an_array_is_refused_because_its_readings_are_judged_one_by_one() -> None:
    with pytest.raises(ValidationError):
        native_adapter("water").validator.validate_json(b'[{"ph": 7}]')
    assert NativeDecoder("water").decode_plain(b'[{"ph": 7}]') is None
