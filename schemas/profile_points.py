"""The profile language, points: which canonical quantities a payload holds, once or for each item of a list or map."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, JsonValue

from schemas.durations import RatePerH
from schemas.profile_times import TimeSources
from schemas.profile_values import BoundedNumber, Part, Paths, TagSource, TextSourceOrPath, ValueOrPath, ValueSpec, text_keys
from schemas.profile_when import When, YesOrWhen
from schemas.quantities import QUANTITIES

Measurement = Literal["water", "power", "traffic", "urban", "device_health"]
TagName = Literal["channel", "direction", "lane", "vehicle_class"]
TagSources = dict[TagName, TagSource]
FIELD_NAMES: Final[list[JsonValue]] = list(dict.fromkeys(field for fields in QUANTITIES.values() for field in fields))


class CounterSpec(Part):
    """Facts about a register beside its quantity; all of them optional."""

    wrap: int | str | None = Field(
        None,
        description="Where the register starts again from 0, in raw units: u16, u32, a width as 23bit, or the number.",
    )
    reset: Literal["small_step_back_is_suspect"] = Field(
        "small_step_back_is_suspect",
        description="A step back sets quality bit 4, and is believed when two more readings confirm it.",
    )
    max_rate: RatePerH | None = Field(None, description="The most it can grow, in the field's own unit: 20/h, 0.5/min, 500/d.")
    size: RatePerH | None = Field(
        None,
        description="What the size of these meters passes, 3.1/h: more is a step that must be confirmed. q3_m3_h and "
        "rated_a in `params` of a device come first.",
    )


ShortCounter = Annotated[
    CounterSpec,
    BeforeValidator(lambda given: {} if given is True else given, json_schema_input_type=Literal[True] | CounterSpec),
]


class FieldValue(ValueSpec):
    """The source of a quantity, its steps, and the condition under which it counts."""

    when: When | None = Field(None, description="Only where this holds.")
    bounds: tuple[BoundedNumber, BoundedNumber] | None = Field(
        None, description="[least, most]: narrower bounds than those of the quantity."
    )
    counter: ShortCounter | None = Field(None, description="For a register: wrap, reset, max_rate.")


def _field(written: object) -> object:
    return {"path": written} if isinstance(written, str) else written


def _entry(written: object) -> object:
    return {"field": written} if isinstance(written, str) else written


def _entries(written: object) -> object:
    if written == "skip":
        return []
    return written if isinstance(written, list) else [written]


ShortField = Annotated[FieldValue, BeforeValidator(_field, json_schema_input_type=str | FieldValue)]


class MapEntry(FieldValue):
    """The meaning of a name: a field, from the item's value unless a path is given."""

    field: str = Field(description="The quantity. {name} stands for what the pattern took.")
    tags: TagSources = Field({}, description="Tags of this field alone. {name} in a text stands for what the pattern took.")


_ShortEntry = Annotated[MapEntry, BeforeValidator(_entry, json_schema_input_type=str | MapEntry)]
_Entries = Annotated[list[_ShortEntry], BeforeValidator(_entries, json_schema_input_type=str | MapEntry | list[str | MapEntry])]
Map = Annotated[dict[str, _Entries], BeforeValidator(text_keys)]


class Running(Part):
    """Totals from differences: each item becomes start ± the sum of the items so far, itself included."""

    start: ValueOrPath = Field(description="The total to start from.")
    sign: Literal[1, -1] = Field(
        1, description="1: the differences are added; -1: taken away, for a list that goes back in time."
    )
    sentinels: list[BoundedNumber] = Field([], description="Differences that mean there is none; the totals end there.")


class Each(Part):
    """One point for each item of a list or map; the items of parallel lists go together."""

    of: Paths | list[str] | dict[str, str] | None = Field(
        None,
        description="The list or map. Several lists: [/times, /values] makes items with the parts 0 and 1; "
        "{t: /times, v: /values} makes items with t and v. Left out: the document is the only item.",
    )
    by: TextSourceOrPath | None = Field(None, description="The name of an item, for map; else its key.")
    value: Paths | None = Field(None, description="The value of an item; else the item itself.")
    time: TimeSources | None = Field(None, description="The time of an item.")
    when: When | None = Field(None, description="Only items for which this holds.")
    running: Running | None = None


def _each(written: object) -> object:
    return {"of": written} if isinstance(written, str) else written


ShortEach = Annotated[Each, BeforeValidator(_each, json_schema_input_type=str | Each)]


class PointSpec(Part):
    """One measurement; with each, one point for each item. Values of the same measurement, tags and time become one point."""

    measurement: Measurement
    when: When | None = Field(None, description="Only where this holds.")
    each: ShortEach | None = None
    fields: dict[str, ShortField] = Field(
        {}, description="Quantity → its source.", json_schema_extra={"propertyNames": {"enum": FIELD_NAMES}}
    )
    map: Map = Field(
        {},
        description="Name → field, for items with a name. {p:1|2|3} in a name takes one of these, {p} any text; skip leaves "
        'the name out; "*" is for the rest. A name that is not here is left out and counted.',
    )
    time: TimeSources | None = Field(None, description="Where the time of these points is; else that of the profile.")
    device: TextSourceOrPath | None = Field(
        None, description="Another device than that of the message, such as a meter behind a concentrator."
    )
    tags: TagSources = Field({}, description="Tags of these points.")
    historic: YesOrWhen | None = Field(
        None, description="These points are from the past: true, or a when (in each: of an item)."
    )
    estimated: YesOrWhen | None = Field(None, description="The device says that these values are estimated: true, or a when.")
