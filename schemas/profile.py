"""A device profile as a model: which messages it takes, how they are read, which quantities they hold, with tests inside.

The model describes the form of a profile; the compiler in the gateway works out the meaning of its parts together.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.durations import OffsetMs, SpanMs
from schemas.profile_frames import ShortCodec, ShortDecode, ShortFrame
from schemas.profile_points import PointSpec, TagSources
from schemas.profile_tests import ProfileTest
from schemas.profile_times import TimeSources
from schemas.profile_values import Part, Paths, Texts, TextSourceOrPath, text_keys
from schemas.profile_when import When, YesOrWhen

Retained = Literal["drop", "accept", "drop_unless_timestamped"]


class Match(Part):
    """The messages that the profile takes. More literal levels of the topic win, then more predicates of ``when``."""

    topic: Texts | None = Field(
        None,
        description="Topic filters; {name} stands for one level, or a part of it, and gives it a name: tele/{device}/SENSOR.",
    )
    envelope: str | None = Field(
        None,
        min_length=1,
        description="The network server's envelope around the device's frame: lorawan for any of them, or the name of one.",
    )
    when: When = Field(When(), description="Tests on the document, and on named levels of the topic.")
    by: Literal["registry"] | None = Field(
        None, description="registry: only for devices whose registry entry names this profile or its model: bytes cannot tell."
    )

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.topic is None and self.envelope is None and self.by is None:
            raise ValueError("give topic, envelope or by: how else would a message be found")
        return self


def _several(written: object) -> object:
    return written if isinstance(written, list) else [written]


class StatusSpec(Part):
    """Messages that say that a device is online or offline. They carry no data."""

    topic: Texts = Field(description="Topic filters, as in match.")
    path: str | None = Field(None, description="Where the word is in a JSON payload; else the payload is the word.")
    text: Annotated[dict[str, Literal["online", "offline"]], BeforeValidator(text_keys)] = Field(
        {"online": "online", "offline": "offline"}, min_length=1, description="Word in the payload → online or offline."
    )


class Dedup(Part):
    """The rule by which a message is a copy of an earlier one of the same device."""

    key: Annotated[
        list[TextSourceOrPath],
        BeforeValidator(_several, json_schema_input_type=TextSourceOrPath | list[TextSourceOrPath]),
    ] = Field(min_length=1, description="Paths of the values that make two messages the same.")
    window: SpanMs = Field(description="Time for which a key is remembered: 10min.")


def _model_name(text: str) -> str:
    if not any(letter.isalnum() for letter in text):
        raise ValueError(f"{text!r} holds neither letter nor digit")
    return text


class Profile(Part):
    """A device profile."""

    profile: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="Its name: a-z 0-9 . _ -, unique.")
    description: str = Field("", description="Maker, models, where the payload is described.")
    models: list[Annotated[str, AfterValidator(_model_name)]] = Field(
        [],
        description="Names of models it serves, as envelopes and registries write them; letters and digits count, in any case.",
    )
    match: Match = Field(description="Which messages the profile takes.")
    decode: ShortDecode | None = Field(
        None, description="How the bytes become a document; json if left out. Not with an envelope."
    )
    root: Paths | None = Field(None, description="Where the document begins for all other paths.")
    struct: ShortFrame | None = Field(None, description="A flat frame of bytes; its values are at /struct/NAME.")
    codec: ShortCodec | None = Field(None, description="The maker's codec, FILE.js; its result is at /codec.")
    prefer: Literal["decoded", "codec"] | None = Field(None, description="As codec.prefer; decoded if left out.")
    device: TextSourceOrPath | None = Field(
        None, description="The device; else the envelope's, or the level {device} of the topic."
    )
    site: TextSourceOrPath | None = Field(None, description="The site; else the registry's, or the level {site} of the topic.")
    seq: TextSourceOrPath | None = Field(None, description="A number that counts up by one with every message of the device.")
    tags: TagSources = Field({}, description="Tags of all points.")
    time: TimeSources | None = Field(
        None, description="Sources of the time, in order; if left out the envelope's time, then arrival."
    )
    clock_offset: OffsetMs = Field(
        0,
        description="How much too much the clocks of these devices show, 7h or -20min: their own times are reduced by it, not "
        "those of the network server. `params.clock_offset` of a device comes first.",
    )
    points: list[PointSpec] = Field([], description="The quantities that the payload holds.")
    status: Annotated[list[StatusSpec], BeforeValidator(_several, json_schema_input_type=StatusSpec | list[StatusSpec])] = (
        Field([], description="Messages that say that a device is online or offline.")
    )
    ignore: Annotated[
        list[Literal["empty"] | When],
        BeforeValidator(_several, json_schema_input_type=Literal["empty"] | When | list[Literal["empty"] | When]),
    ] = Field(
        [],
        description="Frames that are neither data nor faults, like joins: one of these holds; empty: a message without "
        "a single byte.",
    )
    retained: Retained = Field(
        "drop_unless_timestamped",
        description="The rule for retained messages: such a message may be the last one of a dead meter.",
    )
    dedup: Dedup | None = Field(None, description="When a message is a copy of an earlier one of the same device.")
    historic: YesOrWhen | None = Field(None, description="The points are from the past and never the latest: true, or a when.")
    estimated: YesOrWhen | None = Field(None, description="The device says that its values are estimated: true, or a when.")
    tests: list[ProfileTest] = Field([], description="Messages and their expected points; gateway check runs them.")
