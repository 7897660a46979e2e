"""The profile language, values: sources, steps and tests.

A path that begins with ``/`` starts at the document (JSON Pointer: ``~1`` is a slash, ``~0`` a tilde; ``/`` alone is all of
it). One that does not starts at the item of ``each``; outside of ``each`` it is a named level of the topic, or a key of the
document.
``[n]`` takes one of a list (negative: from the end), ``[*]`` all of them, ``[?key==value]`` those that fit.
``../id`` is in the object around the item, which the ``[*]`` before its list went through. Each further ``../`` goes out.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Scalar = bool | int | float | str
BoundedNumber = Annotated[float, Field(ge=-1e100, le=1e100)]


class Part(BaseModel):
    """A part of a profile; it refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def written(key: object) -> str:
    """A value of YAML or JSON as the text that stands for it: ``true``, ``3``, ``0.1``."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(int(key)) if isinstance(key, float) and key.is_integer() else str(key)


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def text_keys(value: object) -> object:
    """A mapping with text keys, which YAML may have read as 101 or true."""
    return {written(key): item for key, item in value.items()} if isinstance(value, Mapping) else value


def _first_of(value: object) -> object:
    if isinstance(value, Mapping) and "first_of" not in value:
        raise ValueError("is a path, such as /a/b, or {first_of: [/a, /b]} for the first path that has a value")
    return {"first_of": [value]} if isinstance(value, str) else value


def _hexadecimal(value: object) -> object:
    return int(value, 16) if isinstance(value, str) and value[:2].lower() == "0x" else value


def literal_or_path(value: object) -> object:
    """A number, or the path of one, in its long form."""
    if isinstance(value, bool | int | float):
        return {"literal": value}
    if not isinstance(value, str):
        return value
    try:
        return {"literal": float(value)}
    except ValueError:
        return {"path": value} if value.startswith("/") else BareValue.model_validate({"path": value})


def _text_source(value: object) -> object:
    if isinstance(value, str):
        return {"path": value}
    return {"literal": value} if isinstance(value, bool | int | float) else value


def _unit(value: object) -> object:
    return {"literal": value} if isinstance(value, str | int) else value


class FirstOf(Part):
    """The first of several paths that has a value."""

    first_of: list[str] = Field(min_length=1)


Paths = Annotated[FirstOf, BeforeValidator(_first_of, json_schema_input_type=str | FirstOf)]
Mask = Annotated[int, Field(ge=1), BeforeValidator(_hexadecimal, json_schema_input_type=int | str)]
Enum = Annotated[dict[str, Scalar | None], BeforeValidator(text_keys)]
OneOrMore = Annotated[
    list[Scalar], Field(min_length=1), BeforeValidator(_as_list, json_schema_input_type=Scalar | list[Scalar])
]
Texts = Annotated[list[str], Field(min_length=1), BeforeValidator(_as_list, json_schema_input_type=str | list[str])]

SOURCES = (
    "path",
    "first_of",
    "item",
    "key",
    "sibling",
    "topic",
    "property",
    "param",
    "literal",
    "sum",
    "sub",
    "mul",
    "div",
    "join",
)
"""Keys for the source of a value; each value has one of them."""


class ValueSource(Part):
    """The source of a value: exactly one of these keys."""

    path: Paths | None = Field(None, description="Path in the document or, without a slash in front, in the item of each.")
    first_of: list[str] | None = Field(None, min_length=1, description="The first of these paths that has a value.")
    item: Literal[True] | None = Field(None, description="The item of each itself (or its value, where each has one).")
    key: Literal[True, ".."] | None = Field(
        None, description="The item's key, its name (by), or its number in the list from 0; .. is that of the object around it."
    )
    sibling: str | None = Field(None, description="The value under the item's key in the list or map at this path.")
    topic: str | None = Field(None, description="A named level of the topic.")
    property: str | None = Field(None, description="An MQTT user property.")
    param: str | None = Field(
        None, description="A parameter of the device in the registry; required there, unless default is given."
    )
    literal: Scalar | None = Field(None, description="Always this.")
    default: Scalar | None = Field(None, description="The value to use if there is none.")

    def sources(self) -> list[str]:
        """The given keys for the source of the value."""
        given = vars(self)
        return [name for name in SOURCES if given.get(name) is not None or given.get(f"{name}_") is not None]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(given := self.sources()) > 1:
            raise ValueError(f"{' and '.join(given)} are both given; a value comes from one place")
        return self


class TextSource(ValueSource):
    """A text: the device, the site, a tag. Steps in this order: strip, regex, enum, base64_to_hex, lower, upper, name."""

    join: list["TextSourceOrPath"] | None = Field(None, min_length=1, description="Several texts, one behind the other.")
    by: str = Field("", description="The text between the parts of join.")
    strip: bool | str = Field(default=False, description="true: without the blanks around it; or the characters to take away.")
    regex: str | None = Field(None, description="The part of the text that fits: the group in brackets, or all of it.")
    enum: Enum | None = Field(None, description='Text → its meaning; "*" is for the rest.')
    base64_to_hex: bool = Field(default=False, description="Base64 of bytes → hexadecimal digits in lower case.")
    lower: bool = False
    upper: bool = False
    name: bool = Field(
        default=False,
        description="For a site or tag: a text that is not allowed is written in plain letters, with four digits that tell it "
        "from others. For a device this always happens.",
    )


class BareText(TextSource):
    """A text without a slash in the place of a tag: the key of an item or a level of the topic, or meant as it is."""


def _tag_source(value: object) -> object:
    bare = isinstance(value, str) and not value.startswith("/")
    return BareText.model_validate({"path": value}) if bare else _text_source(value)


TextSourceOrPath = Annotated[TextSource, BeforeValidator(_text_source, json_schema_input_type=str | int | TextSource)]
TagSource = Annotated[TextSource, BeforeValidator(_tag_source, json_schema_input_type=str | int | TextSource)]
Unit = Annotated[TextSource, BeforeValidator(_unit, json_schema_input_type=str | TextSource)]
TextSource.model_rebuild()
BareText.model_rebuild()


class Instant(Part):
    """The place of a time, and its format."""

    path: Paths | None = Field(None, description="Where the time is.")
    topic: str | None = Field(None, description="The named level of the topic that is the time.")
    property: str | None = Field(None, description="The MQTT user property that is the time.")
    format: str = Field(
        "auto",
        description="rfc3339; unix_s, unix_ms, unix_us, unix_ns; parts (an object or a list of year, month, day, hour, minute, "
        "second); senml (seconds, below 2^28 from now); a pattern of strptime, as %d.%m.%Y %H:%M, or %H:%M alone: the last day "
        "on which the device's clock showed this time; auto: RFC 3339, or a number whose size tells its unit.",
    )
    pattern: str | None = Field(None, description="The pattern, where format is strptime.")
    zone: str | None = Field(None, description='For times without a zone: "+07:00", UTC or a name as Asia/Ho_Chi_Minh.')
    epoch: str | None = Field(None, description="What unix_* counts from, where not 1970-01-01T00:00:00Z (RFC 3339).")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, written: object) -> object:
        """``format: strptime`` with its pattern beside or below it."""
        if not isinstance(written, Mapping):
            return written
        found = dict(written)
        below = found.get("format")
        if isinstance(below, Mapping) and len(below) == 1:
            found["format"], found["pattern"] = next(iter(below.items()))
        if found.get("format") == "strptime" and isinstance(found.get("pattern"), str):
            found["format"] = found.pop("pattern")
        return found

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(given is not None for given in (self.path, self.topic, self.property)) != 1:
            raise ValueError("give path, topic or property: where the time is, and only one of them")
        return self


def _instant(written: object) -> object:
    return {"path": written} if isinstance(written, str) else written


InstantOrPath = Annotated[Instant, BeforeValidator(_instant, json_schema_input_type=str | Instant)]


class ValueSpec(ValueSource):
    """A value and the steps it goes through, in the order of the keys here."""

    sum: list["ValueOrPath"] | None = Field(None, min_length=1, description="Sum of several values; one missing: nothing.")
    sub: list["ValueOrPath"] | None = Field(None, min_length=2, description="The first less all others.")
    mul: list["ValueOrPath"] | None = Field(None, min_length=1, description="Product of several values.")
    div: list["ValueOrPath"] | None = Field(None, min_length=2, description="The first divided by all others.")
    between: list[InstantOrPath] | None = Field(
        None, min_length=2, max_length=2, description="The seconds from the first of two times to the second."
    )
    regex: str | None = Field(
        None,
        description="The part of a text that fits is taken as the value: the group in brackets, or all of it. A text that does "
        "not fit is dropped.",
    )
    thousands: str | None = Field(
        None,
        pattern=r"^[^0-9A-Za-z+\-]$",
        description="The text between the thousands of a number sent as text: a point in 1.234,5. Groups that do not have "
        "three digits are dropped.",
    )
    bits: tuple[int, int] | None = Field(None, description="[from, count]: bits of a whole number; bit 0 is the lowest.")
    mask: Mask | None = Field(None, description="Only these bits of a whole number, in their places.")
    is_: OneOrMore | None = Field(
        None,
        alias="is",
        description="A test, true or false: the number (behind bits or mask) is this; the text is this or holds it as a word; "
        "the list holds it. Several: one of them.",
    )
    word: Texts | None = Field(None, description="A test: the text holds this word. Several: one of them.")
    member: OneOrMore | None = Field(None, description="A test: the list holds this. Several: one of them.")
    none: OneOrMore | None = Field(
        None, description="Raw values, number or text, for a missing value: nothing is stored or marked."
    )
    sentinels: OneOrMore | None = Field(
        None, description="Raw values that stand for a failed measurement, number or text: dropped, with quality bit 2."
    )
    enum: Enum | None = Field(
        None, description='Value → its meaning; "*" is for the rest, null for nothing. A value that is not listed is left out.'
    )
    scale: "ValueOrPath | None" = Field(None, description="y = x · scale + offset; a number is an exact decimal.")
    offset: "ValueOrPath | None" = None
    pow10: "ValueOrPath | None" = Field(None, description="Times ten to this power, for payloads that send an exponent.")
    unit: "Unit | None" = Field(None, description="The unit sent; it becomes the field's own.")
    sentinels_after: OneOrMore | None = Field(None, description="As sentinels, in the field's own unit.")
    table: list[tuple[BoundedNumber, BoundedNumber]] | None = Field(
        None,
        min_length=2,
        description="[[x, y], ...]: straight lines between these points; outside of them nothing. A unit is that of y.",
    )
    abs: bool = Field(default=False, description="Without its sign.")
    round: int | None = Field(None, ge=-12, le=12, description="To this many decimals.")

    @model_validator(mode="after")
    def _test_of_something(self) -> Self:
        if self.is_ is None and "is_" in self.model_fields_set:
            raise ValueError("is: null cannot be tested, since null counts as absent; say with default what it means")
        return self


class BareValue(ValueSpec):
    """A text without a slash in the place of a number: the key of an item or a level of the topic, or no number at all."""


ValueOrPath = Annotated[ValueSpec, BeforeValidator(literal_or_path, json_schema_input_type=float | str | ValueSpec)]
ValueSpec.model_rebuild()
BareValue.model_rebuild()
