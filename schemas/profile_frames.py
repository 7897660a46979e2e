"""The profile language, bytes: how a payload is decoded, the flat frames of ``struct``, the maker's codec."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.profile_values import Part

DecoderName = Literal[
    "json", "json_lenient", "senml_json", "senml_cbor", "cbor", "sparkplug_b", "text", "csv", "pairs", "obis", "bytes", "hex",
    "base64",
]  # fmt: skip
NumberType = Literal["u8", "u16", "u24", "u32", "u64", "i8", "i16", "i24", "i32", "i64", "f32", "f64"]
FrameType = Literal[
    "u8", "u16", "u24", "u32", "u64", "i8", "i16", "i24", "i32", "i64", "f32", "f64", "bcd", "text", "hex"
]  # fmt: skip
ByteOrder = Literal["abcd", "badc", "cdab", "dcba"]
FieldOrder = Literal["abcd", "badc", "cdab", "dcba", "ab", "ba"]


def _nested(written: object) -> object:
    return [{"as": step} if isinstance(step, str) else step for step in (written if isinstance(written, list) else [written])]


class NestedStep(Part):
    """One decoding of a value inside a document."""

    as_: Literal["base64", "hex", "json", "words"] | NumberType = Field(
        alias="as",
        description="base64 and hex give bytes, json the value of a text, words the bytes of a list of 16-bit registers; u8 to "
        "f64 the number that bytes are.",
    )
    order: ByteOrder = Field("abcd", description="For words and numbers: the order of the bytes.")


Nested = Annotated[list[NestedStep], BeforeValidator(_nested, json_schema_input_type=str | NestedStep | list[str | NestedStep])]


class Csv(Part):
    """Rows of text with separators.

    With each, the document is the list of rows; without, it is the one row of the message.
    """

    delimiter: str = Field(",", min_length=1, max_length=1)
    header: bool | list[str] = Field(
        default=False,
        description="true: the first row names the columns; or their names; else they are called 0, 1, 2 and so on.",
    )
    decimal: Literal[".", ","] = "."


class Pairs(Part):
    """Keys and values in a text: ``a=1&b=2``."""

    between: str = Field("&", min_length=1, max_length=8, description="The text between pairs; with & it is a web form.")
    equals: str = Field("=", min_length=1, max_length=8, description="The text between a key and its value.")


class Decode(Part):
    """The decoding of bytes into a document, and of parts inside it."""

    as_: DecoderName = Field("json", alias="as")
    text: str | None = Field(None, description='Template of one line of text: "{flow:number} m3/h {state:word}".')
    csv: Csv | None = None
    pairs: Pairs | None = None
    nested: dict[str, Nested] = Field(
        {},
        description="Path → how the value there is decoded again: base64, hex, json (in a text), words; or several in order.",
    )

    @model_validator(mode="after")
    def _template(self) -> Self:
        if self.as_ == "text" and self.text is None:
            raise ValueError('text needs its template; write {text: "{flow:number} m3/h {state:word}"}')
        return self


def _decode(written: object) -> object:
    if isinstance(written, str):
        return {"as": written}
    if isinstance(written, list) and written and all(isinstance(step, Mapping) for step in written[1:]):
        return _in_order(written[0], written[1:])
    if isinstance(written, Mapping) and "as" not in written:
        return {"as": next((name for name in ("text", "csv", "pairs") if name in written), "json")} | dict(written)
    return written


def _in_order(outer: object, inner: list[Mapping[str, object]]) -> object:
    """A list: the decoder, then nested values, as ``{path: /data, as: base64}`` or ``{/data: base64}``."""
    nested: dict[str, list[object]] = {}
    for step in inner:
        pairs = (
            [(str(step["path"]), {key: of for key, of in step.items() if key != "path"})] if "path" in step else step.items()
        )
        for path, how in pairs:
            nested.setdefault(path, []).append(how)
    decoded = _decode(outer)
    return {**decoded, "nested": nested} if isinstance(decoded, Mapping) else decoded


ShortDecode = Annotated[Decode, BeforeValidator(_decode, json_schema_input_type=DecoderName | Decode | list[Any])]


class FrameField(Part):
    """One value in a flat frame; or with repeat, a list of smaller frames, one behind the other."""

    name: str = Field(min_length=1)
    at: int = Field(description="Offset of the first byte; negative: from the end.")
    type: FrameType | None = Field(None, description="The value there; not with repeat.")
    length: int | None = Field(None, ge=1, le=255, description="Bytes of bcd, text and hex; with repeat, of one item.")
    order: FieldOrder = Field(
        "abcd", description="Order of the bytes; abcd has the highest first. ab and ba say the same of two bytes."
    )
    bits: tuple[int, int] | None = Field(None, description="[from, count]: bits of the number; bit 0 is the lowest.")
    signed: bool = Field(default=False, description="For bits: the highest of them is the sign.")
    repeat: "list[FrameField] | None" = Field(
        None, min_length=1, description="A list: the fields of one item, their offsets counted from its first byte."
    )
    count: Annotated[int, Field(ge=1)] | str | None = Field(
        None, description="For repeat: how many items there are, or the name of the field that says it; else to the end."
    )
    end: int | None = Field(
        None, lt=0, description="For repeat without count: where the list ends, counted from the end of the frame."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.type is None) is (self.repeat is None):
            raise ValueError("give type, the type of the value; or repeat: the fields of each item of a list")
        if self.repeat is None and (self.count is not None or self.end is not None):
            raise ValueError("count and end belong to repeat: a list")
        if self.count is not None and self.end is not None:
            raise ValueError("count and end are both given; a list ends in one way")
        if self.repeat is not None and (self.bits is not None or self.signed):
            raise ValueError("bits and signed belong to a number, not to a list")
        return self


class FrameSpec(Part):
    """A flat frame: its bytes are at ``of``, its values at ``/struct/NAME``."""

    of: str = Field("/payload", description="Path of the bytes.")
    fields: list[FrameField] = Field(min_length=1)


def _frame(written: object) -> object:
    return {"fields": written} if isinstance(written, list) else written


ShortFrame = Annotated[FrameSpec, BeforeValidator(_frame, json_schema_input_type=list[FrameField] | FrameSpec)]


class CodecSpec(Part):
    """The maker's codec: JavaScript as published for network servers, unchanged."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.js$", description="Name of the file beside the profile.")
    prefer: Literal["decoded", "codec"] | None = Field(
        None,
        description="decoded: if the network server has decoded already, its object is used; codec: the codec always runs.",
    )
    bytes: str = Field("/payload", description="Path of the frame's bytes.")


def _codec(written: object) -> object:
    return {"file": written} if isinstance(written, str) else written


ShortCodec = Annotated[CodecSpec, BeforeValidator(_codec, json_schema_input_type=str | CodecSpec)]
