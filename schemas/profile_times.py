"""The profile language, time: ordered sources, of which the first plausible one is used."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.durations import SpanMs, parse_span_ms
from schemas.profile_values import Instant, Paths, TextSourceOrPath, ValueOrPath, ValueSpec, literal_or_path

LastResort = Literal["arrival", "skip"]
PART_NAMES = ("year", "month", "day", "hour", "minute", "second")


def _span(written: object) -> object:
    if isinstance(written, int | float):
        return {"literal": written}
    if isinstance(written, str) and written[:1].isdigit():
        return {"literal": parse_span_ms(written), "unit": "ms"}
    return literal_or_path(written)


Span = Annotated[ValueSpec, BeforeValidator(_span, json_schema_input_type=str | float | ValueSpec)]
"""``15min``, the path of a number of seconds, or a mapping with path and unit."""


def _parts(written: object) -> object:
    return dict(zip(PART_NAMES, written, strict=False)) if isinstance(written, list) else written


TimeParts = Annotated[
    dict[str, ValueOrPath],
    BeforeValidator(_parts, json_schema_input_type=dict[str, ValueOrPath] | list[ValueOrPath]),
]


class TimeSource(Instant):
    """One place where a time may be."""

    parts: TimeParts | None = Field(
        None,
        description=f"The calendar in parts, {', '.join(PART_NAMES)}: each a path or a number; years below 100 are "
        "from 2000. Without year, month and day: the last day on which the device's clock showed this time.",
    )
    join: list[TextSourceOrPath] | None = Field(
        None,
        min_length=1,
        description="Texts that are a time together, such as date and time of day; nothing if one is missing.",
    )
    by: str = Field("", description="The text between the parts of join.")
    base: Paths | None = Field(None, description="Where the time is from which the items of each are counted; or arrival.")
    step: Span | None = Field(None, description="Time from one item to the next: 1h, or the path of a number of seconds.")
    first: int = Field(0, description="How many steps the first item is away from base.")
    sign: Literal[1, -1] = Field(1, description="1: the items go forwards from base; -1: backwards.")
    minus: Span | None = Field(None, description="An age to take away: 15min, a path of seconds, or {path: ..., unit: min}.")
    max_past: SpanMs | None = Field(
        None, description="Not plausible if older than this; as configured for the gateway if left out."
    )
    max_future: SpanMs | None = Field(None, description="Not plausible if further ahead of now than this.")
    else_: LastResort | None = Field(
        None, alias="else", description="The action if this time is not plausible; else the next source is tried."
    )
    last: LastResort | None = Field(None, description="arrival: the gateway's time; skip: no point.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = ("path", "topic", "property", "parts", "join", "base", "last")
        given = [name for name in places if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both given; a time comes from one place")
        if not given and self.minus is None:
            raise ValueError("give path, base, parts or join: where the time is")
        if self.base is not None and self.step is None and self.minus is None:
            raise ValueError("base needs step, the time from one item to the next, or minus, an age to take away")
        if self.parts is not None and (wrong := sorted(self.parts.keys() - set(PART_NAMES))):
            raise ValueError(f"parts has no {wrong[0]!r}; it has {', '.join(PART_NAMES)}")
        return self


def _source(written: object) -> object:
    if isinstance(written, str):
        return {"last": written} if written in {"arrival", "skip"} else {"path": written}
    return written


def _sources(written: object) -> object:
    return written if isinstance(written, list) else [written]


_TimeSourceOrPath = Annotated[TimeSource, BeforeValidator(_source, json_schema_input_type=str | TimeSource)]
TimeSources = Annotated[
    list[_TimeSourceOrPath],
    Field(min_length=1),
    BeforeValidator(_sources, json_schema_input_type=str | TimeSource | list[str | TimeSource]),
]
"""A path, one source, or several in order; ``arrival`` or ``skip`` (no point) as the last. Without either: ``arrival``."""
