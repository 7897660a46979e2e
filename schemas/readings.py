"""Native readings as validators made from the table of quantities.

:func:`native_types` are what the gateway decodes with: nearly every message needs no thought, and is decided in one call into
compiled code, straight from the bytes. What does not fit them is not refused by the gateway: it goes the patient way of
:mod:`gateway.core.readings.native`, which applies the rules key by key. :func:`native_adapter` says the same as a JSON schema
does.
"""

from functools import cache
from typing import Annotated, Any, Final, Literal

from msgspec import Meta
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic refuses typing.TypedDict below Python 3.12

from schemas.quantities import HEALTH, QUANTITIES, VEHICLE_CLASSES, Kind, Quantity
from schemas.standard_names import NO_NAMES, STANDARD_NAMES, StandardNames, unit_uri
from schemas.topics import NAME_PATTERN

Value = float | int | bool | str
NativeReading = dict[str, Value]
"""Key → value as a device sent it, checked."""

SEQ_MAX: Final = 2**63 - 1
ARRAY_MAX: Final = 1000
"""Most readings in one message."""
DEVICE_STATES: Final = ("online", "offline")
"""What a device may say of itself in its status; ``offline`` is its will."""

_TS = Annotated[
    Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True, json_schema_extra={"format": "date-time"})],
    Field(
        description="Time of the reading, of an interval its end: integer epoch in s, ms, us or ns, told apart by magnitude, "
        "or RFC 3339 text with a zone. Without it, or where it is over 40 days old or 5 minutes ahead (the defaults), the "
        "gateway's time of arrival is used.",
        examples=[1793491200250, "2026-11-01T07:00:00.250+07:00"],
    ),
]
_SEQ = Annotated[
    int,
    Field(strict=True, ge=0, le=SEQ_MAX, description="Counts up by one per reading of the device; may restart at reboot."),
]
_CLASS = Annotated[Literal[VEHICLE_CLASSES], Field(description="Class of the vehicles counted; a tag.")]  # type: ignore[valid-type]


def _text(meaning: str) -> Any:  # noqa: ANN401 - a type made at run time has no static type
    return Annotated[str, Field(strict=True, pattern=f"^{NAME_PATTERN}$", description=f"{meaning}; a tag.")]


NAME_KEYWORDS: Final = {
    "obis": "x-obis",
    "observed": "x-observed-property",
    "ngsi_ld": "x-ngsi-ld",
    "lwm2m": "x-lwm2m",
}
"""Standard → the keyword of a JSON schema that holds its name."""
ENVELOPE_KEYS: Final[dict[str, Any]] = {
    "ts": _TS,
    "seq": _SEQ,
    "lane": _text("Lane of the road"),
    "direction": _text("Direction of travel"),
    "vehicle_class": _CLASS,
    "channel": _text("Input of a device that has several"),
}
"""Keys of a native reading that are not quantities."""


_TAG = Annotated[str, Meta(pattern=rf"^{NAME_PATTERN}\Z")]
_ENVELOPE_TYPES: Final[dict[str, Any]] = {
    "ts": int | str,
    "seq": Annotated[int, Meta(ge=0, le=SEQ_MAX)],
    "lane": _TAG,
    "direction": _TAG,
    "vehicle_class": Literal[VEHICLE_CLASSES],
    "channel": _TAG,
}


@cache
def native_key_types(domain: str) -> dict[str, Any]:
    """The type of each key of a native reading of ``domain``, device-health quantities included, for msgspec."""
    keys = dict(_ENVELOPE_TYPES)
    for field, quantity in (QUANTITIES[domain] | QUANTITIES[HEALTH]).items():
        is_state = quantity.kind is Kind.STATE
        keys[field] = bool if is_state else Annotated[float, Meta(ge=quantity.minimum, le=quantity.maximum)]
    return keys


@cache
def native_types(domain: str) -> Any:  # noqa: ANN401 - a type made at run time has no static type
    """The type of a native reading of ``domain`` with any of its keys.

    Keys that it does not know are left out without a word: whoever decodes counts them.
    """
    keys = native_key_types(domain)
    types = TypedDict(f"{domain.capitalize()}Values", keys, total=False)  # type: ignore[misc]
    return types  # noqa: RET504 - mypy takes it for a call of a special form


def _annotation(quantity: Quantity, names: StandardNames) -> Any:  # noqa: ANN401 - a type made at run time has no static type
    about: dict[str, Any] = {"x-kind": quantity.kind.value}
    elsewhere = {NAME_KEYWORDS[standard]: name for standard, name in names._asdict().items() if name}
    if quantity.kind is Kind.STATE:
        return Annotated[bool, Field(strict=True, description=quantity.meaning, json_schema_extra=about | elsewhere)]
    bounds = Field(
        strict=True,
        ge=quantity.minimum,
        le=quantity.maximum,
        allow_inf_nan=False,
        description=quantity.meaning,
        json_schema_extra=about | {"x-unit": quantity.unit, "x-unit-uri": unit_uri(quantity.unit)} | elsewhere,
    )
    return Annotated[float, bounds]


@cache
def native_adapter(domain: str) -> TypeAdapter[NativeReading]:
    """The validator of one native reading of ``domain``, device-health quantities included."""
    quantities = QUANTITIES[domain] | QUANTITIES[HEALTH]
    names = STANDARD_NAMES[HEALTH] | STANDARD_NAMES[domain]
    keys = ENVELOPE_KEYS | {field: _annotation(row, names.get(field, NO_NAMES)) for field, row in quantities.items()}
    shape = TypedDict(f"{domain.capitalize()}Reading", keys, total=False)  # type: ignore[misc]
    adapter: TypeAdapter[NativeReading] = TypeAdapter(with_config(ConfigDict(extra="forbid"))(shape))  # type: ignore[arg-type]
    return adapter
