"""The columns of the open data, and what they mean as JSON-LD: made from the table of quantities. Pure."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from schemas.quantities import COUNTERS, DOMAINS, QUANTITIES, SPREAD_OF, UNITS, USED_OF
from schemas.standard_names import NO_NAMES, STANDARD_NAMES, unit_uri

RAIN: Final = "rain_mm"
"""The counter that is not added up."""
CONTEXT_FILE: Final = "open-data.jsonld"
MARKS: Final = ("estimated", "suspect", "measured")
COLUMNS: Final = ("day", "area", "area_name", "domain", "quantity", "unit", "value", "devices", "uncovered", *MARKS)
FLOWS: Final = {"water": ("used", "supplied", "lost"), "power": ("used", "supplied", "produced", "lost")}
"""Domain → what flowed in an area, each litre and kilowatt-hour counted once."""
_MAIN: Final = {"water": "volume_m3", "power": "energy_import_kwh"}
_FLOWS_MEAN: Final = {
    "used": "What the customers' meters of the area counted on the day.",
    "supplied": "What came into the area through the first meters on the way, and what was produced in it.",
    "produced": "What the customers of the area fed into the grid.",
    "lost": "What was supplied less what was used, where all customers are registered.",
}
_OWN: Final = "urn:province-gateway:"
_PREFIXES: Final = {
    "sosa": "http://www.w3.org/ns/sosa/",
    "qudt": "http://qudt.org/schema/qudt/",
    "dct": "http://purl.org/dc/terms/",
    "schema": "https://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "province": _OWN,
}
_OF_COLUMNS: Final[dict[str, object]] = {
    "day": {"@id": "dct:date", "@type": "xsd:date"},
    "area": "schema:areaServed",
    "area_name": "schema:name",
    "domain": "dct:subject",
    "quantity": {"@id": "sosa:observedProperty", "@type": "@vocab"},
    "unit": "qudt:ucumCode",
    "value": {"@id": "sosa:hasSimpleResult", "@type": "xsd:decimal"},
    "devices": {"@id": "province:devices", "@type": "xsd:integer"},
    "uncovered": {"@id": "province:uncovered", "@type": "xsd:integer"},
    **{mark: {"@id": f"province:{mark}", "@type": "xsd:decimal"} for mark in MARKS},
}


class OpenQuantity(NamedTuple):
    """A figure of the open data.

    :ivar name: its name, such as ``used_m3`` or ``pressure_mean_kpa``: that of the field of the roll-ups of areas.
    :ivar field: the field of the table that it is worked out from.
    :ivar meaning: the thing that it says, in one sentence.
    """

    name: str
    field: str
    unit: str
    meaning: str


def open_quantities(domain: str) -> Iterator[OpenQuantity]:
    """The figures of a domain: what flowed, then in the order of the table. Lowest and highest values are one device's.

    Registers of water and power are not added up, since bulk meters stand before others.
    """
    for word in FLOWS.get(domain, ()):
        unit = COUNTERS[_MAIN[domain]].unit
        yield OpenQuantity(f"{word}_{UNITS[unit].suffix}", _MAIN[domain], unit, _FLOWS_MEAN[word])
    for field, row in QUANTITIES[domain].items():
        if field in COUNTERS and domain not in FLOWS:
            over = "mean of the gauges" if field == RAIN else "over all devices"
            yield OpenQuantity(USED_OF[field], field, row.unit, f"Counted on the day, {over}: {row.meaning}")
        elif field in SPREAD_OF[domain]:
            yield OpenQuantity(
                SPREAD_OF[domain][field][1], field, row.unit, f"Mean of the day, each device weighing the same: {row.meaning}"
            )


def open_data_context() -> dict[str, Any]:
    """The meaning of a row of the open data, read as a JSON object, and of each of its quantities."""
    found = {quantity.name: (domain, quantity) for domain in DOMAINS for quantity in open_quantities(domain)}
    terms = {name: f"province:{name}" for name in found}
    return {
        "@context": {"@version": 1.1, **_PREFIXES, **_OF_COLUMNS, **terms},
        "@graph": [_described(domain, quantity) for domain, quantity in found.values()],
    }


def _described(domain: str, quantity: OpenQuantity) -> dict[str, object]:
    observed = STANDARD_NAMES[domain].get(quantity.field, NO_NAMES).observed
    return {
        "@id": f"province:{quantity.name}",
        "@type": "sosa:ObservableProperty",
        "dct:description": quantity.meaning,
        "qudt:ucumCode": quantity.unit,
        "dct:conformsTo": {"@id": unit_uri(quantity.unit)},
        **({"dct:isVersionOf": {"@id": observed}} if observed else {}),
    }
