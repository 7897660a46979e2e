"""The columns of the open data, and what they mean as JSON-LD: made from the table of quantities. Pure."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from schemas.quantities import COUNTERS, DOMAINS, QUANTITIES, SPREAD_OF, USED_OF
from schemas.standard_names import NO_NAMES, STANDARD_NAMES, unit_uri

CONTEXT_FILE: Final = "open-data.jsonld"
COLUMNS: Final = ("day", "area", "area_name", "domain", "quantity", "unit", "value", "devices", "uncovered")
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
}


class OpenQuantity(NamedTuple):
    """A figure of the open data.

    :ivar name: its name, such as ``volume_used_m3`` or ``pressure_mean_kpa``.
    :ivar field: the field of the table that it is worked out from.
    :ivar meaning: the thing that it says, in one sentence.
    """

    name: str
    field: str
    unit: str
    meaning: str


def open_quantities(domain: str) -> Iterator[OpenQuantity]:
    """The figures of a domain, in the order of the table. A lowest or highest value is one device's, and not among them."""
    for field, row in QUANTITIES[domain].items():
        if field in COUNTERS:
            yield OpenQuantity(USED_OF[field], field, row.unit, f"What the day added, over all devices: {row.meaning}")
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
