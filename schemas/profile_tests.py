"""The profile language, tests: messages in order, and the points that they must give."""

import json
from base64 import b64decode
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from schemas.profile_points import Measurement
from schemas.profile_values import Part, Scalar, written
from schemas.rejects import RejectReason


def _instant(given: object) -> object:
    """A time that can be compared: RFC 3339 with its zone, ms since 1970, or ``arrival``."""
    if not isinstance(given, str) or given == "arrival":
        return given
    try:
        has_zone = datetime.fromisoformat(given).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise ValueError(f"{given!r} is not a time with a zone; write for example 2026-09-03T08:15:41Z, or arrival")
    return given


WrittenInstant = Annotated[str | int, BeforeValidator(_instant)]
Word = Annotated[str, BeforeValidator(lambda given: written(given) if isinstance(given, int) else given)]


class ExpectedPoint(Part):
    """An expected point: all its fields, numbers within 1e-9."""

    measurement: Measurement
    time: WrittenInstant | None = Field(
        None, description="RFC 3339, or ms since 1970; arrival: the gateway's. Left out: not compared."
    )
    device: str | None = Field(None, description="Left out: not compared.")
    tags: dict[str, Word] = Field({}, description="Tags beside area, device and site.")
    fields: dict[str, Scalar]
    quality: int | None = Field(None, description="0 if left out; 1 where time is arrival.")


def _expected(written: object) -> object:
    if written == "ignored":
        return {"ignored": True}
    if isinstance(written, str):
        return {"reject": written}
    return {"points": written} if isinstance(written, list) else written


class Expected(Part):
    """The expected result of the messages: points, ``ignored``, or the reason of a reject."""

    points: list[ExpectedPoint] = Field([], description="The points, in any order.")
    ignored: bool = False
    reject: RejectReason | None = None


ShortExpected = Annotated[
    Expected,
    BeforeValidator(_expected, json_schema_input_type=Literal["ignored"] | RejectReason | list[ExpectedPoint] | Expected),
]


class TestMessage(Part):
    """One message; its bytes are given in one of four ways."""

    __test__ = False  # not a class of tests for pytest

    topic: str = ""
    payload: Any = Field(None, description="A JSON value; a text is sent as it is.")
    text: str | None = Field(None, validation_alias=AliasChoices("text", "payload_text"))
    hex: str | None = Field(None, validation_alias=AliasChoices("hex", "payload_hex"), description="The bytes in hexadecimal.")
    base64: str | None = Field(
        None, validation_alias=AliasChoices("base64", "payload_base64"), description="The bytes in Base64."
    )
    retain: bool = False
    arrival: WrittenInstant | None = Field(
        None,
        validation_alias=AliasChoices("arrival", "arrival_ms"),
        description="RFC 3339, or ms since 1970. Left out: the newest time that is expected, or that the message tells, so "
        "that it is plausible.",
    )
    properties: dict[str, str] = Field({}, description="MQTT user properties.")
    expect: ShortExpected | None = Field(None, description='A list of points, "ignored", or the reason of the reject.')

    def body(self) -> bytes:
        """The bytes to send.

        :raises ValueError: with a sentence, where they are written wrongly.
        """
        try:
            if self.hex is not None:
                return bytes.fromhex(self.hex)
            if self.base64 is not None:
                return b64decode(self.base64, validate=True)
        except ValueError as error:
            raise ValueError(f"the bytes cannot be read: {error}") from error
        if self.text is not None or isinstance(self.payload, str):
            return (self.text if self.text is not None else self.payload).encode()
        return json.dumps(self.payload, ensure_ascii=False, separators=(",", ":")).encode()

    @model_validator(mode="after")
    def _one_payload(self) -> Self:
        given = self.model_fields_set & {"payload", "text", "hex", "base64"}
        if len(given) > 1:
            raise ValueError(f"{' and '.join(sorted(given))} are both given; a message has one payload")
        if self.topic and not given:
            raise ValueError("give payload, text, hex or base64")
        self.body()
        return self


class ProfileTest(TestMessage):
    """One message and its expected result; or ``messages``, several in order, and their result together."""

    name: str = Field("", description="The subject of the test.")
    messages: list[TestMessage] = Field([], description="Several messages in order; each may have an expect of its own.")
    params: dict[str, Scalar] = Field({}, description="Parameters of the device, as the registry has them.")
    devices: dict[str, dict[str, Scalar]] = Field(
        {}, description="Device → its parameters, for those behind a concentrator that have their own."
    )

    def sequence(self) -> list[TestMessage]:
        """The messages in their order."""
        return self.messages or [self]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.topic) == bool(self.messages):
            raise ValueError("give topic and payload of one message, or messages")
        if any(not message.topic for message in self.messages):
            raise ValueError("each of the messages needs its topic")
        if self.expect is None and all(message.expect is None for message in self.messages):
            raise ValueError("give expect: the points, ignored, or the reason of a reject")
        return self
